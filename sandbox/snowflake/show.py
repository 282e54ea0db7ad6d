"""SHOW and DESCRIBE: only what the role may see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import constraints, show_account
from .catalog import Relation, Securable, dotted
from .errors import impossible, unsupported
from .job import Job
from .lexer import Cursor
from .metadata import visible
from .show_account import Row, table
from .store import snowflake_type
from .wire import Result

# What only exists here when a test recorded it, with the columns that matter.
_RECORDED = {
    "STREAMS": "created_on name database_name schema_name owner comment table_name source_type base_tables type stale mode "
    "stale_after invalid_reason owner_role_type",
    "DYNAMIC TABLES": "created_on name database_name schema_name cluster_by rows bytes owner target_lag refresh_mode "
    "refresh_mode_reason warehouse comment text automatic_clustering scheduling_state last_suspended_on is_clone",
    "MATERIALIZED VIEWS": "created_on name reserved database_name schema_name cluster_by rows bytes source_database_name "
    "source_schema_name source_table_name refreshed_on compacted_on owner invalid invalid_reason behind_by comment text is_secure",
    "TASKS": "created_on name id database_name schema_name owner comment warehouse schedule predecessors state definition",
    "PIPES": "created_on name database_name schema_name definition owner comment",
}  # fmt: skip


@dataclass(slots=True)
class Filter:
    """LIKE, STARTS WITH, LIMIT .. FROM of a SHOW."""

    like: str | None = None
    starts: str = ""
    limit: int | None = None
    after: str = ""

    def __call__(self, rows: Iterable[Row], key: str = "name") -> list[Row]:
        found = [r for r in rows if self._wanted(str(r[key]))]
        return found[: self.limit] if self.limit is not None else found

    def _wanted(self, name: str) -> bool:
        pattern = re.escape(self.like).replace("%", ".*").replace("_", ".") if self.like is not None else ".*"
        matches = re.fullmatch(pattern, name, re.IGNORECASE | re.DOTALL)
        return bool(matches) and name.startswith(self.starts) and (not self.after or name > self.after)


def show(job: Job, cursor: Cursor) -> Result:
    """SHOW [TERSE] kind [LIKE ..] [IN ..] [STARTS WITH ..] [LIMIT n [FROM ..]]"""
    if cursor.accept("GRANTS"):
        return show_account.grants(job, cursor)
    if cursor.accept("FUTURE", "GRANTS", "IN"):
        return show_account.future_grants(job, cursor)
    terse = cursor.accept("TERSE")
    kind = cursor.one_of(*_RECORDED) or cursor.take().word
    if kind in ("PRIMARY", "UNIQUE", "IMPORTED", "EXPORTED") and cursor.accept("KEYS"):
        scope = _clauses(job, cursor, kind)[1]
        columns = constraints.COLUMNS if kind in ("PRIMARY", "UNIQUE") else constraints.FOREIGN
        return table(list(columns.split()), constraints.show(job, kind, scope))
    if (kind not in _KINDS and kind not in _RECORDED) or cursor.peek() == "HISTORY":
        raise unsupported(job.sql[:200])
    wanted, scope = _clauses(job, cursor, kind)
    if kind in _RECORDED:
        return _recorded(job, kind, wanted, scope)
    columns, build = _KINDS[kind]
    rows = wanted(build(job, scope), "key" if kind == "PARAMETERS" else "name" if kind != "COLUMNS" else "column_name")
    names = columns.split()
    if terse:
        names = [n for n in names if n in ("created_on", "name", "kind", "database_name", "schema_name")]
    return table(names, rows)


def _clauses(job: Job, cursor: Cursor, kind: str) -> tuple[Filter, tuple[str, ...]]:
    wanted, scope = Filter(), None
    if cursor.accept("LIKE"):
        wanted.like = cursor.value()
    if cursor.one_of("IN", "FOR"):
        scope = _scope(job, cursor, kind)
    if cursor.accept("STARTS", "WITH"):
        wanted.starts = cursor.value()
    if cursor.accept("LIMIT"):
        wanted.limit = int(cursor.value())
        if cursor.accept("FROM"):
            wanted.after = cursor.value()
    cursor.end()
    if scope is None:
        session = job.session
        scope = (session.database,) if kind == "SCHEMAS" and session.database else ()
        if kind not in ("SCHEMAS", "DATABASES") and session.database:
            scope = (session.database, session.schema) if session.schema else (session.database,)
    return wanted, scope


def _scope(job: Job, cursor: Cursor, kind: str) -> tuple[str, ...]:
    if cursor.one_of("ACCOUNT", "SESSION"):
        return ()
    if cursor.one_of("TABLE", "VIEW"):
        return job.relation(cursor).name
    if cursor.accept("DATABASE"):
        inside = not cursor.done and cursor.peek() not in ("STARTS", "LIMIT")
        return job.access.scope(cursor.identifier() if inside else job.session.database)
    named = cursor.accept("SCHEMA")
    parts = cursor.name()
    if (
        not named
        and len(parts) == 1
        and (kind == "SCHEMAS" or (job.session.database, parts[0]) not in job.account.schemas)
    ):
        return job.access.scope(parts[0])
    if kind == "COLUMNS" and len(parts) == 3:
        return job.access.relation(job.session.find(job.full(parts)), job.full(parts)).name
    scope = job.scope(parts)
    if scope not in job.account.schemas:
        raise impossible()
    return job.access.scope(*scope)


# Relations ------------------------------------------------------------------------------------------------------------


def _relation(r: Relation, rows: int | None) -> Row:
    return {
        "created_on": r.created,
        "name": r.name[2],
        "database_name": r.name[0],
        "schema_name": r.name[1],
        "kind": r.kind,
        "comment": r.comment,
        "cluster_by": r.clustering,
        "rows": rows,
        "bytes": rows * 64 if rows is not None else None,
        "owner": r.owner,
        "retention_time": str(r.retention),
        "automatic_clustering": "ON" if r.reclustering else "OFF",
        "change_tracking": "ON" if r.tracked else "OFF",
        "search_optimization": "OFF",
        "owner_role_type": "ROLE",
        **{f"is_{k}": "Y" if r.shown_as == k.upper() else "N" for k in ("external", "hybrid", "iceberg", "dynamic")},
        **dict.fromkeys(("is_event", "is_immutable"), "N"),
        "text": "" if r.shown_as == "SECURE" else r.text,
        "is_secure": "true" if r.shown_as == "SECURE" else "false",
        "is_materialized": "true" if r.shown_as == "MATERIALIZED" else "false",
    }


def _listed(job: Job, scope: tuple[str, ...], *kinds: str) -> list[Row]:
    relations = visible(job, scope, *kinds)
    tables = [r for r in relations if r.kind == "TABLE"]
    rows = dict(zip((r.physical for r in tables), job.store.count(tables), strict=True))
    return [_relation(r, rows.get(r.physical)) for r in relations]


def _tables(job: Job, scope: tuple[str, ...]) -> list[Row]:
    kinds = {r.name: r for r in visible(job, scope, "TABLE")}
    found = _listed(job, scope, "TABLE")
    for row, r in zip(found, kinds.values(), strict=True):
        row["kind"] = "TEMPORARY" if r.session is not None else "TRANSIENT" if r.transient else "TABLE"
    return found


def _schemas(job: Job, scope: tuple[str, ...]) -> list[Row]:
    found: list[Row] = []
    for database in [d for d in sorted(job.account.databases) if not scope or d == scope[0]]:
        if not job.access.sees((database,)):
            continue
        schemas = sorted(job.account.within((database,), "SCHEMA"), key=lambda s: s.name)
        found += [_schema(s) for s in schemas if job.access.sees(s.name)]
        itself = job.account.databases[database]
        found.append(
            {"created_on": itself.created, "name": "INFORMATION_SCHEMA", "database_name": database, "owner": ""}
        )
    return sorted(found, key=lambda r: (str(r["database_name"]), str(r["name"])))


def _schema(schema: Securable) -> Row:
    options = [
        word for flag, word in (("transient", "TRANSIENT"), ("managed", "MANAGED ACCESS")) if getattr(schema, flag)
    ]
    return {
        "created_on": schema.created,
        "name": schema.name[1],
        "is_default": "N",
        "is_current": "N",
        "database_name": schema.name[0],
        "owner": schema.owner,
        "comment": schema.comment,
        "options": ", ".join(options),
        "retention_time": "1",
        "owner_role_type": "ROLE",
    }


def _databases(job: Job, _scope: tuple[str, ...]) -> list[Row]:
    return [
        {
            "created_on": d.created,
            "name": name,
            "is_default": "N",
            "is_current": "Y" if name == job.session.database else "N",
            "owner": d.owner,
            "comment": d.comment,
            "options": "TRANSIENT" if d.transient else "",
            "retention_time": str(d.retention),
            "kind": "STANDARD",
        }
        for name, d in sorted(job.account.databases.items())
        if job.access.has(d)
    ]


def _columns(job: Job, scope: tuple[str, ...]) -> list[Row]:
    relations = visible(job, scope)
    columns = job.store.columns(*(r.physical for r in relations))
    return [
        {
            "table_name": r.name[2],
            "schema_name": r.name[1],
            "column_name": c.name,
            "data_type": snowflake_type(c.type, r.lengths.get(c.name)),
            "null?": "true" if c.nullable else "false",
            "default": c.default or "",
            "kind": "COLUMN",
            "comment": r.column_comments.get(c.name, ""),
            "database_name": r.name[0],
        }
        for r in relations
        for c in columns[r.physical]
    ]


def _recorded(job: Job, kind: str, wanted: Filter, scope: tuple[str, ...]) -> Result:
    rows: list[Row] = [
        r
        for r in job.account.recorded.get(kind, [])
        if (r.get("database_name"), r.get("schema_name"))[: len(scope)] == scope[:2]
        and job.access.role in r.get("roles", [job.access.role])  # type: ignore[operator]
    ]
    return table(_RECORDED[kind].split(), wanted(rows))


_TABLE = (
    "created_on name database_name schema_name kind comment cluster_by rows bytes owner retention_time automatic_clustering "
    "change_tracking search_optimization is_external owner_role_type is_event is_hybrid is_iceberg is_dynamic is_immutable"
)
_KINDS: dict[str, tuple[str, Callable[[Job, tuple[str, ...]], list[Row]]]] = {
    "TABLES": (_TABLE, _tables),
    "OBJECTS": (
        "created_on name database_name schema_name kind comment cluster_by rows bytes owner retention_time owner_role_type "
        "is_hybrid is_dynamic is_iceberg",
        lambda job, scope: _listed(job, scope),
    ),
    "VIEWS": (
        "created_on name reserved database_name schema_name owner comment text is_secure is_materialized owner_role_type",
        lambda job, scope: _listed(job, scope, "VIEW"),
    ),
    "SCHEMAS": (
        "created_on name is_default is_current database_name owner comment options retention_time owner_role_type",
        _schemas,
    ),
    "DATABASES": ("created_on name is_default is_current owner comment options retention_time kind", _databases),
    "COLUMNS": ("table_name schema_name column_name data_type null? default kind comment database_name", _columns),
    "WAREHOUSES": ("name state type size created_on owner comment", show_account.warehouses),
    "ROLES": ("created_on name is_default is_current is_inherited owner comment", show_account.roles),
    "USERS": (
        "name created_on login_name type default_role default_warehouse default_secondary_roles has_rsa_public_key owner comment",
        show_account.users,
    ),
    "PARAMETERS": ("key value default level description type", show_account.parameters),
}


# DESCRIBE -------------------------------------------------------------------------------------------------------------


def describe(job: Job, cursor: Cursor) -> Result:
    """DESCRIBE [TABLE | VIEW] name"""
    cursor.one_of("TABLE", "VIEW")
    if cursor.peek() in ("USER", "WAREHOUSE", "RESULT", "ROLE", "SCHEMA", "DATABASE") and cursor.peek(1) not in (
        "",
        ".",
    ):
        raise unsupported(job.sql[:200])
    relation = job.relation(cursor)
    names = [
        "name",
        "type",
        "kind",
        "null?",
        "default",
        "primary key",
        "unique key",
        "check",
        "expression",
        "comment",
        "policy name",
    ]
    policies = {
        str(r["REF_COLUMN_NAME"]): r["POLICY_NAME"]
        for r in job.account.recorded.get("POLICY_REFERENCES", [])
        if r.get("entity") == dotted(relation.name) and r.get("REF_COLUMN_NAME")
    }
    rows: list[Row] = [
        {"name": c.name, "type": snowflake_type(c.type, relation.lengths.get(c.name)), "kind": "COLUMN",
         "null?": "Y" if c.nullable else "N", "default": c.default, "primary key": "N", "unique key": "N",
         "comment": relation.column_comments.get(c.name) or None, "policy name": policies.get(c.name)}
        for c in job.store.columns(relation.physical)[relation.physical]
    ]  # fmt: skip
    return table(names, rows)
