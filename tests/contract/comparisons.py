"""Two tables in DuckDB, compared by the product's own statements as the sandbox translates them, without the wire between.

Translation is kept by text: random tables of one shape then cost only what DuckDB needs, so thousands can be compared.
`BASE` is the table that most tests change, and `run` compares it with what they made of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache, partial
from itertools import count
from typing import Any

from snowflake.connector.converter import SnowflakeConverter

from bot import queries
from bot.columns import base_type
from bot.comparison import Comparison, Pair
from bot.model import Finding, Mode, Origin, Relation, Report, Request, Rules
from sandbox.snowflake.store import Store, snowflake_type
from sandbox.snowflake.translate import name_columns, parse, to_duckdb

_CONVERT = SnowflakeConverter()
_BIND = re.compile(r"%\((\w+)\)s")
_MARK = re.compile(r"'@(\w+)@'")

NONE = Origin(columns=(), source="none")
# 40 days of 5 chains; one number each, a text of two values, a boolean.
BASE = """
SELECT ('2026-03-01'::DATE + (i // 5)::INT) AS "DAY", 'chain' || (i % 5) AS "CHAIN", (1000 + i)::DECIMAL(38,2) AS "VOLUME",
  (i * 2)::DECIMAL(38,2) AS "FEES", CASE WHEN i % 2 = 0 THEN 'spot' ELSE 'perp' END AS "KIND", i % 10 = 0 AS "TOP"
FROM range(200) r(i)
"""
DAILY = Rules(
    grain=Origin(columns=("day", "chain"), source="unique_key"), date_column=Origin(columns=("day",), source="meta")
)
BACKFILL = Request(model="m", mode=Mode.BACKFILL, since=date(2026, 4, 8), columns=("volume",))


class DirectSession:
    """`Session.rows` on a DuckDB of its own; databases are attached as the sandbox does."""

    def __init__(self) -> None:
        self._store = Store()
        self._store.root.execute("set global threads = 1")
        self._store.attach("D")
        self._store.create_schema("D", "S")
        self.connection = self._store.connect()
        self._numbers = count()
        self.query_ids: list[str] = []

    def close(self) -> None:
        self.connection.close()
        self._store.close()

    def rows(self, sql_name: str, /, binds: Mapping[str, object] | None = None, **context: Any) -> list[dict[str, Any]]:
        if sql_name == "checks/columns":
            self.query_ids.append("columns")
            return [
                *self._described("baseline", context["baseline"]),
                *self._described("candidate", context["candidate"]),
            ]
        sql = _translated(queries.render(sql_name, **context))
        values = {name: _bound(value) for name, value in (binds or {}).items()}
        text = _MARK.sub(lambda m: values[m[1]], sql)
        cursor = self.connection.execute(text)
        names = [d[0].lower() for d in cursor.description or ()]
        found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        self._keep(sql_name, found)
        return found

    def result_columns(self, sql_name: str, /, **context: Any) -> dict[str, bool]:
        self.query_ids.append("columns")
        cursor = self.connection.execute(_translated(queries.render(sql_name, **context)))
        return {d[0]: d[1] == "DOUBLE" for d in cursor.description or ()}

    def query(self, sql: str) -> list[Any]:
        """Snowflake's SQL, as the sandbox translates it."""
        return self.connection.execute(_translated(sql)).fetchall()

    def tables(self, baseline: str, candidate: str) -> tuple[Relation, Relation]:
        """Two fresh tables from DuckDB queries; `{b}` in the candidate's is the baseline."""
        number = next(self._numbers)
        made = Relation("D", "S", f"B{number}"), Relation("D", "S", f"C{number}")
        for relation, query in zip(made, (baseline, candidate), strict=True):
            self.connection.execute(f"create table {relation.sql} as {query.replace('{b}', made[0].sql)}")
        return made

    def _described(self, side: str, relation: Relation) -> list[dict[str, Any]]:
        """INFORMATION_SCHEMA.COLUMNS, as far as it is read."""
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
            self.connection.execute("insert into proof select unnest(?::bigint[])", [[r["bucket"] for r in rows]])


def report_on(
    session: DirectSession,
    candidate: str,
    request: Request | None = None,
    *,
    baseline: str,
    rules: Rules,
    joined: int = 10**9,
) -> Report:
    """The report on two fresh tables, as `tables` makes them; beyond `joined` rows only a sample of the keys is joined."""
    base, cand = session.tables(baseline, candidate)
    pair = Pair(baseline=base, candidate=cand, request=request or Request(model="m"), rules=rules)
    return Comparison(session, pair, lambda text, share: None, joined).run()  # pyright: ignore


run = partial(report_on, baseline=BASE, rules=DAILY)


def changed(value: str = "VOLUME * 2", where: str = "TRUE") -> str:
    return f'SELECT * REPLACE (CASE WHEN {where} THEN ({value})::DECIMAL(38,2) ELSE VOLUME END AS "VOLUME") FROM {{b}}'


def found(report: Report, name: str) -> Finding:
    return next(f for f in report.findings if f.name == name)


@cache
def _translated(sql: str) -> str:
    marked = queries.plain(_BIND.sub(r"'@\1@'", sql))
    expression = parse(marked)
    name_columns(expression)
    made = to_duckdb(expression)
    return made.replace("TABLE(RESULT_SCAN('@proof@'))", "proof").replace("RESULT_SCAN('@proof@')", "proof")


def _bound(value: object) -> str:
    return str(_CONVERT.quote(_CONVERT.escape(_CONVERT.to_snowflake(value))))
