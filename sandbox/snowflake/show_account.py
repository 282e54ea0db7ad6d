"""SHOW for warehouses, roles, users, parameters and grants."""

from __future__ import annotations

from collections.abc import Iterable

from . import wire
from .catalog import Role, Securable, dotted
from .errors import missing, unsupported
from .job import Job
from .lexer import Cursor
from .settings import PARAMETERS
from .wire import Result

Row = dict[str, object]
_TYPES = {"created_on": "timestamp_ltz", "rows": "fixed", "bytes": "fixed", "key_sequence": "fixed"}


def table(names: list[str], rows: Iterable[Row]) -> Result:
    return wire.rows({n: _TYPES.get(n, "text") for n in names}, ([r.get(n) for n in names] for r in rows))


def warehouses(job: Job, _scope: tuple[str, ...]) -> list[Row]:
    return [
        {"name": n, "state": "SUSPENDED" if w.suspended else "STARTED", "type": "STANDARD", "size": w.size,
         "created_on": w.created, "owner": w.owner, "comment": w.comment}
        for n, w in sorted(job.account.warehouses.items())
        if job.access.has(w)
    ]  # fmt: skip


def roles(job: Job, _scope: tuple[str, ...]) -> list[Row]:
    mine = job.account.user(job.session.user).roles
    return [
        {"created_on": r.created, "name": n, "is_default": "N", "is_current": "Y" if n == job.session.role else "N",
         "is_inherited": "Y" if n in job.access.roles else "N", "owner": r.owner, "comment": r.comment}
        for n, r in sorted(job.account.roles.items())
        if n in mine or n in job.access.roles or job.access.owns(r) or job.access.on_account("MANAGE GRANTS")
    ]  # fmt: skip


def users(job: Job, _scope: tuple[str, ...]) -> list[Row]:
    return [
        {"name": n, "created_on": u.created, "login_name": n, "type": u.type, "default_role": u.default_role,
         "default_warehouse": u.default_warehouse, "default_secondary_roles": '["ALL"]' if u.secondary_roles else "[]",
         "has_rsa_public_key": str(bool(u.public_keys)).lower(), "owner": u.owner, "comment": u.comment}
        for n, u in sorted(job.account.users.items())
        if n == job.session.user or job.access.owns(u) or job.access.on_account("MANAGE GRANTS")
    ]  # fmt: skip


def parameters(job: Job, _scope: tuple[str, ...]) -> list[Row]:
    session = job.session.parameters
    return [
        {"key": key, "value": session.get(key, default), "default": default, "level": "SESSION" if key in session else "",
         "description": "", "type": "BOOLEAN" if default in ("true", "false") else "STRING"}
        for key, default in PARAMETERS.items()
    ]  # fmt: skip


# Grants ---------------------------------------------------------------------------------------------------------------

_GRANT = [
    "created_on",
    "privilege",
    "granted_on",
    "name",
    "granted_to",
    "grantee_name",
    "grant_option",
    "granted_by",
    "granted_by_role_type",
]


def grants(job: Job, cursor: Cursor) -> Result:
    """SHOW GRANTS [ON object | TO ROLE r | TO USER u | OF ROLE r]"""
    if cursor.accept("ON"):
        return table(_GRANT, _grants_on(_object(job, cursor)))
    if cursor.accept("OF", "ROLE"):
        return _grants_of(job, cursor.identifier())
    if cursor.accept("TO", "USER"):
        user = job.account.user(cursor.identifier())
        names = ["created_on", "role", "granted_to", "grantee_name", "granted_by"]
        rows = [
            {"created_on": user.created, "role": r, "granted_to": "USER", "grantee_name": user.name[0]}
            for r in sorted(user.roles)
        ]
        return table(names, rows)
    if cursor.accept("TO"):
        cursor.accept("ROLE")
        role = _visible(job, cursor.identifier())
    else:
        cursor.end()
        role = job.session.role
    return table(_GRANT, _grants_to(job, job.account.role(role)))


def _visible(job: Job, role: str) -> str:
    """A role whose grants this session may list: its own, those below it, everybody's."""
    if role in job.access.roles or job.access.on_account("MANAGE GRANTS", primary=False):
        return role
    raise missing("Role", role)


def _object(job: Job, cursor: Cursor) -> Securable:
    if cursor.peek(1) == ".":  # without a kind, as dbt sends it
        return job.relation(cursor)
    kind = cursor.take().word
    if kind == "ACCOUNT":
        return job.account.itself
    if kind in ("TABLE", "VIEW"):
        return job.relation(cursor)
    parts = cursor.name()
    pools = {"DATABASE": job.account.databases, "WAREHOUSE": job.account.warehouses, "ROLE": job.account.roles}
    item: Securable | None
    if kind == "SCHEMA":
        item = job.account.schemas.get(job.scope(parts))
    elif kind in pools:
        item = pools[kind].get(parts[0])
    else:
        raise unsupported(f"SHOW GRANTS ON {kind}")
    if item is None or not job.access.has(item):
        raise missing(kind.capitalize(), dotted(parts))
    return item


def _grants_on(item: Securable) -> list[Row]:
    own = _grant_row(item, "OWNERSHIP", item.owner, item.owner, "true")
    rows = [_grant_row(item, g.privilege, g.role, g.by, str(g.option).lower(), g.created) for g in item.grants]
    return [own, *rows] if item.owner else rows


def _grant_row(item: Securable, privilege: str, role: str, by: str, option: str, at: object = None) -> Row:
    return {
        "created_on": at or item.created,
        "privilege": privilege,
        "granted_on": item.kind,
        "name": dotted(item.name),
        "granted_to": "ROLE",
        "grantee_name": role,
        "grant_option": option,
        "granted_by": by,
        "granted_by_role_type": "ROLE",
    }


def _grants_to(job: Job, role: Role) -> list[Row]:
    account, name = job.account, role.name[0]
    everything: list[Securable] = [account.itself]
    for pool in (account.databases, account.schemas, account.relations, account.warehouses, account.roles):
        everything += pool.values()
    found = [row for item in everything for row in _grants_on(item) if row["grantee_name"] == name]
    found += [
        _grant_row(account.roles[r], "USAGE", name, "", "false") for r in sorted(role.holds) if r in account.roles
    ]
    return found


def _grants_of(job: Job, role: str) -> Result:
    job.account.role(role)
    holders = [("ROLE", n) for n, r in job.account.roles.items() if role in r.holds]
    holders += [("USER", n) for n, u in job.account.users.items() if role in u.roles]
    return table(
        ["created_on", "role", "granted_to", "grantee_name", "granted_by"],
        [{"role": role, "granted_to": to, "grantee_name": name} for to, name in sorted(holders)],
    )


def future_grants(job: Job, cursor: Cursor) -> Result:
    if cursor.accept("DATABASE"):
        scope: tuple[str, ...] = job.access.scope(cursor.identifier())
    else:
        cursor.accept("SCHEMA")
        scope = job.access.scope(*job.scope(cursor.name()))
    names = ["created_on", "privilege", "grant_on", "name", "grant_to", "grantee_name", "grant_option"]
    rows: list[Row] = [
        {"privilege": f.privilege, "grant_on": f.kind, "name": f"{dotted(f.scope)}.<{f.kind}>", "grant_to": "ROLE",
         "grantee_name": f.role, "grant_option": "false"}
        for f in job.account.future if f.scope == scope
    ]  # fmt: skip
    return table(names, rows)
