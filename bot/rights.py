"""Whether the two Snowflake roles may do what a refresh needs: one cheap look each, for `dbt-refresh doctor`.

Nothing is written and no row is read.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress

from bot import names
from bot.errors import RefreshError
from bot.index import Index
from bot.model import Relation
from bot.planning import ANY_USER
from bot.session import Session, SqlError
from bot.settings import Settings

Look = tuple[str, Callable[[], str]]  # what is looked at, and the look: what it found; raises RefreshError
_READING = frozenset({"USAGE", "SELECT", "REFERENCES", "MONITOR"})
Granted = frozenset[tuple[str, str]]  # privilege and the object's name


def builder(session: Session, settings: Settings, index: Index | None) -> Iterator[Look]:
    """It computes on every allowed warehouse, reads production, and builds in dev."""
    place = settings.warehouse
    own = place.builder.warehouse
    for name in dict.fromkeys([*(w for w in place.warehouses if w != own), own]):  # its own last, which stays in use
        yield f"Builder on warehouse {name}", lambda name=name: _warehouse(session, name, place.builder.role)
    yield "Builder only reads production", lambda: _only_reads(session, place.prod_databases, place.builder.role)
    if index is None:
        return
    for database, models in by_database(e.prod for e in index.entries if e.enabled).items():
        if database in place.prod_databases:
            yield (
                f"Builder reads {database}",
                lambda d=database, m=models: _reads(session, d, m, place.builder.role),
            )
    for database, models in by_database(e.dev for e in index.entries if e.enabled).items():
        yield f"Builder builds in {database}", lambda d=database, m=models: _builds(session, d, m, place.builder.role)


def shared(session: Session, index: Index | None, installation: str) -> Iterator[Look]:
    """Nobody else's bot builds in the same dev schemas: what one builds the other would replace or wait for."""
    for database, models in by_database(e.dev for e in index.entries if e.enabled).items() if index else ():
        schemas = {model.schema for model in models}
        yield (
            f"Dev schemas in {database} are this installation's own",
            lambda d=database, s=schemas: _only_ours(session, d, s, installation),
        )


def _only_ours(session: Session, database: str, schemas: set[str], installation: str) -> str:
    places = [re.compile(re.escape(schema).replace(ANY_USER, ".+")) for schema in schemas]
    try:
        rows = session.rows("inspect/owners", database=database)
    except SqlError:
        return ""  # what is wrong then, another look says
    found = {
        (row["table_schema"], made.installation)
        for row in rows
        if (made := names.made(row["table_name"])) is not None
        and made.installation != installation
        and any(place.fullmatch(row["table_schema"]) for place in places)
    }
    if found:
        where = ", ".join(f"{database}.{schema} (of {other})" for schema, other in sorted(found)[:5])
        raise RefreshError(
            f"another installation's tables stand in {where}: give each a dev schema of its own in [dbt.env], or drop them"
        )
    return ""


def promoter(session: Session, settings: Settings, index: Index | None) -> Iterator[Look]:
    """It makes backups, and owns what it replaces."""
    place = settings.warehouse
    yield "Policies are visible to the promoter", lambda: _sees_policies(session, place.promoter.role)
    for database in with_tables(settings, index):
        schema = Relation(database, place.backup_schema, "")
        yield f"Backup schema of {database}", lambda s=schema: _backs_up(session, s, place.promoter.role)
    for database, models in by_database(e.prod for e in index.entries if e.enabled).items() if index else ():
        if database in place.prod_databases:
            yield (
                f"Promoter owns production in {database}",
                lambda d=database, m=models: _owns(session, d, m, place.promoter.role),
            )


def with_tables(settings: Settings, index: Index | None) -> dict[str, set[Relation]]:
    """The production databases that a refresh can write to; all of them while nobody knows the project."""
    own = settings.warehouse.prod_databases
    if index is None:
        return {database: set() for database in own}
    return by_database(e.prod for e in index.entries if e.refreshable and e.prod and e.prod.database in own)


def by_database(relations: Iterator[Relation | None]) -> dict[str, set[Relation]]:
    found: dict[str, set[Relation]] = defaultdict(set)
    for relation in relations:
        if relation is not None:
            found[relation.database].add(relation)
    return dict(sorted(found.items()))


def _warehouse(session: Session, name: str, role: str) -> str:
    try:
        session.rows("inspect/use_warehouse", warehouse=name.upper() if name.isidentifier() else name)
    except SqlError:
        raise RefreshError(f"not there or not for {role}: grant it USAGE on the warehouse") from None
    return ""


def _owners(session: Session, database: str, models: set[Relation]) -> dict[Relation, str]:
    """The models' tables that this role sees, with their owners. Raises SqlError."""
    rows = session.rows("inspect/owners", database=database)
    found = {Relation(database, r["table_schema"], r["table_name"]): r["table_owner"] or "" for r in rows}
    return {relation: found[relation] for relation in sorted(models & set(found))}


def _reads(session: Session, database: str, models: set[Relation], role: str) -> str:
    help_ = f"grant {role} USAGE on {database} and its schemas, and SELECT on its tables"
    try:
        seen = _owners(session, database, models)
        if seen:
            session.rows("inspect/answers", relation=next(iter(seen)))
    except SqlError:
        raise RefreshError(help_) from None
    if not seen:
        raise RefreshError(f"sees none of the {len(models)} models there: {help_}")
    return f"{len(seen)} of {len(models)} models"


def _only_reads(session: Session, databases: tuple[str, ...], role: str) -> str:
    """That nothing it was granted, itself, through a role or as everybody, changes anything in production."""
    held = _granted(session, role) | _granted(session, "PUBLIC")
    granted = {(right, name) for right, name in held if right not in _READING}
    wrong = sorted(f"{right} on {name}" for right, name in granted if name.partition(".")[0] in databases)
    wrong += sorted(f"{right} on the account" for right, _ in granted if right == "MANAGE GRANTS")
    if wrong:
        raise RefreshError(f"{role} may change production: revoke {', '.join(wrong[:5])}")
    return ""


def _builds(session: Session, database: str, models: set[Relation], role: str) -> str:
    """Schemas of its own are made when missing; those of others are refused when somebody asks."""
    granted = _granted(session, role)
    schemas = sorted({m.schema for m in models if ANY_USER not in m.schema})
    try:
        owners = {s: found.owner for s in schemas if (found := session.schema(Relation(database, s, "")))}
    except SqlError:
        raise RefreshError(f"not visible: grant {role} USAGE on database {database}") from None
    if foreign := sorted(f"{database}.{s} (of {owner})" for s, owner in owners.items() if owner != role):
        raise RefreshError(f"builds only in schemas that {role} owns, not in {', '.join(foreign[:5])}")
    missing = len(owners) < len(schemas) or not schemas
    if missing and not granted & {("CREATE SCHEMA", database), ("OWNERSHIP", database)}:
        raise RefreshError(f"grant {role} CREATE SCHEMA on database {database}")
    return ""


def _sees_policies(session: Session, role: str) -> str:
    """Without this every refresh ends with `safety:policies` unknown."""
    if missing := session.missing_rights:
        raise RefreshError("run " + " ".join(f"GRANT {right} ON ACCOUNT TO ROLE {role};" for right in missing))
    return ""


def _backs_up(session: Session, schema: Relation, role: str) -> str:
    name = f"{schema.database}.{schema.schema}"
    if session.schema(schema) is None:
        raise RefreshError(f"{name} is not there or not visible: make it and grant {role} USAGE, CREATE TABLE on it")
    if not _granted(session, role) & {("CREATE TABLE", name), ("OWNERSHIP", name)}:
        raise RefreshError(f"grant {role} CREATE TABLE on schema {name}")
    return ""


def _owns(session: Session, database: str, models: set[Relation], role: str) -> str:
    """A clone belongs to the role that makes it, so tables of other owners are refused when somebody asks."""
    owners = _owners(session, database, models)
    own = sum(owner == role for owner in owners.values())
    if not own:
        others = ", ".join(sorted(set(filter(None, owners.values())))) or "nobody it sees"
        raise RefreshError(f"{role} owns none of the {len(models)} models there ({others}): it must be their owner")
    return f"{own} of {len(models)} models"


def _granted(session: Session, role: str) -> Granted:
    """What the role holds itself or through the roles that it was granted, as far as it may look."""
    found: set[tuple[str, str]] = set()
    asked: set[str] = set()
    todo = [role]
    while todo:
        asked.add(name := todo.pop())
        with suppress(SqlError):
            for row in session.rows("inspect/role_grants", role=name):
                if row["granted_on"] == "WAREHOUSE":  # may be called as a database is
                    continue
                held = str(row["name"]).replace('"', "")
                found.add((str(row["privilege"]), held))
                if row["granted_on"] == "ROLE" and row["privilege"] in ("USAGE", "OWNERSHIP") and held not in asked:
                    todo.append(held)
    return frozenset(found)
