"""The rows: one in-memory DuckDB, an attached database for each Snowflake database, a connection for each session."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import duckdb
import fakesnow.macros
from duckdb import DuckDBPyConnection

from .catalog import Name, Relation, quoted
from .errors import SnowflakeError, unsupported
from .translate import MACROS


class Column(NamedTuple):
    name: str
    type: str  # DuckDB's
    nullable: bool
    default: str | None


class Store:
    """DuckDB, with the few operations that need several of its statements."""

    def __init__(self) -> None:
        self.root = duckdb.connect(":memory:", config={"lambda_syntax": "ENABLE_SINGLE_ARROW"})
        self.root.execute("set global TimeZone = 'UTC'")

    def connect(self) -> DuckDBPyConnection:
        """A connection of its own for a session, with the functions that translated SQL calls."""
        connection = self.root.cursor()
        connection.execute(fakesnow.macros.creation_sql("temp").replace("MACRO temp.", "TEMP MACRO "))
        connection.execute(MACROS)
        return connection

    def close(self) -> None:
        self.root.close()

    def attach(self, database: str) -> None:
        self.root.execute(f"attach ':memory:' as {quoted((database,))}")

    def detach(self, database: str) -> None:
        self.root.execute(f"detach {quoted((database,))}")

    def create_schema(self, database: str, schema: str) -> None:
        self.root.cursor().execute(f"create schema if not exists {quoted((database, schema))}")

    def drop_schema(self, database: str, schema: str) -> None:
        self.root.cursor().execute(f"drop schema if exists {quoted((database, schema))} cascade")

    def columns(self, *names: Name) -> dict[Name, list[Column]]:
        """The columns of these relations, in order."""
        found: dict[Name, list[Column]] = {name: [] for name in names}
        if not names:
            return found
        rows = self.root.cursor().execute(
            "select database_name, schema_name, table_name, column_name, data_type, is_nullable, column_default "
            "from duckdb_columns() where database_name in (select unnest(?)) order by column_index",
            [sorted({name[0] for name in names})],
        )
        for database, schema, table, *rest in rows.fetchall():
            if (columns := found.get((database, schema, table))) is not None:
                columns.append(Column(*rest))
        return found

    def count(self, relations: list[Relation]) -> list[int]:
        """Committed rows of tables; counted again only where something changed."""
        stale = [r for r in relations if r.counted is None or r.counted[0] != r.changed]
        try:
            self._count_again(stale)
        except duckdb.CatalogException:  # another session has renamed or dropped one meanwhile
            for relation in stale:
                with suppress(duckdb.CatalogException):
                    self._count_again([relation])
        return [r.counted[1] if r.counted else 0 for r in relations]

    def _count_again(self, relations: list[Relation]) -> None:
        if not relations:
            return
        markers = [r.changed for r in relations]
        sql = " union all by name ".join(
            f"select {i} as i, count(*) as n from {quoted(r.physical)}" for i, r in enumerate(relations)
        )
        for i, n in self.root.cursor().execute(sql).fetchall():
            relations[i].counted = (markers[i], n)

    def width(self, view: Name) -> int:
        """The columns a view's query has now."""
        return len(self.root.cursor().execute(f"select * from {quoted(view)} limit 0").description or ())

    def copy(self, source: Name, to: Name, *, replace: bool) -> list[str]:
        """The statements that make `to` a copy of `source`: columns, NOT NULL, defaults, rows."""
        definition = ", ".join(_definition(c) for c in self.columns(source)[source])
        create = "create or replace table" if replace else "create table"
        return [f"{create} {quoted(to)} ({definition})", f"insert into {quoted(to)} select * from {quoted(source)}"]


def _definition(column: Column) -> str:
    text = f"{quoted((column.name,))} {column.type}"
    if column.default is not None:
        text += f" default ({column.default})"
    return text if column.nullable else text + " not null"


def snowflake_type(duck: str, length: int | None = None) -> str:
    """The type DESCRIBE shows for a DuckDB type; `length` is a VARCHAR's declared one."""
    if duck.startswith("DECIMAL"):
        return "NUMBER" + duck.removeprefix("DECIMAL")
    if duck == "VARCHAR":
        return f"VARCHAR({length or 16777216})"
    return _TYPES.get(duck, duck)


_TYPES = {
    **dict.fromkeys(("BIGINT", "HUGEINT", "INTEGER", "SMALLINT", "TINYINT", "UBIGINT", "UINTEGER"), "NUMBER(38,0)"),
    "DOUBLE": "FLOAT",
    "FLOAT": "FLOAT",
    "TIMESTAMP": "TIMESTAMP_NTZ(9)",
    "TIMESTAMP_NS": "TIMESTAMP_NTZ(9)",
    "TIMESTAMP WITH TIME ZONE": "TIMESTAMP_TZ(9)",
    "TIME": "TIME(9)",
    "BLOB": "BINARY(8388608)",
    "JSON": "VARIANT",
}


def translate_error(error: duckdb.Error, sql: str) -> SnowflakeError:
    """A DuckDB error in Snowflake's words where there is a counterpart, else one that names the statement."""
    text = str(error).split("\n")[0]
    match error:
        case duckdb.InterruptException():
            return SnowflakeError("000604", "57014", "SQL execution canceled")
        case duckdb.BinderException() if "Referenced column" in text or "does not have a column" in text:
            return SnowflakeError("000904", "42000", f"SQL compilation error: invalid identifier\n{text}")
        case duckdb.CatalogException() if "Function" in text:
            return SnowflakeError("002140", "42601", f"SQL compilation error:\nUnknown function\n{text}")
        case duckdb.CatalogException():
            return SnowflakeError("002003", "42S02", f"SQL compilation error:\n{text}")
        case duckdb.ConversionException() | duckdb.OutOfRangeException():
            return SnowflakeError("100038", "22018", text)
        case duckdb.ConstraintException():
            return SnowflakeError("100072", "22000", f"NULL result in a non-nullable column\n{text}")
        case duckdb.InvalidInputException() if "more than once" in text:
            return SnowflakeError("100090", "42P18", f"Duplicate row detected during DML action\n{text}")
        case duckdb.NotImplementedException() | duckdb.ParserException():
            return unsupported(f"{sql[:200]}: {text}")
        case duckdb.BinderException():
            return SnowflakeError("001003", "42000", f"SQL compilation error:\n{text}")
        case _:
            return SnowflakeError("000603", "XX000", f"SQL execution error in: {sql[:200]}\n{text}")
