"""Users, roles, warehouses, databases and schemas; and what a session says about itself (USE, ALTER SESSION)."""

from __future__ import annotations

from . import wire
from .catalog import Database, Role, Schema, Securable, User, Warehouse
from .errors import SnowflakeError, exists, impossible, insufficient, missing, unsupported
from .job import Job
from .lexer import Cursor
from .wire import Result

# Session parameters that may be set, with Snowflake's defaults as SHOW PARAMETERS gives them.
PARAMETERS = {
    "QUERY_TAG": "",
    "TIMEZONE": "Etc/UTC",
    "STATEMENT_TIMEOUT_IN_SECONDS": "172800",
    "LOCK_TIMEOUT": "43200",
    "AUTOCOMMIT": "true",
    "ABORT_DETACHED_QUERY": "false",
    "CLIENT_SESSION_KEEP_ALIVE": "false",
    "USE_CACHED_RESULT": "true",
    "WEEK_START": "0",
    "ERROR_ON_NONDETERMINISTIC_MERGE": "true",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
    "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": "0",
}


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
    if kind == "SCHEMA":
        if not job.access.has(job.account.databases[name[0]], "CREATE SCHEMA", primary=True):
            raise insufficient("DATABASE", name[0])
    elif not job.access.on_account(f"CREATE {kind}"):
        raise insufficient("ACCOUNT", "SANDBOX")
    if key in pool:
        if not replace or kind in ("SCHEMA", "DATABASE"):
            raise exists(".".join(name), kind.capitalize())
        if not job.access.owns(pool[key]):
            raise insufficient(kind, name[-1])
    job.end_transaction(commit=True)
    managed = cursor.accept("WITH", "MANAGED", "ACCESS")
    cursor.accept("WITH")
    options = cursor.options()
    managed = cursor.accept("WITH", "MANAGED", "ACCESS") or managed
    cursor.end()
    _BUILD[kind](job, name, options, transient, managed)
    return wire.status(f"{kind.capitalize()} {name[-1]} successfully created.")


def _pool(job: Job, kind: str) -> dict:  # type: ignore[type-arg]
    account = job.account
    return {
        "USER": account.users,
        "ROLE": account.roles,
        "WAREHOUSE": account.warehouses,
        "DATABASE": account.databases,
        "SCHEMA": account.schemas,
    }[kind]


def _user(job: Job, name: tuple[str, ...], options: dict[str, str], transient: bool, managed: bool) -> None:
    user = User(kind="USER", name=name, owner=job.session.role, created=job.account.now())
    _set_user(user, options)
    job.account.users[name[0]] = user


def _set_user(user: User, options: dict[str, str]) -> None:
    keys = dict.fromkeys(("RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2"))
    for key, value in options.items():
        match key:
            case "PASSWORD":
                user.password = value
            case "RSA_PUBLIC_KEY" | "RSA_PUBLIC_KEY_2":
                keys[key] = "".join(line for line in value.split() if "-----" not in line)
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
            case (
                "LOGIN_NAME"
                | "DISPLAY_NAME"
                | "EMAIL"
                | "FIRST_NAME"
                | "LAST_NAME"
                | "MUST_CHANGE_PASSWORD"
                | "DISABLED"
            ):
                pass
            case _:
                raise unsupported(f"user property {key}")
    given = tuple(value for value in keys.values() if value)
    user.public_keys = given or user.public_keys


def _role(job: Job, name: tuple[str, ...], options: dict[str, str], transient: bool, managed: bool) -> None:
    role = Role(kind="ROLE", name=name, owner=job.session.role, created=job.account.now())
    role.comment = options.get("COMMENT", "")
    job.account.roles[name[0]] = role


def _warehouse(job: Job, name: tuple[str, ...], options: dict[str, str], transient: bool, managed: bool) -> None:
    warehouse = Warehouse(kind="WAREHOUSE", name=name, owner=job.session.role, created=job.account.now())
    warehouse.size = options.get("WAREHOUSE_SIZE", warehouse.size)
    warehouse.comment = options.get("COMMENT", "")
    job.account.warehouses[name[0]] = warehouse
    job.session.warehouse = name[0]


def _database(job: Job, name: tuple[str, ...], options: dict[str, str], transient: bool, managed: bool) -> None:
    now, role = job.account.now(), job.session.role
    job.store.attach(name[0])
    job.account.databases[name[0]] = Database(
        kind="DATABASE", name=name, owner=role, created=now, transient=transient, comment=options.get("COMMENT", "")
    )
    _schema(job, (name[0], "PUBLIC"), {}, False, False)


def _schema(job: Job, name: tuple[str, ...], options: dict[str, str], transient: bool, managed: bool) -> None:
    job.store.create_schema(name[0], name[1])
    schema = Schema(
        kind="SCHEMA",
        name=name,
        owner=job.session.role,
        created=job.account.now(),
        transient=transient,
        managed=managed,
    )
    schema.comment = options.get("COMMENT", "")
    job.account.apply_future(schema)
    job.account.schemas[name[0], name[1]] = schema
    job.session.database, job.session.schema = name[0], name[1]


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


# The session --------------------------------------------------------------------------------------------------------


def alter_session(job: Job, cursor: Cursor) -> Result:
    """ALTER SESSION SET k = v ... | UNSET k, ..."""
    if cursor.accept("UNSET"):
        while not cursor.done:
            job.session.parameters.pop(cursor.identifier(), None)
            cursor.accept(",")
        return wire.status()
    cursor.expect("SET")
    options = cursor.options()
    cursor.end()
    for key, value in options.items():
        if key not in PARAMETERS:
            raise SnowflakeError("001420", "42601", f"SQL compilation error:\ninvalid session parameter '{key}'")
        if (
            key == "TIMEZONE"
            and value.upper() not in ("UTC", "ETC/UTC")
            or key.startswith("QUOTED")
            and value.lower() != "false"
        ):
            raise unsupported(f"ALTER SESSION SET {key} = '{value}'")
        job.session.parameters[key] = value
    return wire.status()


def use(job: Job, cursor: Cursor) -> Result:
    """USE ROLE | SECONDARY ROLES | WAREHOUSE | DATABASE | SCHEMA"""
    session = job.session
    if cursor.accept("SECONDARY", "ROLES"):
        choice = cursor.take().word
        if choice not in ("NONE", "ALL"):
            raise unsupported(job.sql)
        session.secondary = choice == "ALL"
        return wire.status()
    kind = cursor.one_of("ROLE", "WAREHOUSE", "DATABASE", "SCHEMA")
    parts = cursor.name()
    cursor.end()
    if kind == "ROLE":
        _use_role(job, parts[0])
    elif kind == "WAREHOUSE":
        job.access.warehouse(parts[0])
        session.warehouse = parts[0]
    elif kind == "SCHEMA" or not kind and len(parts) == 2:
        session.database, session.schema = _existing(job, job.scope(parts))
    else:
        job.access.scope(parts[0])
        session.database = parts[0]
        session.schema = "PUBLIC" if job.access.sees((parts[0], "PUBLIC")) else ""
    return wire.status()


def _existing(job: Job, scope: tuple[str, str]) -> tuple[str, str]:
    if scope not in job.account.schemas and scope[1] != "INFORMATION_SCHEMA":
        raise impossible()
    job.access.scope(*scope)
    return scope


def _use_role(job: Job, role: str) -> None:
    held = job.account.user(job.session.user).roles | {"PUBLIC"}
    job.account.role(role)
    if role not in job.account.closure(held):
        raise SnowflakeError(
            "003013", "42501", f"SQL access control error:\nRequested role '{role}' is not assigned to the executing user. Specify another role to activate."
        )  # fmt: skip
    job.session.role = role
