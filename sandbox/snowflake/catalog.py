"""What the account holds besides rows: databases, schemas, relations, warehouses, users, roles, grants.

DuckDB keeps the data; everything Snowflake knows about an object and DuckDB does not (owner, kind, grants, clustering,
when it was made) is here, as plain Python values that `state.py` can copy.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from .errors import missing

Name = tuple[str, str, str]  # database, schema, relation: exact


def dotted(parts: tuple[str, ...]) -> str:
    return ".".join(parts)


def quoted(parts: tuple[str, ...]) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


@dataclass(slots=True)
class Grant:
    privilege: str
    role: str
    by: str
    created: datetime
    option: bool = False


@dataclass(slots=True, kw_only=True)
class Securable:
    """Anything that has an owner and can be granted on."""

    kind: str  # DATABASE, SCHEMA, TABLE, VIEW, WAREHOUSE, ROLE, USER, ACCOUNT
    name: tuple[str, ...]
    owner: str
    created: datetime
    comment: str = ""
    grants: list[Grant] = field(default_factory=list)

    def give(self, privilege: str, role: str, by: str, at: datetime, option: bool = False) -> None:
        if not any(g.privilege == privilege and g.role == role for g in self.grants):
            self.grants.append(Grant(privilege, role, by, at, option))

    def take(self, privilege: str, role: str) -> None:
        self.grants = [g for g in self.grants if (g.privilege, g.role) != (privilege, role)]


@dataclass(slots=True, kw_only=True)
class FutureGrant:
    scope: tuple[str, ...]  # (database,) or (database, schema)
    kind: str  # TABLE, VIEW, SCHEMA
    privilege: str
    role: str


@dataclass(slots=True, kw_only=True)
class Database(Securable):
    transient: bool = False
    retention: int = 1


@dataclass(slots=True, kw_only=True)
class Schema(Securable):
    transient: bool = False
    managed: bool = False
    retention: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    function: tuple[str, ...]  # its name
    columns: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Relation(Securable):
    """A table or view. `physical` is where DuckDB keeps it; it differs from `name` for temporary objects only."""

    name: Name
    physical: Name
    transient: bool = False
    session: int | None = None  # the session a temporary object belongs to
    altered: datetime
    ddl: datetime
    changed: int  # moves with every change of content or definition: SYSTEM$LAST_CHANGE_COMMIT_TIME
    clustering: str = ""
    reclustering: bool = False
    tracked: bool = False
    retention: int = 1
    lengths: dict[str, int] = field(default_factory=dict)  # VARCHAR(n)
    column_comments: dict[str, str] = field(default_factory=dict)
    text: str = ""  # of a view: the whole CREATE statement
    body: str = ""  # of a view: DuckDB's columns and query
    reads: tuple[Name, ...] = ()  # of a view
    width: int = 0  # of a view: columns when it was made
    shown_as: str = ""  # DYNAMIC, HYBRID, ICEBERG, EXTERNAL, MATERIALIZED or SECURE where a test says so
    counted: tuple[int, int] | None = None  # (changed, rows) when the rows were last counted
    keys: list[Key] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    metric_schedule: str = ""
    filters: dict[str, str] = field(default_factory=dict)  # role -> which rows it sees, where a test says so


@dataclass(slots=True, kw_only=True)
class Key:
    """A constraint of a table. A foreign key holds the table itself, not its name: it is gone once that is."""

    kind: str  # PRIMARY KEY, UNIQUE, FOREIGN KEY
    name: str
    columns: tuple[str, ...]
    to: Relation | None = None
    to_columns: tuple[str, ...] = ()
    rely: bool = False


@dataclass(slots=True, kw_only=True)
class Warehouse(Securable):
    size: str = "X-Small"
    suspended: bool = False


@dataclass(slots=True, kw_only=True)
class Role(Securable):
    holds: set[str] = field(default_factory=set)  # the roles granted to this role


@dataclass(slots=True, kw_only=True)
class User(Securable):
    password: str = ""
    public_keys: dict[str, str] = field(default_factory=dict)  # RSA_PUBLIC_KEY and _2: base64 of the DER form
    default_role: str = "PUBLIC"
    default_warehouse: str = ""
    default_namespace: str = ""
    secondary_roles: bool = True  # DEFAULT_SECONDARY_ROLES = ('ALL'), Snowflake's default
    type: str = ""
    roles: set[str] = field(default_factory=set)


class Account:
    """The whole catalog, and the one clock whose readings never repeat."""

    def __init__(self) -> None:
        self._last = 0
        now = self.now()
        self.databases: dict[str, Database] = {}
        self.schemas: dict[tuple[str, str], Schema] = {}
        self.relations: dict[Name, Relation] = {}
        self.warehouses: dict[str, Warehouse] = {}
        self.roles: dict[str, Role] = {}
        self.users: dict[str, User] = {}
        self.future: list[FutureGrant] = []
        self.itself = Securable(kind="ACCOUNT", name=("SANDBOX",), owner="ACCOUNTADMIN", created=now)
        self.recorded: dict[str, list[dict[str, object]]] = {}  # rows of SHOW and table functions, put there by a test
        self._built_in(now)

    def _built_in(self, now: datetime) -> None:
        held = {
            "ACCOUNTADMIN": {"SYSADMIN", "SECURITYADMIN"},
            "SECURITYADMIN": {"USERADMIN"},
            "USERADMIN": set(),
            "SYSADMIN": set(),
            "PUBLIC": set(),
        }
        for name, holds in held.items():
            self.roles[name] = Role(kind="ROLE", name=(name,), owner="", created=now, holds=holds)
        for privilege in ("CREATE DATABASE", "CREATE WAREHOUSE"):
            self.itself.give(privilege, "SYSADMIN", "", now)
        for privilege in ("CREATE USER", "CREATE ROLE"):
            self.itself.give(privilege, "USERADMIN", "", now)
        self.itself.give("MANAGE GRANTS", "SECURITYADMIN", "", now)
        self.warehouses["COMPUTE_WH"] = Warehouse(
            kind="WAREHOUSE", name=("COMPUTE_WH",), owner="ACCOUNTADMIN", created=now
        )
        self.users["ADMIN"] = User(
            kind="USER",
            name=("ADMIN",),
            owner="ACCOUNTADMIN",
            created=now,
            password="admin",
            default_role="ACCOUNTADMIN",
            default_warehouse="COMPUTE_WH",
            roles={"ACCOUNTADMIN"},
        )

    def tick(self) -> int:
        """Nanoseconds since the epoch, rounded to microseconds, strictly increasing."""
        self._last = max(self._last + 1000, time.time_ns() // 1000 * 1000)
        return self._last

    def now(self) -> datetime:
        micros = self.tick() // 1000
        return datetime.fromtimestamp(micros // 1_000_000, UTC).replace(microsecond=micros % 1_000_000)

    def catch_up(self, other: Account) -> None:
        """Never repeat a time that `other` has given out."""
        self._last = max(self._last, other._last)

    def within(self, scope: tuple[str, ...], kind: str) -> Iterator[Securable]:
        """The schemas, tables or views of a database or schema."""
        pool = self.schemas.values() if kind == "SCHEMA" else self.relations.values()
        return (item for item in list(pool) if item.kind == kind and item.name[: len(scope)] == scope)

    def closure(self, roles: set[str] | frozenset[str]) -> frozenset[str]:
        """These roles and all they inherit, PUBLIC included."""
        found, todo = {"PUBLIC"}, list(roles)
        while todo:
            role = todo.pop()
            if role not in found and role in self.roles:
                found.add(role)
                todo.extend(self.roles[role].holds)
        return frozenset(found)

    def role(self, name: str) -> Role:
        if name not in self.roles:
            raise missing("Role", name)
        return self.roles[name]

    def user(self, name: str) -> User:
        if name not in self.users:
            raise missing("User", name)
        return self.users[name]

    def touch(self, relation: Relation, *, ddl: bool) -> None:
        """Content or definition changed: move the change marker and the times."""
        relation.changed = self.tick()
        relation.altered = self.now()
        if ddl:
            relation.ddl = relation.altered

    def apply_future(self, item: Securable) -> None:
        """Give a new object what FUTURE GRANTs promise; a schema's own rules for a kind hide the database's."""
        rules = [f for f in self.future if f.kind == item.kind]
        mine = [f for f in rules if len(f.scope) == 2 and f.scope == item.name[:2] and item.kind != "SCHEMA"]
        for rule in mine or [f for f in rules if f.scope == item.name[:1]]:
            if rule.privilege == "OWNERSHIP":
                item.owner = rule.role
            else:
                item.give(rule.privilege, rule.role, item.owner, item.created)
