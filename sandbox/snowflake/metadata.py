"""INFORMATION_SCHEMA: only what the role may see, with the values Snowflake shows."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyarrow as pa

from .catalog import Relation, Schema
from .errors import missing
from .job import Job
from .store import Column, snowflake_type

Rows = list[dict[str, object]]
_TIME = pa.timestamp("us", "UTC")


def view(job: Job, database: str, name: str) -> pa.Table:
    """The rows of INFORMATION_SCHEMA.<name> of a database; raises 002003 for a view the sandbox does not have."""
    if name not in _VIEWS:
        raise missing("Object", f"{database}.INFORMATION_SCHEMA.{name}")
    columns, build = _VIEWS[name]
    schema = pa.schema([_field(column) for column in columns.split()])
    return pa.Table.from_pylist(build(job, database), schema=schema)


def _field(column: str) -> pa.Field:
    """`NAME` is text, `NAME:int` a number, `NAME:time` a time."""
    name, _, kind = column.partition(":")
    return pa.field(name, {"int": pa.int64(), "time": _TIME}.get(kind, pa.string()))


def visible(job: Job, scope: tuple[str, ...], *kinds: str) -> list[Relation]:
    """The relations of a database, a schema or, with an empty scope, the account that the role may see, by name."""
    access, everything = job.access, [*list(job.account.relations.values()), *job.session.temporary.values()]
    return sorted(
        (
            r
            for r in everything
            if r.name[: len(scope)] == scope
            and (not kinds or r.kind in kinds)
            and (r.session is not None or access.shows(r))
        ),
        key=lambda r: r.name,
    )


def yes(flag: object) -> str:
    return "YES" if flag else "NO"


def _tables(job: Job, database: str) -> Rows:
    relations = visible(job, (database,))
    tables = [r for r in relations if r.kind == "TABLE"]
    rows = dict(zip((r.name for r in tables), job.store.count(tables), strict=True))
    return [_table(r, rows.get(r.name)) for r in relations]


def _table(r: Relation, rows: int | None) -> dict[str, object]:
    kind = "VIEW" if r.kind == "VIEW" else "LOCAL TEMPORARY" if r.session is not None else "BASE TABLE"
    kind = "EXTERNAL TABLE" if r.shown_as == "EXTERNAL" else kind
    return {
        "TABLE_CATALOG": r.name[0],
        "TABLE_SCHEMA": r.name[1],
        "TABLE_NAME": r.name[2],
        "TABLE_OWNER": r.owner,
        "TABLE_TYPE": kind,
        "IS_TRANSIENT": yes(r.transient) if kind != "VIEW" else None,
        "CLUSTERING_KEY": r.clustering or None,
        "ROW_COUNT": rows,
        "BYTES": rows * 64 if rows is not None else None,
        "RETENTION_TIME": r.retention if kind != "VIEW" else None,
        "CREATED": r.created,
        "LAST_ALTERED": r.altered,
        "LAST_DDL": r.ddl,
        "LAST_DDL_BY": None,
        "AUTO_CLUSTERING_ON": yes(r.reclustering) if kind != "VIEW" else None,
        "COMMENT": r.comment or None,
        "IS_TEMPORARY": yes(r.session is not None),
        "IS_ICEBERG": yes(r.shown_as == "ICEBERG"),
        "IS_DYNAMIC": yes(r.shown_as == "DYNAMIC"),
        "IS_HYBRID": yes(r.shown_as == "HYBRID"),
        "IS_IMMUTABLE": "NO",
        "IS_INSERTABLE_INTO": yes(kind != "VIEW"),
    }


_NUMBER = re.compile(r"NUMBER\((\d+),(\d+)\)")


def _columns(job: Job, database: str) -> Rows:
    relations = visible(job, (database,))
    stored = [r.physical for r in relations]  # another session may rename them from here on
    columns = job.store.columns(*stored)
    return [
        _column(r, column, position)
        for r, name in zip(relations, stored, strict=True)
        for position, column in enumerate(columns[name], start=1)
    ]


def _column(r: Relation, column: Column, position: int) -> dict[str, object]:
    shown = snowflake_type(column.type, r.lengths.get(column.name))
    number, kind = _NUMBER.match(shown), shown.split("(")[0]
    length = int(shown[8:-1]) if kind == "VARCHAR" else None
    return {
        "TABLE_CATALOG": r.name[0],
        "TABLE_SCHEMA": r.name[1],
        "TABLE_NAME": r.name[2],
        "COLUMN_NAME": column.name,
        "ORDINAL_POSITION": position,
        "COLUMN_DEFAULT": column.default,
        "IS_IDENTITY": "NO",
        "IS_NULLABLE": yes(column.nullable),
        "DATA_TYPE": {"VARCHAR": "TEXT"}.get(kind, kind),
        "CHARACTER_MAXIMUM_LENGTH": length,
        "CHARACTER_OCTET_LENGTH": min(length * 4, 16777216) if length else None,
        "NUMERIC_PRECISION": int(number[1]) if number else None,
        "NUMERIC_PRECISION_RADIX": 10 if number else None,
        "NUMERIC_SCALE": int(number[2]) if number else None,
        "DATETIME_PRECISION": 9 if kind.startswith("TIME") else None,
        "COMMENT": r.column_comments.get(column.name) or None,
    }


def _views(job: Job, database: str) -> Rows:
    return [
        {
            "TABLE_CATALOG": r.name[0],
            "TABLE_SCHEMA": r.name[1],
            "TABLE_NAME": r.name[2],
            "TABLE_OWNER": r.owner,
            "VIEW_DEFINITION": r.text,
            "CHECK_OPTION": "NONE",
            "IS_UPDATABLE": "NO",
            "INSERTABLE_INTO": "NO",
            "IS_SECURE": "NO",
            "CREATED": r.created,
            "LAST_ALTERED": r.altered,
            "LAST_DDL": r.ddl,
            "COMMENT": r.comment or None,
        }
        for r in visible(job, (database,), "VIEW")
    ]


def _schemata(job: Job, database: str) -> Rows:
    schemas = sorted((s for s in list(job.account.schemas.values()) if s.name[0] == database), key=lambda s: s.name)
    itself = job.account.databases[database]
    information = Schema(kind="SCHEMA", name=(database, "INFORMATION_SCHEMA"), owner="", created=itself.created)
    return [_schema(s) for s in [*schemas, information] if job.access.sees(s.name)]


def _schema(schema: Schema) -> dict[str, object]:
    return {
        "CATALOG_NAME": schema.name[0],
        "SCHEMA_NAME": schema.name[1],
        "SCHEMA_OWNER": schema.owner or None,
        "IS_TRANSIENT": yes(schema.transient),
        "IS_MANAGED_ACCESS": yes(schema.managed),
        "RETENTION_TIME": schema.retention,
        "CREATED": schema.created,
        "LAST_ALTERED": schema.created,
        "COMMENT": schema.comment or None,
    }


def _databases(job: Job, _database: str) -> Rows:
    return [
        {
            "DATABASE_NAME": d.name[0],
            "DATABASE_OWNER": d.owner,
            "IS_TRANSIENT": yes(d.transient),
            "COMMENT": d.comment or None,
            "CREATED": d.created,
            "LAST_ALTERED": d.created,
            "RETENTION_TIME": d.retention,
        }
        for d in list(job.account.databases.values())
        if job.access.has(d)
    ]


_VIEWS: dict[str, tuple[str, Callable[[Job, str], Rows]]] = {
    "TABLES": (
        "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_OWNER TABLE_TYPE IS_TRANSIENT CLUSTERING_KEY ROW_COUNT:int BYTES:int "
        "RETENTION_TIME:int CREATED:time LAST_ALTERED:time LAST_DDL:time LAST_DDL_BY AUTO_CLUSTERING_ON COMMENT "
        "IS_TEMPORARY IS_ICEBERG IS_DYNAMIC IS_HYBRID IS_IMMUTABLE IS_INSERTABLE_INTO",
        _tables,
    ),
    "COLUMNS": (
        "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME COLUMN_NAME ORDINAL_POSITION:int COLUMN_DEFAULT IS_IDENTITY IS_NULLABLE DATA_TYPE "
        "CHARACTER_MAXIMUM_LENGTH:int CHARACTER_OCTET_LENGTH:int NUMERIC_PRECISION:int NUMERIC_PRECISION_RADIX:int "
        "NUMERIC_SCALE:int DATETIME_PRECISION:int COMMENT",
        _columns,
    ),
    "VIEWS": (
        "TABLE_CATALOG TABLE_SCHEMA TABLE_NAME TABLE_OWNER VIEW_DEFINITION CHECK_OPTION IS_UPDATABLE INSERTABLE_INTO "
        "IS_SECURE CREATED:time LAST_ALTERED:time LAST_DDL:time COMMENT",
        _views,
    ),
    "SCHEMATA": (
        "CATALOG_NAME SCHEMA_NAME SCHEMA_OWNER IS_TRANSIENT IS_MANAGED_ACCESS RETENTION_TIME:int CREATED:time "
        "LAST_ALTERED:time COMMENT",
        _schemata,
    ),
    "DATABASES": (
        "DATABASE_NAME DATABASE_OWNER IS_TRANSIENT COMMENT CREATED:time LAST_ALTERED:time RETENTION_TIME:int",
        _databases,
    ),
}
