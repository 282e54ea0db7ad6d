"""The comparison on a warehouse: small tables made to break each row of the design's table of checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bot.comparison import compare
from bot.model import (
    Actor,
    Build,
    Mode,
    Origin,
    Plan,
    Refresh,
    Relation,
    Report,
    Request,
    Rules,
    State,
    Verdict,
)
from bot.model import TestResult as DbtTest
from bot.session import Session
from bot.settings import Settings
from bot.wording.findings import line
from tests.contract.comparisons import found
from tests.contract.warehouses import World, world

AT = datetime(2026, 4, 22, 14, 0, tzinfo=UTC)
DAY = date(2026, 4, 8)
PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN

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
NO_TRADES = "CREATE OR REPLACE TRANSIENT TABLE {c} AS SELECT DATE, VOLUME, PRICE, CHAIN, MODIFIED_ON FROM {c}"
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


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    keys: Path = tmp_path_factory.mktemp("keys")
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


def verdicts(report: Report) -> dict[str, Verdict]:
    return {f.name: f.verdict for f in report.findings}


# Parity of a backfill


def test_a_backfill_that_did_what_was_asked(bench: Bench) -> None:
    report = bench.compare(BACKFILL, fix(5.25), before=(fix("11290000000000000"),))
    parity = found(report, "parity")
    assert parity.verdict is PASS
    assert not parity.blocks
    wanted = {
        "history_rows": 7,
        "history_differ": 0,
        "window_rows": 3,
        "window_changed": 1,
        "window_outside": 0,
        "named_changed": 1,
        "outside_columns": 4,
    }
    assert {k: parity.numbers[k] for k in wanted} == wanted
    assert [(c.column, c.history, c.window, c.allowed) for c in report.changes] == [("VOLUME", 0, 1, True)]
    assert report.columns_compared == 6
    assert not report.nothing_changes
    assert report.baseline.first == date(2026, 4, 1)
    assert report.candidate.last == date(2026, 4, 10)
    line = report.headline
    assert line is not None
    assert (line.metric, line.day, line.before, line.after) == (
        "VOLUME",
        DAY,
        Decimal("11290000000000000"),
        Decimal("5.25"),
    )
    assert (line.day_before, line.day_after) == (Decimal(1006), Decimal(1008))
    assert report.series is not None
    assert report.series.changed == (DAY,)
    (group,) = report.groups
    assert (group.metric, group.direction, group.first, group.count) == ("VOLUME", "down", DAY, 1)
    assert group.worst[0].after == Decimal("5.25")


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (fix(1, "2026-04-07"), "history_differ"),
        (fix("NULL", "2026-04-07"), "history_differ"),
        (fix("PRICE * (1 + 1e-13)", "2026-04-07", "PRICE"), "history_differ"),  # no tolerance in history
        (fix("'2026-04-21'", "2026-04-07", "MODIFIED_ON"), "history_differ"),  # clocks count in history
        ("DELETE FROM {c} WHERE DATE = '2026-04-01'", "history_missing"),
        ("INSERT INTO {c} (DATE, VOLUME) VALUES ('2026-03-31', 1)", "history_extra"),
        ("DELETE FROM {c} WHERE DATE = '2026-04-09'", "window_missing"),
        (fix(1, column="TRADES"), "window_outside"),
        (fix("'2026-04-21'", column="MODIFIED_ON"), "window_outside"),  # not listed, so dbt left it as it was
        (fix("'2026-04-30'", "2026-04-07", "DATE"), "history_missing"),  # moved out of history
    ],
)
def test_a_backfill_that_reached_further_fails_and_nobody_can_waive_it(bench: Bench, change: str, number: str) -> None:
    parity = found(bench.compare(BACKFILL, change), "parity")
    assert parity.verdict is FAIL
    assert parity.blocks
    assert not parity.waivable
    assert parity.numbers[number] == 1
    assert parity.examples


def test_new_keys_inside_the_window_are_fine(bench: Bench) -> None:
    report = bench.compare(BACKFILL, "INSERT INTO {c} (DATE, VOLUME) VALUES ('2026-04-11', 1)")
    assert found(report, "parity").verdict is PASS
    assert found(report, "parity").numbers["window_new"] == 1


def test_all_columns_may_change_when_none_is_listed_and_clocks_are_set_apart(bench: Bench) -> None:
    request = replace(BACKFILL, columns=())
    report = bench.compare(request, fix("'2026-04-21'", column="MODIFIED_ON"), fix(7, column="TRADES"))
    parity = found(report, "parity")
    assert parity.verdict is PASS
    assert parity.numbers["clock"] == ["MODIFIED_ON"]
    assert [c.column for c in report.changes] == ["TRADES"]


def test_float_noise_in_the_window_is_no_change(bench: Bench) -> None:
    report = bench.compare(replace(BACKFILL, columns=()), fix("PRICE * (1 + 1e-13)", column="PRICE"))
    assert report.nothing_changes
    assert bench.compare(replace(BACKFILL, columns=()), fix("PRICE * 1.001", column="PRICE")).changes[0].window == 1


# Parity of a full refresh


def test_a_full_refresh_counts_changes_and_leaves_them_to_outliers(bench: Bench) -> None:
    report = bench.compare(FULL, fix(5), fix(1001, "2026-04-01"), "UPDATE {c} SET MODIFIED_ON = '2026-04-22'")
    parity = found(report, "parity")
    assert parity.verdict is PASS
    assert (parity.numbers["rows_changed"], parity.numbers["keys_removed"]) == (2, 0)
    assert [(c.column, c.window) for c in report.changes] == [("VOLUME", 2)]


@pytest.mark.parametrize(
    ("change", "number", "value"),
    [("DELETE FROM {c} WHERE DATE = '2026-04-09'", "keys_removed", 1), ("DELETE FROM {c}", "rows_after", 0)],
)
def test_a_full_refresh_that_loses_rows_fails_and_can_be_waived(
    bench: Bench, change: str, number: str, value: int
) -> None:
    parity = found(bench.compare(FULL, change), "parity")
    assert parity.verdict is FAIL
    assert parity.waivable
    assert parity.numbers[number] == value


# Without a usable key


def test_no_grain_compares_multisets_and_says_so(bench: Bench) -> None:
    rules = replace(RULES, grain=Origin(columns=(), source="none"))
    twice = ("INSERT INTO {c} SELECT * FROM {c}",)  # an append-only model that was loaded twice
    same = bench.compare(FULL, rules=rules, before=twice)
    assert found(same, "parity").verdict is PASS
    assert same.nothing_changes
    report = bench.compare(FULL, fix(5), rules=rules, before=twice)
    parity = found(report, "parity")
    assert (parity.verdict, parity.waivable, parity.numbers["method"]) == (UNKNOWN, True, "multiset")
    assert (parity.numbers["keys_removed"], parity.numbers["keys_added"]) == (2, 2)
    assert found(report, "grain").verdict is WARN
    assert [g.metric for g in report.groups] == ["VOLUME"]  # paired by day


def test_a_backfill_on_repeated_keys_still_proves_its_history(bench: Bench) -> None:
    twice = ("INSERT INTO {c} SELECT * FROM {c} WHERE DATE = '2026-04-02'",)
    kept = bench.compare(BACKFILL, fix(5), before=twice)
    assert found(kept, "parity").verdict is PASS
    assert found(kept, "grain").verdict is WARN  # as often as before
    broken = bench.compare(BACKFILL, fix(5, "2026-04-02"), before=twice)
    assert found(broken, "parity").numbers["history_missing"] == 2
    assert found(broken, "parity").verdict is FAIL
    lost = bench.compare(replace(BACKFILL, columns=()), "DELETE FROM {c} WHERE DATE = '2026-04-09'", before=twice)
    assert found(lost, "parity").numbers["window_missing"] == 1
    outside = bench.compare(BACKFILL, fix(5, column="TRADES"), before=twice)
    assert found(outside, "parity").numbers["window_outside"] == 1


# Grain, NaN


def test_new_null_and_repeated_keys_fail(bench: Bench) -> None:
    report = bench.compare(
        FULL,
        "INSERT INTO {c} SELECT * FROM {c} WHERE DATE = '2026-04-02'",
        "INSERT INTO {c} (DATE, VOLUME) VALUES (NULL, 1)",
    )
    grain = found(report, "grain")
    assert (grain.verdict, grain.waivable) == (FAIL, False)
    assert (grain.numbers["duplicate_keys"], grain.numbers["null_rows"]) == (1, 1)
    assert len(grain.examples) == 2


def test_new_nan_fails_and_old_nan_warns(bench: Bench) -> None:
    nan = fix("'NaN'::FLOAT", column="PRICE")
    new = found(bench.compare(FULL, nan), "grain")
    assert (new.verdict, new.numbers["new_nan"]) == (FAIL, ["PRICE"])
    assert found(bench.compare(FULL, before=(nan,)), "grain").verdict is WARN


# Schema


def test_schema_changes_fail_or_warn_by_mode(bench: Bench) -> None:
    dropped = found(bench.compare(FULL, NO_TRADES), "schema")
    assert (dropped.verdict, dropped.waivable, dropped.numbers["dropped"]) == (FAIL, True, ["TRADES"])
    added = "ALTER TABLE {c} ADD COLUMN FEES NUMBER(38,2)"
    assert found(bench.compare(FULL, added), "schema").verdict is WARN
    assert found(bench.compare(BACKFILL, added), "schema").verdict is WARN
    listed = replace(BACKFILL, columns=("volume", "fees"))
    assert found(bench.compare(listed, added), "schema").verdict is PASS
    gone = found(bench.compare(BACKFILL, NO_TRADES), "schema")
    assert (gone.verdict, gone.waivable) == (FAIL, False)


# Sanity


def test_limits_fail_on_the_candidate_only(bench: Bench) -> None:
    rules = replace(RULES, sanity={"volume": {"min": 0, "max": 1e6}})
    bad = found(bench.compare(FULL, fix(1e9), rules=rules), "sanity")
    assert (bad.verdict, bad.waivable, bad.numbers["rows_outside"]) == (FAIL, True, 1)
    good = found(bench.compare(FULL, fix(5), rules=rules, before=(fix(1e9),)), "sanity")
    assert (good.verdict, good.numbers["rows_outside"], good.numbers["rows_outside_before"]) == (PASS, 0, 1)


def test_a_limit_for_a_column_that_is_not_there_is_said(bench: Bench) -> None:
    rules = replace(RULES, sanity={"volumes": {"min": 0}})
    sanity = found(bench.compare(FULL, rules=rules), "sanity")
    assert (sanity.verdict, sanity.numbers["columns_unknown"]) == (WARN, ["volumes"])


def test_a_bad_value_on_both_sides_warns_by_default(bench: Bench) -> None:
    report = bench.compare(BACKFILL, before=(fix("11290000000000000"),))
    usual = found(report, "sanity:usual")
    assert (usual.verdict, usual.blocks, usual.numbers["columns"]) == (WARN, False, ["VOLUME"])
    assert (usual.numbers["values_far"], usual.numbers["values_far_before"]) == (1, 1)
    assert usual.examples[0]["largest"] is not None
    assert found(bench.compare(FULL, fix(-5)), "sanity:usual").numbers["new_sign"] == 1
    assert found(bench.compare(FULL, fix(5), before=(fix("1e16"),)), "sanity:usual").verdict is PASS


# Spot checks

SPOT = "SELECT DAY AS DATE, V AS VOLUME FROM SHOP.PROD.{} WHERE DAY IN ('2026-04-08'); -- 100% of it"


@pytest.mark.parametrize(
    ("sql", "value", "verdict", "same"),
    [
        (SPOT.format("SOURCE"), 5.25, PASS, True),
        (SPOT.format("OTHER"), 5.25, PASS, False),
        (SPOT.format("OTHER"), 5.26, FAIL, False),
        (SPOT.format("OTHER").replace("V AS", "(V + 1e-10)::FLOAT AS"), 5.25, PASS, False),  # floats are noisy
        (SPOT.format("OTHER").replace("V AS", "V::NUMBER(38,8) AS"), 5.25, PASS, False),
        (SPOT.format("OTHER").replace("04-08", "04-09"), 5.25, UNKNOWN, False),
    ],
)
def test_spot_checks(bench: Bench, sql: str, value: float, verdict: Verdict, same: bool) -> None:
    rules = replace(RULES, spot_check=("spot",))
    report = bench.compare(BACKFILL, fix(value), rules=rules, spots={"spot": sql.replace("; --", " --")})
    spot = found(report, "spot check:spot")
    assert (spot.verdict, spot.numbers["same_table"]) == (verdict, same)
    assert spot.waivable is spot.blocks is (verdict is not PASS)


@pytest.mark.parametrize(
    ("change", "differ", "not_found"),
    [
        ("UPDATE {c} SET VOLUME = VOLUME + 1 WHERE POOL = 1999", 1, 0),
        ("DELETE FROM {c} WHERE POOL = 1999", 0, 1),
        ("UPDATE {c} SET VOLUME = VOLUME + 1 WHERE POOL >= 1500", 500, 0),
    ],
)
def test_a_spot_check_counts_every_key_of_the_source(bench: Bench, change: str, differ: int, not_found: int) -> None:
    """The wrong key is the last of 1,000, and one page holds 200."""
    many = "SELECT '2026-04-08'::DATE AS DATE, 1000 + n AS POOL, n::NUMBER(38,0) AS V FROM ("
    many += "SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) - 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 1000))) pools"
    spot = f"SELECT DATE, POOL, V AS VOLUME FROM ({many}) source"
    rules = replace(RULES, grain=Origin(columns=("date", "pool"), source="unique_key"), spot_check=("spot",))
    same = found(bench.compare(BACKFILL, base=spot, rules=rules, spots={"spot": spot}), "spot check:spot")
    assert (same.verdict, same.numbers["rows"], same.numbers["unseen"]) == (PASS, 1000, [])
    off = found(bench.compare(BACKFILL, change, base=spot, rules=rules, spots={"spot": spot}), "spot check:spot")
    assert (off.verdict, off.numbers["rows"]) == (FAIL, 1000)
    assert (off.numbers["differ"], off.numbers["not_found"]) == (differ, not_found)
    assert str(off.examples[0]["key"]).startswith("2026-04-08, 1999" if differ < 500 else "2026-04-08, 15")


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("", "not compiled"),
        ("SELECT DATE, VOLUME FROM SHOP.PROD.M", "reads the model itself"),
        ("SELECT DATE, VOLUME FROM DEV.BOT.SOMETHING", "reads dev"),
        ("SELECT V AS VOLUME FROM SHOP.PROD.OTHER", "no key"),
        ("SELECT DAY AS DATE FROM SHOP.PROD.OTHER", "no metric"),
        ("SELECT DAY AS DATE, V AS VOLUME FROM SHOP.PROD.NOT_THERE", "Snowflake refused it (2003)"),
    ],
)
def test_spot_checks_that_prove_nothing_are_unknown(bench: Bench, sql: str, reason: str) -> None:
    rules = replace(RULES, spot_check=("spot",))
    spot = found(bench.compare(BACKFILL, rules=rules, spots={"spot": sql} if sql else {}), "spot check:spot")
    assert (spot.verdict, spot.numbers["reason"], spot.waivable) == (UNKNOWN, reason, True)


def test_without_a_spot_check_somebody_has_to_look_unless_the_policy_says_otherwise(bench: Bench) -> None:
    assert found(bench.compare(BACKFILL), "spot check").blocks
    settings = bench.world.settings
    optional = settings.model_copy(update={"policy": settings.policy.model_copy(update={"spot_check": "optional"})})
    assert not found(bench.compare(BACKFILL, settings=optional), "spot check").blocks


# Tests, outliers, nothing changes


def test_failing_dbt_tests_fail(bench: Bench) -> None:
    bad = DbtTest(name="not_null_m_volume", status="fail", failures=3)
    tests = found(bench.compare(FULL, tests=(bad, replace(bad, status="pass", failures=0))), "tests")
    assert (tests.verdict, tests.waivable, tests.numbers["passed"]) == (FAIL, True, 1)


def test_a_model_without_tests_has_passed_none(bench: Bench) -> None:
    tests = found(bench.compare(FULL), "tests")
    assert (tests.verdict, tests.blocks) == (WARN, False)
    assert line(tests) == "*Tests: warn.* The model has no tests, so dbt tested nothing."


def test_another_type_for_equal_values_is_a_change(bench: Bench) -> None:
    retyped = "CREATE OR REPLACE TRANSIENT TABLE {c} AS SELECT DATE, VOLUME, TRADES::NUMBER(%s, 0) AS TRADES FROM {c}"
    wider, same = (bench.compare(FULL, retyped % size, before=(retyped % 38,)) for size in (20, 38))
    assert (wider.nothing_changes, wider.changes, found(wider, "schema").verdict) == (False, (), FAIL)
    assert (same.nothing_changes, found(same, "schema").verdict) == (True, PASS)


def test_outliers_appear_vanish_and_group_by_contiguous_days(bench: Bench) -> None:
    report = bench.compare(
        FULL,
        fix(2000, "2026-04-02"),
        fix(2000, "2026-04-03"),
        fix(2000, "2026-04-06"),
        fix("NULL", "2026-04-09"),
        fix(7, "2026-04-10", "TRADES"),
        fix(1030, "2026-04-05"),  # over report_over, under explain_over
        before=(fix(0, "2026-04-10", "TRADES"),),
    )
    told = {(g.metric, g.direction, g.first and g.first.day, g.last and g.last.day, g.count) for g in report.groups}
    assert told == {
        ("VOLUME", "vanished", 9, 9, 1),
        ("TRADES", "appeared", 10, 10, 1),
        ("VOLUME", "up", 2, 3, 2),
        ("VOLUME", "up", 6, 6, 1),
    }
    assert len(report.outliers) == 6
    assert report.outliers[0].change is None
    assert found(report, "outliers").numbers["to_explain"] == 5
    again = bench.compare(
        FULL,
        fix(2000, "2026-04-02"),
        fix(2000, "2026-04-03"),
        before=(fix(0, "2026-04-10", "TRADES"),),
    )
    assert {g.id for g in again.groups} < {g.id for g in report.groups}  # the same contents, the same id


def test_more_than_twenty_groups_merge_by_metric(bench: Bench) -> None:
    base = DAYS.replace("ROWCOUNT => 10", "ROWCOUNT => 60")
    report = bench.compare(FULL, "UPDATE {c} SET VOLUME = VOLUME * 2 WHERE DAYOFMONTH(DATE) % 2 = 0", base=base)
    (group,) = report.groups
    assert (group.metric, group.count) == ("VOLUME", 30)
    assert len(group.worst) == 3


def test_nothing_would_change(bench: Bench) -> None:
    equal = bench.compare(FULL, "UPDATE {c} SET MODIFIED_ON = '2026-04-22'")
    assert equal.nothing_changes
    assert equal.headline is not None
    assert equal.headline.before == equal.headline.after
    elsewhere = bench.compare(FULL, fix(5, "2026-04-03"))
    assert elsewhere.nothing_changes  # the named day is as it was
    assert not bench.compare(replace(FULL, at=()), fix(5, "2026-04-03")).nothing_changes
    nowhere = replace(FULL, at=(date(2020, 1, 1),))
    assert not bench.compare(nowhere, fix(5, "2026-04-03")).nothing_changes


# Shapes and sizes


def test_compound_keys_quoted_names_and_percent_signs(bench: Bench) -> None:
    base = '''
    SELECT DATEADD('day', n % 5, '2026-04-06'::DATE)::DATE AS "day", CASE WHEN n < 5 THEN 'a' ELSE 'b' END AS "chain %(x)s",
      n::NUMBER(38,0) AS "fee ""%""", OBJECT_CONSTRUCT('n', n) AS "meta"
    FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) - 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 10))) days
    '''
    rules = replace(
        RULES,
        grain=Origin(columns=("day", "chain %(x)s"), source="meta"),
        date_column=Origin(columns=("day",), source="meta"),
    )
    change = '''UPDATE {c} SET "fee ""%""" = 900, "meta" = OBJECT_CONSTRUCT('n', -1) WHERE "fee ""%""" = 7'''
    report = bench.compare(replace(BACKFILL, columns=()), change, base=base, rules=rules)
    assert found(report, "parity").verdict is PASS
    assert [c.column for c in report.changes] == ['fee "%"', "meta"]
    assert report.outliers[0].key == ("2026-04-08", "b")
    assert report.headline is not None
    assert (report.headline.before, report.headline.after) == (Decimal(9), Decimal(902))  # sums of the day


def test_values_stay_in_the_warehouse_when_only_counts_may_leave(bench: Bench) -> None:
    settings = bench.world.settings
    quiet = settings.model_copy(update={"slack": settings.slack.model_copy(update={"post_rows": "counts"})})
    open_, shut = (
        bench.compare(BACKFILL, fix(5), fix(6, "2026-04-02"), settings=s, before=(fix("1e16"),))
        for s in (settings, quiet)
    )
    assert (shut.outliers, shut.headline, shut.series) == ((), None, None)
    assert [g.id for g in shut.groups] == [g.id for g in open_.groups]
    assert verdicts(shut) == verdicts(open_)
    assert not any(f.examples for f in shut.findings)


def test_the_work_is_done_in_few_statements_that_all_have_an_id(bench: Bench) -> None:
    sent: list[Any] = []
    report = bench.compare(BACKFILL, fix(5))
    sent += [q for f in report.findings for q in f.query_ids]
    assert report.statements <= 9
    assert all(sent)
    assert len(set(sent)) == len(sent)
