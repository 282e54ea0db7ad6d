"""Names and query tags of everything the bot makes, so that nothing can be overwritten or mistaken; pure.

They carry the installation's random id beside the refresh id: a fresh database that starts again at R1 cannot meet
the leftovers of an older one. `attempt` is the claim's fencing number: a repeated step never reuses a name;
where a click fences, it is the click's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.model import Refresh, Relation, Trace

_LONGEST = 255  # Snowflake's limit for an identifier
_MADE = re.compile(
    r"(?s)(?P<base>.*)__(?P<purpose>BASELINE|CANDIDATE|BACKUP|BEFORE_UNDO)_(?P<ref>R\d+)_(?P<installation>[0-9A-F]+)_(?P<attempt>[0-9A-Z]+)\Z"
)
_SENT = re.compile(r"dbt-refresh:(?P<installation>[^:]+):(?P<ref>R\d+):(?P<step>promote|undo):(?P<attempt>[^:]+)\Z")
_STEPS = {"promote": Trace.PROMOTION, "undo": Trace.UNDO}


def _name(base: str, purpose: str, refresh: Refresh, installation: str, attempt: int | str) -> str:
    suffix = f"__{purpose}_{refresh.ref}_{installation.upper()}_{attempt}"
    return base[: _LONGEST - len(suffix)] + suffix


def baseline(refresh: Refresh, installation: str, attempt: int) -> Relation:
    return refresh.dev.renamed(_name(refresh.dev.name, "BASELINE", refresh, installation, attempt))


def candidate(refresh: Refresh, installation: str, attempt: int | str) -> Relation:
    return refresh.dev.renamed(_name(refresh.dev.name, "CANDIDATE", refresh, installation, attempt))


def lock(refresh: Refresh) -> Relation:
    """The marker of who builds in dev: the same name for every installation, since it keeps the others out."""
    suffix = "__BUILDING"
    return refresh.dev.renamed(refresh.dev.name[: _LONGEST - len(suffix)] + suffix)


def backup(refresh: Refresh, schema: str, installation: str, attempt: int | str) -> Relation:
    """In `[warehouse] backup_schema` of prod's own database, where schema-level tag policies are prod's."""
    name = _name(refresh.prod.name, "BACKUP", refresh, installation, attempt)
    return Relation(refresh.prod.database, schema, name)


def before_undo(refresh: Refresh, schema: str, installation: str, attempt: int | str) -> Relation:
    """Production as an undo found it, beside the backups."""
    name = _name(refresh.prod.name, "BEFORE_UNDO", refresh, installation, attempt)
    return Relation(refresh.prod.database, schema, name)


def tag(refresh: Refresh, installation: str, step: str, attempt: str = "") -> str:
    """The QUERY_TAG of a step; `attempt` is a UUID where the statement must be found again in the query history."""
    return ":".join(part for part in ("dbt-refresh", installation, refresh.ref, step, attempt) if part)


def prefix(installation: str) -> str:
    """What every query tag of an installation begins with."""
    return f"dbt-refresh:{installation}:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What the name of a table of ours says. `base` is the table that it was made from, cut where the name got too long."""

    trace: Trace
    ref: str
    installation: str
    attempt: str
    base: str

    def of(self, prod: Relation, name: str) -> bool:
        """Whether a table `name` was made from one that is called as `prod` is."""
        return self.base == prod.name[: _LONGEST - len(name) + len(self.base)]


def made(name: str) -> Made | None:
    """Read a table's name by our naming, of whichever installation; None for any other name."""
    found = _MADE.fullmatch(name)
    if found is None:
        return None
    return Made(
        trace=Trace(found["purpose"].lower().replace("_", " ")),
        ref=found["ref"],
        installation=found["installation"].lower(),
        attempt=found["attempt"],
        base=found["base"],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the query tag of a promotion or undo says."""

    trace: Trace
    ref: str
    attempt: str


def sent(tag: str, installation: str) -> Sent | None:
    """Read a query tag of this installation; None for any other, and for steps that replace nothing."""
    found = _SENT.fullmatch(tag)
    if found is None or found["installation"] != installation:
        return None
    return Sent(trace=_STEPS[found["step"]], ref=found["ref"], attempt=found["attempt"])
