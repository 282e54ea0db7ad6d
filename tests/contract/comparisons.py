"""Two tables in DuckDB, compared by the product's own statements as the sandbox translates them, without the wire between.

Translation is kept by text: random tables of one shape then cost only what DuckDB needs, so thousands can be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from snowflake.connector.converter import SnowflakeConverter

from bot import queries
from bot.model import Relation
from bot.scope import base_type
from sandbox.snowflake.store import Store, snowflake_type
from sandbox.snowflake.translate import name_columns, parse, to_duckdb

_CONVERT = SnowflakeConverter()


class DirectSession:
    """`Session.rows` on a DuckDB of its own; databases are attached as the sandbox does."""

    def __init__(self) -> None:
        self._store = Store()
        self._store.root.execute("set global threads = 1")
        self._store.attach("D")
        self._store.create_schema("D", "S")
        self.connection = self._store.connect()
        self._results = 0
        self.query_ids: list[str] = []

    def close(self) -> None:
        self.connection.close()
        self._store.close()

    def rows(self, sql_name: str, /, binds: Mapping[str, object] | None = None, **context: Any) -> list[dict[str, Any]]:
        if sql_name == "checks/columns":
            return [*self._described("baseline", context["baseline"]), *self._described("candidate", context["candidate"])]
        sql = _translated(queries.render(sql_name, **context))
        values = {name: _bound(value) for name, value in (binds or {}).items()}
        text = (sql % values).replace("RESULT_SCAN", "result_scan") if values else queries.plain(sql)
        cursor = self.connection.execute(text)
        names = [d[0].lower() for d in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        self._keep(sql_name, found)
        return found

    def _described(self, side: str, relation: Relation) -> list[dict[str, Any]]:
        """INFORMATION_SCHEMA.COLUMNS, as far as it is read."""
        self.query_ids.append("columns")
        found = self.connection.execute(
            "select column_name, data_type, numeric_precision, numeric_scale from duckdb_columns() where table_name = ? "
            "order by column_index",
            [relation.name],
        ).fetchall()
        return [
            {
                "side": side,
                "column_name": name,
                "data_type": base_type(snowflake_type(kind)),
                "is_nullable": "YES",
                "numeric_precision": None if kind == "DOUBLE" else 38 if precision else None,
                "numeric_scale": scale,
                "character_maximum_length": None,
                "datetime_precision": None,
                "comment": None,
            }
            for name, kind, precision, scale in found
        ]

    def _keep(self, sql_name: str, rows: list[dict[str, Any]]) -> None:
        """What RESULT_SCAN reads again."""
        self.query_ids.append("proof")
        if sql_name == "checks/proof":
            self.connection.execute("create or replace temp table proof (BUCKET BIGINT)")
            self.connection.executemany("insert into proof values (?)", [[r["bucket"]] for r in rows])


@cache
def _translated(sql: str) -> str:
    expression = parse(sql.replace("%(", "'%(").replace(")s", ")s'") if "%(" in sql else sql)
    name_columns(expression)
    made = to_duckdb(expression)
    made = made.replace("TABLE(RESULT_SCAN('%(proof)s'))", "proof").replace("RESULT_SCAN('%(proof)s')", "proof")
    return made.replace("'%(", "%(").replace(")s'", ")s")


def _bound(value: object) -> str:
    return str(_CONVERT.quote(_CONVERT.escape(_CONVERT.to_snowflake(value))))

