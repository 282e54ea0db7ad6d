"""Names and query tags of everything the bot makes, so that nothing can be overwritten or mistaken; pure.

They carry the installation's random id beside the refresh id: a fresh database that starts again at R1 cannot meet
the leftovers of an older one. `attempt` is the claim's fencing number: a repeated step never reuses a name;
where a click fences, it is the click's.
"""

from __future__ import annotations

from bot.model import Refresh, Relation

_LONGEST = 255  # Snowflake's limit for an identifier


def _name(base: str, purpose: str, refresh: Refresh, installation: str, attempt: int | str) -> str:
    suffix = f"__{purpose}_{refresh.ref}_{installation.upper()}_{attempt}"
    return base[: _LONGEST - len(suffix)] + suffix


def baseline(refresh: Refresh, installation: str, attempt: int) -> Relation:
    return refresh.dev.renamed(_name(refresh.dev.name, "BASELINE", refresh, installation, attempt))


def candidate(refresh: Refresh, installation: str, attempt: int | str) -> Relation:
    return refresh.dev.renamed(_name(refresh.dev.name, "CANDIDATE", refresh, installation, attempt))


def backup(refresh: Refresh, schema: str, installation: str, attempt: int | str) -> Relation:
    """In `[warehouse] backup_schema` of prod's own database, where schema-level tag policies are prod's."""
    name = _name(refresh.prod.name, "BACKUP", refresh, installation, attempt)
    return Relation(refresh.prod.database, schema, name)


def before_undo(refresh: Refresh, schema: str, installation: str, attempt: int) -> Relation:
    """Production as an undo found it, beside the backups."""
    name = _name(refresh.prod.name, "BEFORE_UNDO", refresh, installation, attempt)
    return Relation(refresh.prod.database, schema, name)


def tag(refresh: Refresh, installation: str, step: str, attempt: str = "") -> str:
    """The QUERY_TAG of a step; `attempt` is a UUID where the statement must be found again in the query history."""
    return ":".join(part for part in ("dbt-refresh", installation, refresh.ref, step, attempt) if part)
