"""Two tables on a small Snowflake, and the report that `compare` makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path

from bot.comparison import compare
from bot.model import Actor, Build, Mode, Origin, Plan, Refresh, Relation, Report, Request, Rules, State
from bot.model import TestResult as DbtTest
from bot.session import Session
from bot.settings import Settings
from tests.contract.warehouses import World, world

AT = datetime(2026, 4, 22, 14, 0, tzinfo=UTC)
DAY = date(2026, 4, 8)
# Ten days, two metrics, a float, a text and a clock; one value a day, so that every number can be checked by hand.
DAYS = """
SELECT DATEADD('day', n, '2026-04-01'::DATE)::DATE AS DATE, (1000 + n)::NUMBER(38,2) AS VOLUME, (100 + n)::NUMBER(38,0) AS TRADES,
  (0.1 * (n + 1))::FLOAT AS PRICE, 'ethereum'::VARCHAR AS CHAIN, '2026-04-20 02:00:00'::TIMESTAMP_NTZ AS MODIFIED_ON
FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) - 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 10))) days
"""
RULES = Rules(
    grain=Origin(columns=("date",), source="unique_key"),
    date_column=Origin(columns=("date",), source="meta"),
    spot_check=(),
)
BACKFILL = Request(model="m", mode=Mode.BACKFILL, since=DAY, columns=("volume",))
FULL = Request(model="m", at=(DAY,))


@dataclass
class Bench:
    """Two tables in the dev schema and the report of comparing them."""

    world: World
    session: Session
    numbers: Iterator[int]

    def compare(
        self,
        request: Request,
        *changes: str,
        base: str = DAYS,
        rules: Rules = RULES,
        settings: Settings | None = None,
        tests: tuple[DbtTest, ...] = (),
        spots: dict[str, str] | None = None,
        before: tuple[str, ...] = (),
    ) -> Report:
        """The candidate is the baseline after `changes`, where `{c}` is the candidate; `before` also changes the baseline."""
        baseline, candidate = self._table(base), self._table(base)
        for statement in before:
            self._change(baseline, statement)
            self._change(candidate, statement)
        for statement in changes:
            self._change(candidate, statement)
        refresh = self._refresh(baseline, candidate, request, rules, tests, spots or {})
        return compare(self.session, refresh, settings or self.world.settings, lambda text, share: None)

    def _table(self, sql: str) -> Relation:
        relation = Relation("DEV", "BOT", f"T{next(self.numbers)}")
        self.session.send(f"CREATE TRANSIENT TABLE {relation.sql} AS {sql}")
        return relation

    def _change(self, relation: Relation, statement: str) -> None:
        self.session.send(statement.replace("{c}", relation.sql))

    def _refresh(
        self,
        baseline: Relation,
        candidate: Relation,
        request: Request,
        rules: Rules,
        tests: tuple[DbtTest, ...],
        spots: dict[str, str],
    ) -> Refresh:
        prod = self.session.table(baseline)
        assert prod is not None
        dev = Relation("DEV", "BOT", "M")
        plan = Plan(
            unique_id="model.p.m",
            name="m",
            prod=replace(prod, relation=Relation("SHOP", "PROD", "M")),
            dev=dev,
            materialized="incremental",
            warehouse="WH",
            warehouse_override=False,
            vars={},
            parents=("SHOP.PROD.SOURCE",),
            rules=rules,
            code="3f9c2e1",
            code_in_prod=True,
            dirty=False,
            reads_date=True,
            hooks=(),
        )
        build = Build(
            invocation_id="i",
            started=AT,
            seconds=1.0,
            query_ids=(),
            rows_affected=10,
            tests=tests,
            hooks=(),
            dbt_version="1.11",
            compiled_sql="",
            spot_checks=spots,
        )
        actor = Actor(user_id="U1", team_id="T1")
        return Refresh(
            id=1,
            state=State.CHECKING,
            revision=1,
            request=request,
            asker=actor,
            channel="C1",
            unique_id="model.p.m",
            name="m",
            prod=plan.prod.relation,
            dev=dev,
            created_at=AT,
            changed_at=AT,
            plan=plan,
            build=build,
            baseline=self.session.snapshot(baseline),
            candidate=self.session.snapshot(candidate),
        )


@contextmanager
def bench_in(keys: Path) -> Iterator[Bench]:
    with world(keys) as made:
        made.nightly(
            "CREATE TABLE SHOP.PROD.SOURCE AS SELECT '2026-04-08'::DATE AS DAY, 5.25::NUMBER(38,2) AS V",
            "CREATE TABLE SHOP.PROD.OTHER AS SELECT '2026-04-08'::DATE AS DAY, 5.25::NUMBER(38,2) AS V",
        )
        with made.warehouse.builder("test") as session:
            session.ensure_dev_schema(Relation("DEV", "BOT", "M"), "TRANSFORMER")
            yield Bench(made, session, count())


def fix(value: object, day: str = "2026-04-08", column: str = "VOLUME") -> str:
    return f"UPDATE {{c}} SET {column} = {value} WHERE DATE = '{day}'"
