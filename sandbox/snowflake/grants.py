"""GRANT and REVOKE: privileges on one object, on all or future ones, ownership, roles."""

from __future__ import annotations

from collections.abc import Iterable

from . import wire
from .catalog import FutureGrant, Securable
from .errors import SnowflakeError, insufficient, missing, unsupported
from .job import Job
from .lexer import Cursor
from .wire import Result

_ON = {
    "DATABASE": {"USAGE", "MONITOR", "MODIFY", "CREATE SCHEMA"},
    "SCHEMA": {"USAGE", "MONITOR", "MODIFY", "CREATE TABLE", "CREATE VIEW"},
    "TABLE": {"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES"},
    "VIEW": {"SELECT", "REFERENCES"},
    "WAREHOUSE": {"USAGE", "OPERATE", "MONITOR", "MODIFY"},
    "ACCOUNT": {"CREATE DATABASE", "CREATE WAREHOUSE", "CREATE USER", "CREATE ROLE", "MANAGE GRANTS"},
}
_EMPTY_KINDS = {"DYNAMIC TABLES", "MATERIALIZED VIEWS", "EXTERNAL TABLES", "ICEBERG TABLES", "STREAMS", "FUNCTIONS"}


def grant(job: Job, cursor: Cursor) -> Result:
    """GRANT, all forms."""
    if cursor.accept("ROLE"):
        return _role(job, cursor, give=True)
    if cursor.accept("OWNERSHIP", "ON"):
        return _ownership(job, cursor)
    privileges = _privileges(cursor)
    return _on(job, cursor, privileges, give=True)


def revoke(job: Job, cursor: Cursor) -> Result:
    """REVOKE, all forms; what was not granted is no error."""
    if cursor.accept("ROLE"):
        return _role(job, cursor, give=False)
    if cursor.accept("GRANT", "OPTION", "FOR"):
        raise unsupported("REVOKE GRANT OPTION FOR")
    return _on(job, cursor, _privileges(cursor), give=False)


def _privileges(cursor: Cursor) -> list[str]:
    found, words = [], []
    while True:
        token = cursor.take()
        if token.word in (",", "ON"):
            found.append(" ".join(words))
            words = []
            if token.word == "ON":
                return found
        else:
            words.append(token.word)


def _on(job: Job, cursor: Cursor, privileges: list[str], *, give: bool) -> Result:
    if cursor.peek() in ("ALL", "FUTURE"):
        future = cursor.take().word == "FUTURE"
        kinds = cursor.one_of(*_EMPTY_KINDS) or cursor.take().word
        cursor.expect("IN")
        scope = _container(job, cursor)
        role, option = _grantee(job, cursor, give)
        if kinds in _EMPTY_KINDS:
            return wire.status()
        kind = kinds.removesuffix("S")
        if future:
            _future(job, scope, kind, _valid(privileges, kind), role, give)
        else:
            _change(job, job.account.within(scope, kind), privileges, role, give, option)
        return wire.status()
    items = [_securable(job, cursor)]
    role, option = _grantee(job, cursor, give)
    _change(job, items, privileges, role, give, option)
    return wire.status()


def _grantee(job: Job, cursor: Cursor, give: bool) -> tuple[str, bool]:
    cursor.expect("TO" if give else "FROM")
    if cursor.peek() in ("USER", "SHARE", "DATABASE", "APPLICATION"):
        raise unsupported(f"grants to a {cursor.peek()}")
    cursor.accept("ROLE")
    role = cursor.identifier()
    option = cursor.accept("WITH", "GRANT", "OPTION")
    cursor.one_of("CASCADE", "RESTRICT")
    cursor.end()
    job.account.role(role)
    return role, option


def _container(job: Job, cursor: Cursor) -> tuple[str, ...]:
    if cursor.accept("DATABASE"):
        return job.access.database(cursor.identifier()).name
    cursor.expect("SCHEMA")
    return job.access.schema(*job.scope(cursor.name())).name


def _securable(job: Job, cursor: Cursor) -> Securable:
    """The object named after ON, visible to this role."""
    kind = "" if cursor.peek(1) == "." else cursor.take().word
    if kind == "ACCOUNT":
        return job.account.itself
    parts = cursor.name()
    if kind == "WAREHOUSE":
        if parts[0] not in job.account.warehouses:
            raise missing("Warehouse", parts[0])
        return job.account.warehouses[parts[0]]
    if kind == "DATABASE":
        return job.access.database(parts[0])
    if kind == "SCHEMA":
        return job.access.schema(*job.scope(parts))
    if kind in ("TABLE", "VIEW", ""):  # without a kind, as dbt sends it
        name = job.full(parts)
        relation = job.access.relation(job.session.find(name), name)
        if kind and relation.kind != kind:
            raise missing(kind.capitalize(), ".".join(name))
        return relation
    if kind == "ROLE":
        return job.account.role(parts[0])
    raise unsupported(f"grants on {kind}")


def _valid(privileges: list[str], kind: str) -> list[str]:
    if privileges in (["ALL"], ["ALL PRIVILEGES"]):
        return sorted(_ON.get(kind, ()))
    for privilege in privileges:
        allowed = _ON.get(kind, set())
        if privilege not in allowed and not (
            kind in ("SCHEMA", "ACCOUNT") and privilege.split(" ")[0] in ("CREATE", "APPLY", "MONITOR")
        ):
            raise SnowflakeError(
                "003008", "42601", f"SQL compilation error:\nInvalid object type '{kind}' for privilege '{privilege}'"
            )
    return privileges


def _change(job: Job, items: Iterable[Securable], privileges: list[str], role: str, give: bool, option: bool) -> None:
    for item in items:
        if not job.access.may_grant(item) and not _has_option(job, item, privileges):
            raise insufficient(item.kind, item.name[-1])
        for privilege in _valid(privileges, item.kind):
            if give:
                item.give(privilege, role, job.session.role, job.account.now(), option)
            else:
                item.take(privilege, role)


def _has_option(job: Job, item: Securable, privileges: list[str]) -> bool:
    mine = {g.privilege for g in item.grants if g.option and g.role in job.access.roles}
    return set(privileges) <= mine


def _future(job: Job, scope: tuple[str, ...], kind: str, privileges: list[str], role: str, give: bool) -> None:
    """Needs MANAGE GRANTS; in a managed access schema its owner may do it too."""
    if not job.access.on_account("MANAGE GRANTS", primary=False):
        schema = job.account.schemas.get((scope[0], scope[-1])) if len(scope) == 2 else None
        if schema is None or not schema.managed or not job.access.owns(schema):
            raise insufficient("SCHEMA" if len(scope) == 2 else "DATABASE", scope[-1])
    for privilege in privileges:
        rule = FutureGrant(scope=scope, kind=kind, privilege=privilege, role=role)
        job.account.future = [f for f in job.account.future if f != rule] + ([rule] if give else [])


def _ownership(job: Job, cursor: Cursor) -> Result:
    """GRANT OWNERSHIP ON <object> | ALL <kinds> | FUTURE <kinds> TO ROLE r [COPY | REVOKE CURRENT GRANTS]"""
    if cursor.peek() in ("ALL", "FUTURE"):
        future = cursor.take().word == "FUTURE"
        kind = cursor.take().word.removesuffix("S")
        cursor.expect("IN")
        scope = _container(job, cursor)
        role, keep = _new_owner(job, cursor)
        if future:
            _future(job, scope, kind, ["OWNERSHIP"], role, give=True)
            return wire.status()
        items = list(job.account.within(scope, kind))
    else:
        items = [_securable(job, cursor)]
        role, keep = _new_owner(job, cursor)
    for item in items:
        if not (job.access.owns(item) or job.access.on_account("MANAGE GRANTS", primary=False)):
            raise insufficient(item.kind, item.name[-1])
        if item.grants and not keep:
            raise SnowflakeError(
                "003526", "42601", f"SQL execution error: Dependent grant of privilege '{item.grants[0].privilege}' on securable '{'.'.join(item.name)}' to role '{item.grants[0].role}' exists. It must be revoked first."
            )  # fmt: skip
        if keep == "REVOKE":
            item.grants.clear()
        for held in item.grants:
            held.by = role
        item.owner = role
    return wire.status()


def _new_owner(job: Job, cursor: Cursor) -> tuple[str, str]:
    cursor.expect("TO", "ROLE")
    role = cursor.identifier()
    keep = cursor.one_of("COPY", "REVOKE")
    if keep:
        cursor.expect("CURRENT", "GRANTS")
    cursor.end()
    job.account.role(role)
    return role, keep


def _role(job: Job, cursor: Cursor, *, give: bool) -> Result:
    """GRANT ROLE a TO ROLE b | USER u, or REVOKE .. FROM."""
    role = job.account.role(cursor.identifier())
    cursor.expect("TO" if give else "FROM")
    if not (job.access.owns(role) or job.access.on_account("MANAGE GRANTS", primary=False)):
        raise insufficient("ROLE", role.name[0])
    if cursor.accept("USER"):
        held = job.account.user(cursor.identifier()).roles
    else:
        cursor.accept("ROLE")
        other = job.account.role(cursor.identifier())
        if give and other.name[0] in job.account.closure({role.name[0]}) - {"PUBLIC"}:
            raise SnowflakeError("003019", "42501", "SQL execution error: Role grant would form a cycle.")
        held = other.holds
    cursor.end()
    (held.add if give else held.discard)(role.name[0])
    return wire.status()
