"""Users, roles, warehouses, databases and schemas: making, changing and dropping them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import wire
from .catalog import Database, Role, Schema, Securable, User, Warehouse
from .errors import exists, insufficient, missing, unsupported
from .job import Job
from .lexer import Cursor
from .wire import Result


@dataclass(frozen=True, slots=True)
class Asked:
    """What a CREATE of an account object or schema says."""

    name: tuple[str, ...]
    options: dict[str, str] = field(default_factory=dict)
    transient: bool = False
    managed: bool = False


def create(job: Job, cursor: Cursor, kind: str, *, replace: bool, transient: bool) -> Result:
    """CREATE USER | ROLE | WAREHOUSE | DATABASE | SCHEMA"""
    if_not_exists = cursor.accept("IF", "NOT", "EXISTS")
    parts = cursor.name()
    name = job.scope(parts) if kind == "SCHEMA" else parts
    pool = _pool(job, kind)
    key = name if kind == "SCHEMA" else name[0]
    if kind == "SCHEMA":
        job.access.database(name[0])
    if key in pool and if_not_exists:
        return wire.status(f"{name[-1]} already exists, statement succeeded.")
    _may_create(job, kind, name)
    if key in pool:
        if not replace or kind in ("SCHEMA", "DATABASE"):
            raise exists(".".join(name), kind.capitalize())
        if not job.access.owns(pool[key]):
            raise insufficient(kind, name[-1])
    managed = cursor.accept("WITH", "MANAGED", "ACCESS")
    cursor.accept("WITH")
    options = cursor.options()
    managed = cursor.accept("WITH", "MANAGED", "ACCESS") or managed
    cursor.end()
    job.end_transaction(commit=True)
    _BUILD[kind](job, Asked(name, options, transient, managed))
    return wire.status(f"{kind.capitalize()} {name[-1]} successfully created.")


def _may_create(job: Job, kind: str, name: tuple[str, ...]) -> None:
    if kind == "SCHEMA":
        if not job.access.has(job.account.databases[name[0]], "CREATE SCHEMA", primary=True):
            raise insufficient("DATABASE", name[0])
    elif not job.access.on_account(f"CREATE {kind}"):
        raise insufficient("ACCOUNT", "SANDBOX")


def _pool(job: Job, kind: str) -> dict[Any, Any]:
    account = job.account
    return {
        "USER": account.users,
        "ROLE": account.roles,
        "WAREHOUSE": account.warehouses,
        "DATABASE": account.databases,
        "SCHEMA": account.schemas,
    }[kind]


def _user(job: Job, asked: Asked) -> None:
    user = User(kind="USER", name=asked.name, owner=job.session.role, created=job.account.now())
    _set_user(user, asked.options)
    job.account.users[asked.name[0]] = user


_NO_EFFECT = {"LOGIN_NAME", "DISPLAY_NAME", "EMAIL", "FIRST_NAME", "LAST_NAME", "MUST_CHANGE_PASSWORD", "DISABLED"}


def _set_user(user: User, options: dict[str, str]) -> None:
    for key, value in options.items():
        match key:
            case "PASSWORD":
                user.password = value
            case "RSA_PUBLIC_KEY" | "RSA_PUBLIC_KEY_2":
                user.public_keys[key] = "".join(line for line in value.split() if not line.startswith("-----"))
            case "DEFAULT_ROLE":
                user.default_role = value.upper()
            case "DEFAULT_WAREHOUSE":
                user.default_warehouse = value.upper()
            case "DEFAULT_NAMESPACE":
                user.default_namespace = value.upper()
            case "DEFAULT_SECONDARY_ROLES":
                user.secondary_roles = value.upper() == "ALL"
            case "TYPE":
                user.type = value.upper()
            case "COMMENT":
                user.comment = value
            case _ if key not in _NO_EFFECT:
                raise unsupported(f"user property {key}")
            case _:
                pass


def _role(job: Job, asked: Asked) -> None:
    role = Role(kind="ROLE", name=asked.name, owner=job.session.role, created=job.account.now())
    role.comment = asked.options.get("COMMENT", "")
    job.account.roles[asked.name[0]] = role


def _warehouse(job: Job, asked: Asked) -> None:
    warehouse = Warehouse(kind="WAREHOUSE", name=asked.name, owner=job.session.role, created=job.account.now())
    warehouse.size = asked.options.get("WAREHOUSE_SIZE", warehouse.size)
    warehouse.comment = asked.options.get("COMMENT", "")
    job.account.warehouses[asked.name[0]] = warehouse
    job.session.warehouse = asked.name[0]


def _database(job: Job, asked: Asked) -> None:
    name = asked.name[0]
    job.store.attach(name)
    database = Database(kind="DATABASE", name=asked.name, owner=job.session.role, created=job.account.now())
    database.transient, database.comment = asked.transient, asked.options.get("COMMENT", "")
    job.account.databases[name] = database
    _schema(job, Asked((name, "PUBLIC")))


def _schema(job: Job, asked: Asked) -> None:
    database, name = asked.name
    job.store.create_schema(database, name)
    schema = Schema(kind="SCHEMA", name=asked.name, owner=job.session.role, created=job.account.now())
    schema.transient, schema.managed = asked.transient, asked.managed
    schema.comment = asked.options.get("COMMENT", "")
    job.account.apply_future(schema)
    job.account.schemas[database, name] = schema
    job.session.database, job.session.schema = database, name


_BUILD = {"USER": _user, "ROLE": _role, "WAREHOUSE": _warehouse, "DATABASE": _database, "SCHEMA": _schema}


def drop(job: Job, cursor: Cursor, kind: str) -> Result:
    """DROP USER | ROLE | WAREHOUSE; a dropped role's objects go to the role that drops it."""
    if_exists = cursor.accept("IF", "EXISTS")
    name = cursor.identifier()
    cursor.end()
    pool = _pool(job, kind)
    if name not in pool:
        if if_exists:
            return wire.status(f"Drop statement executed successfully ({name} already dropped).")
        raise missing(kind.capitalize(), name)
    if not job.access.owns(pool[name]):
        raise insufficient(kind, name)
    del pool[name]
    if kind == "ROLE":
        _forget_role(job, name)
    return wire.status(f"{name} successfully dropped.")


def _forget_role(job: Job, name: str) -> None:
    account = job.account
    everything: list[Securable] = [account.itself]
    for pool in (
        account.databases,
        account.schemas,
        account.relations,
        account.warehouses,
        account.roles,
        account.users,
    ):
        everything += pool.values()
    for item in everything:
        item.grants = [g for g in item.grants if g.role != name]
        item.owner = job.session.role if item.owner == name else item.owner
    account.future = [f for f in account.future if f.role != name]
    for holder in [*account.roles.values(), *account.users.values()]:
        (holder.holds if isinstance(holder, Role) else holder.roles).discard(name)


def alter_user(job: Job, cursor: Cursor) -> Result:
    cursor.accept("IF", "EXISTS")
    user = job.account.user(cursor.identifier())
    if not job.access.owns(user):
        raise insufficient("USER", user.name[0])
    if cursor.accept("UNSET"):
        raise unsupported(job.sql[:200])
    cursor.expect("SET")
    _set_user(user, cursor.options())
    cursor.end()
    return wire.status()


def alter_warehouse(job: Job, cursor: Cursor) -> Result:
    cursor.accept("IF", "EXISTS")
    name = cursor.identifier()
    warehouse = job.account.warehouses.get(name)
    if warehouse is None or not job.access.has(warehouse):
        raise missing("Warehouse", name)
    if not job.access.has(warehouse, "OPERATE", "MODIFY"):
        raise insufficient("WAREHOUSE", name)
    action = cursor.one_of("SUSPEND", "RESUME", "SET")
    if not action:
        raise unsupported(job.sql[:200])
    warehouse.suspended = action == "SUSPEND"
    if action == "SET":
        options = cursor.options()
        warehouse.size = options.get("WAREHOUSE_SIZE", warehouse.size)
    return wire.status()
