"""Parity on a warehouse: what a backfill or a full refresh may change, with a key and without one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bot.model import Mode, Origin, Request, Rules, State, Verdict
from bot.wording import approval
from tests.contract.benches import BACKFILL, DAY, FULL, RULES, Bench, fix
from tests.contract.comparisons import DirectSession, found, report_on
from tests.unit import samples

pytestmark = pytest.mark.xdist_group("bench")  # they share one small Snowflake

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


# A backfill


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
    rules = replace(RULES, clock=("modified_on",))
    report = bench.compare(request, fix("'2026-04-21'", column="MODIFIED_ON"), fix(7, column="TRADES"), rules=rules)
    parity = found(report, "parity")
    assert parity.verdict is PASS
    assert parity.numbers["clock"] == ["MODIFIED_ON"]
    assert [c.column for c in report.changes] == ["TRADES"]


def test_float_noise_in_the_window_is_no_change(bench: Bench) -> None:
    report = bench.compare(replace(BACKFILL, columns=()), fix("PRICE * (1 + 1e-13)", column="PRICE"))
    assert report.nothing_changes
    assert bench.compare(replace(BACKFILL, columns=()), fix("PRICE * 1.001", column="PRICE")).changes[0].window == 1


# A full refresh


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


# Nothing would change


TABLE = """SELECT ('2026-01-01'::DATE + i::INT) AS "DAY", (1000 + i)::DECIMAL(38,2) AS "V" FROM range(300) r(i)"""
MOVED = "SELECT CASE WHEN DAY = '2026-02-05' THEN '2030-01-01'::DATE ELSE DAY END AS \"DAY\", V FROM {b}"
LATER = """SELECT DAY, CASE WHEN DAY BETWEEN '2026-01-12' AND '2026-01-20' THEN V * 2 ELSE V END::DECIMAL(38,2) AS "V" FROM {b}"""
AT_3RD, FROM_10TH = (
    Request(model="m", at=(date(2026, 1, 3),)),
    Request(model="m", mode=Mode.BACKFILL, since=date(2026, 1, 10), columns=("v",)),
)


@pytest.mark.parametrize(
    ("candidate", "request_", "said"),
    [
        (MOVED, AT_3RD, "while other rows would change: close this, or ask without that date."),
        (MOVED, FROM_10TH, "while other rows would change, and parity fails: close this."),
        (LATER, FROM_10TH, "while other rows would change: close this, or ask with `at=2026-01-12`."),
        (LATER.replace("01-12", "01-02").replace("01-20", "01-04"), FROM_10TH, "and parity fails: close this."),
        ("SELECT * FROM {b}", FROM_10TH, "The candidate equals production, 2026-01-10 included."),
    ],
    ids=["a row moved", "a row lost", "later days", "history", "equal"],
)
def test_a_day_that_stays_is_no_table_that_stays(
    session: DirectSession, candidate: str, request_: Request, said: str
) -> None:
    rules = Rules(grain=Origin(columns=("day",), source="meta"), date_column=Origin(columns=("day",), source="meta"))
    report = report_on(session, candidate, request_, baseline=TABLE, rules=rules)
    assert report.nothing_changes
    assert said in approval.nothing(replace(samples.refresh(State.AWAITING), request=request_, report=report), "")
