"""Where rows cannot be paired, or a value has no neighbours: what cannot be known is never passed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import partial

import pytest

from bot.model import Mode, Origin, Request, Rules, State, Verdict
from bot.wording import approval, findings
from bot.wording.findings import line
from tests.contract.comparisons import DirectSession, found, report_on
from tests.unit import samples

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
NONE = Origin(columns=(), source="none")
BACKFILL = Request(model="m", mode=Mode.BACKFILL, since=date(2026, 1, 6))
# Ten days of four equal rows: no key can be found.
EVENTS = """SELECT ('2026-01-01'::DATE + (i % 10)::INT) AS "DAY", 'transfer' AS "KIND", 1.5::DOUBLE AS "FEES" FROM range(40) r(i)"""
DATED = Rules(grain=NONE, date_column=Origin(columns=("day",), source="meta"))


run = partial(report_on, baseline=EVENTS, rules=DATED)


def emptied(where: str) -> str:
    return f'SELECT * REPLACE (CASE WHEN {where} THEN NULL ELSE "FEES" END AS "FEES") FROM {{b}}'


# A backfill without a key


def test_rows_that_a_backfill_loses_fail_without_a_key_too(session: DirectSession) -> None:
    parity = found(run(session, "SELECT * FROM {b} WHERE DAY < '2026-01-06'", BACKFILL), "parity")
    assert (parity.verdict, parity.numbers["window_missing"]) == (FAIL, 20)
    assert "20 rows of the window would be lost" in line(parity)


def test_without_a_key_or_a_column_that_stays_it_is_not_known_which_rows_a_backfill_kept(
    session: DirectSession,
) -> None:
    changed = 'SELECT * REPLACE (CASE WHEN DAY = \'2026-01-07\' THEN 7 ELSE "FEES" END AS "FEES") FROM {b}'
    parity = found(run(session, changed, BACKFILL), "parity")
    assert (parity.verdict, parity.numbers["window_changed"]) == (UNKNOWN, 4)
    assert line(parity) == (
        "*Parity: unknown.* Without a usable key it cannot be known whether rows of the window are lost or changed: 4 are "
        "not as in production."
    )
    stays = found(run(session, changed, replace(BACKFILL, columns=("fees",))), "parity")
    assert stays.verdict is PASS  # every day and kind is there as often as before
    assert found(run(session, "SELECT * FROM {b}", BACKFILL), "parity").verdict is PASS


def test_a_tolerance_needs_a_key_and_the_report_says_so(session: DirectSession) -> None:
    noisy = 'SELECT * REPLACE (FEES * (1 + 1e-6) AS "FEES") FROM {b}'
    parity = found(run(session, noisy, rules=replace(DATED, tolerance={"FEES": {"rel": 1e-3}})), "parity")
    assert line(parity) == (
        "*Parity: unknown.* Without a usable key it cannot be known whether rows are lost or changed: 40 are only in "
        "production, 40 only in the candidate; the tolerance of fees is not kept, since rows are compared by a hash."
    )
    assert found(run(session, noisy, replace(BACKFILL, columns=("fees",))), "parity").numbers["tolerance_lost"] == []


def test_which_rows_came_late_is_not_said_without_a_key(session: DirectSession) -> None:
    numbers = found(run(session, "SELECT * FROM {b} UNION ALL SELECT DAY + 20, KIND, FEES FROM {b}"), "parity").numbers
    assert numbers["keys_added"] == 40
    assert "keys_added_late" not in numbers


# Turned NULL, without pairs


@pytest.mark.parametrize(
    "request_", [Request(model="m"), replace(BACKFILL, columns=("fees",))], ids=["full", "backfill"]
)
def test_values_turn_null_without_a_key_too(session: DirectSession, request_: Request) -> None:
    nulls = found(run(session, emptied("DAY = '2026-01-07'"), request_), "turned null")
    assert (nulls.verdict, nulls.waivable, nulls.numbers["by_column"]) == (FAIL, True, ["FEES: 4"])
    assert found(run(session, "SELECT * FROM {b}", request_), "turned null").verdict is PASS


def test_new_rows_may_hold_null(session: DirectSession) -> None:
    """An append-only model: nothing that was there is gone, so nothing turned."""
    more = 'SELECT * FROM {b} UNION ALL SELECT DAY + 20, "KIND", NULL FROM {b}'
    assert found(run(session, more), "turned null").verdict is PASS


def test_where_as_many_rows_were_filled_it_is_not_known_which(session: DirectSession) -> None:
    holes = f"SELECT * REPLACE (CASE WHEN DAY = '2026-01-08' THEN NULL ELSE FEES END AS \"FEES\") FROM ({EVENTS})"
    swapped = """SELECT * REPLACE (CASE WHEN DAY = '2026-01-07' THEN NULL ELSE 2.5 END AS "FEES") FROM {b}"""
    nulls = found(run(session, swapped, baseline=holes), "turned null")
    assert (nulls.verdict, nulls.blocks, nulls.waivable) == (UNKNOWN, True, True)
    assert line(nulls) == (
        "*Turned null: unknown.* Without a usable key it cannot be known whether values of fees turned NULL."
    )


def test_a_sample_of_keys_cannot_say_that_nothing_turned_null(session: DirectSession) -> None:
    keyed = 'SELECT (i * 1)::BIGINT AS "ID", i * 1.5::DOUBLE AS "FEES" FROM range(400) r(i)'
    rules = replace(DATED, grain=Origin(columns=("id",), source="meta"))
    changed = 'SELECT * REPLACE ("FEES" + 1 AS "FEES") FROM {b}'
    nulls = found(run(session, changed, baseline=keyed, rules=rules, joined=2), "turned null")
    assert (nulls.verdict, nulls.numbers["sample"]) == (UNKNOWN, 400)
    assert line(nulls) == "*Turned null: unknown.* Only one key in 400 was joined, and none of its values turned NULL."


def test_a_sample_of_keys_cannot_say_that_nothing_moved(session: DirectSession) -> None:
    keyed = 'SELECT i AS "ID", (1000 + i)::DECIMAL(38,2) AS "V" FROM range(400) r(i)'
    rules = Rules(grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    changed = 'SELECT * REPLACE (CASE WHEN ID = 1 THEN V * 50 ELSE V END AS "V") FROM {b}'
    report = run(session, changed, baseline=keyed, rules=rules, joined=2)
    outliers = found(report, "outliers")
    assert (outliers.verdict, outliers.blocks, outliers.numbers["reported"]) == (UNKNOWN, False, 0)
    told = findings.outliers(report, 5)
    assert (
        told
        == f"*Outliers: not known.* Only one key in {outliers.numbers['sample']} was joined. None of its values moved."
    )


def test_a_declared_key_that_repeats_is_no_key_to_sample_by(session: DirectSession) -> None:
    pairs = 'SELECT i // 2 AS "ID", 5::DECIMAL(38,2) AS "V" FROM range(400) r(i)'
    rules = Rules(grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    changed = 'SELECT * REPLACE (CASE WHEN ID = 1 THEN NULL ELSE V END AS "V") FROM {b}'
    report = run(session, changed, baseline=pairs, rules=rules, joined=2)
    assert found(report, "parity").numbers["sample"] == 1
    assert (found(report, "turned null").verdict, found(report, "turned null").numbers["values"]) == (FAIL, 2)


# A number that becomes a float


@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
def test_a_number_that_becomes_a_float_may_become_infinite(session: DirectSession, value: str) -> None:
    whole = 'SELECT i AS "ID", i::DECIMAL(38,2) AS "V" FROM range(50) r(i)'
    rules = Rules(grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    cand = f"SELECT ID, CASE WHEN ID = 3 THEN '{value}'::DOUBLE ELSE V::DOUBLE END AS \"V\" FROM {{b}}"
    report = run(session, cand, baseline=whole, rules=rules)
    assert [(c.column, c.window) for c in report.changes] == [("V", 1)]
    assert found(report, "grain").numbers["new_nan"] == ["V"]
    assert [o.metric for o in report.outliers] == ["V"]
    back = run(
        session,
        'SELECT ID, ID::DECIMAL(38,2) AS "V" FROM {b}',
        baseline=cand.replace("{b}", f"({whole})"),
        rules=rules,
    )
    assert [(c.column, c.window) for c in back.changes] == [("V", 1)]
    assert found(back, "grain").numbers["new_nan"] == []


def test_what_nan_hides_from_the_extremes_is_the_largest_all_the_same(session: DirectSession) -> None:
    base = """SELECT i AS "ID", CASE i WHEN 3 THEN 'nan' WHEN 4 THEN 'inf' ELSE '5' END::DOUBLE AS "V" FROM range(100) r(i)"""
    rules = Rules(grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    cand = 'SELECT ID, CASE WHEN ID = 4 THEN 70000 ELSE V END AS "V" FROM {b}'
    (usual,) = found(run(session, cand, baseline=base, rules=rules), "sanity:usual").examples
    assert (float(str(usual["largest"])), usual["largest_before"]) == (70000, "Infinity")


# A clock


def test_a_clock_that_moved_in_history_is_counted_there(session: DirectSession) -> None:
    base = """SELECT ('2026-01-01'::DATE + i::INT) AS "DAY", i AS "V", '2026-01-01'::TIMESTAMP AS "UPDATED_AT" FROM range(20) r(i)"""
    rules = replace(DATED, grain=Origin(columns=("day",), source="meta"), clock=("updated_at",))
    later = """SELECT * REPLACE (CASE WHEN DAY IN ('2026-01-02', '2026-01-09') THEN NOW()::TIMESTAMP ELSE UPDATED_AT END AS "UPDATED_AT")
      FROM {b}"""
    report = run(session, later, BACKFILL, baseline=base, rules=rules)
    assert [(c.column, c.history, c.window) for c in report.changes] == [("UPDATED_AT", 1, 0)]


@pytest.mark.parametrize("key", ["ID", "TWICE"])
@pytest.mark.parametrize("since", [None, date(2026, 1, 6)])
def test_a_clock_may_move_but_not_turn_null(session: DirectSession, key: str, since: date | None) -> None:
    base = """SELECT ('2026-01-01'::DATE + i::INT) AS "DAY", i AS "ID", i // 2 AS "TWICE", i AS "V",
      '2026-01-01'::TIMESTAMP AS "UPDATED_AT" FROM range(10) r(i)"""
    rules = replace(DATED, grain=Origin(columns=(key,), source="meta"), clock=("updated_at",))
    request = replace(BACKFILL, since=since) if since else Request(model="m")
    stopped = (
        """SELECT * REPLACE (CASE WHEN DAY > '2026-01-05' THEN NULL ELSE UPDATED_AT END AS "UPDATED_AT") FROM {b}"""
    )
    report = run(session, stopped, request, baseline=base, rules=rules)
    nulls = found(report, "turned null")
    assert (nulls.verdict, nulls.numbers["by_column"]) == (FAIL, ["UPDATED_AT: 5"])
    waiting = replace(samples.refresh(State.AWAITING), request=request, report=report)
    assert report.nothing_changes == (since is not None and key == "ID")  # the values of the day that was named
    assert not report.nothing_changes or "equals production" not in approval.nothing(waiting, "")
    moved = stopped.replace("THEN NULL", "THEN NOW()::TIMESTAMP")
    report = run(session, moved, request, baseline=base, rules=rules)
    assert found(report, "turned null").verdict is PASS
    assert report.nothing_changes


# Sentences


def test_each_sentence_names_its_own_columns(session: DirectSession) -> None:
    base = """SELECT ('2026-01-01'::DATE + i::INT) AS "DAY", i AS "FEES", i AS "TRADES", i AS "VOLUME" FROM range(20) r(i)"""
    rules = replace(DATED, grain=Origin(columns=("day",), source="meta"))
    changed = """SELECT * REPLACE (CASE WHEN DAY = '2026-01-02' THEN -1 ELSE FEES END AS "FEES",
      CASE WHEN DAY = '2026-01-09' THEN -1 ELSE TRADES END AS "TRADES") FROM {b}"""
    parity = found(run(session, changed, replace(BACKFILL, columns=("volume",)), baseline=base, rules=rules), "parity")
    assert line(parity) == (
        "*Parity: fail.* 1 row before 2026-01-06 differs in fees: the backfill reached further than asked; 1 row of the "
        "window changed in trades, which was to stay."
    )


def test_without_a_key_too_an_object_is_equal_whatever_the_order_of_its_keys(session: DirectSession) -> None:
    """Repeated rows, so that they have no key, in a bucket that differs, so that they are looked at."""
    row = """SELECT '2026-01-01'::DATE AS "DAY", '{"%s": 1, "%s": 1}'::JSON AS "DOC" FROM range(2)"""
    more = """ UNION ALL SELECT '2026-01-01'::DATE, NULL"""
    numbers = found(run(session, row % ("b", "a") + more, baseline=row % ("a", "b")), "parity").numbers
    assert (numbers["method"], numbers["keys_removed"], numbers["keys_added"]) == ("multiset", 0, 1)


# Types that differ


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("DECIMAL(38,2)", "DECIMAL(38,4)"),
        ("DECIMAL(38,2)", "BIGINT"),
        ("BIGINT", "DOUBLE"),
        ("DOUBLE", "DECIMAL(38,2)"),
    ],
)
def test_without_a_key_one_number_of_two_types_is_equal(session: DirectSession, before: str, after: str) -> None:
    base = f'SELECT i::{before} AS "V" FROM (VALUES (1), (1), (20), (-3), (0), (NULL)) t(i)'
    rules = Rules(grain=NONE, date_column=NONE)
    cand = f'SELECT V::{after} AS "V" FROM {{b}}'
    report = run(session, cand, baseline=base, rules=rules)
    numbers = found(report, "parity").numbers
    assert (numbers["method"], numbers["keys_removed"], numbers["keys_added"]) == ("multiset", 0, 0)
    moved = f'SELECT (CASE WHEN V = 20 THEN 2 ELSE V END)::{after} AS "V" FROM {{b}}'
    numbers = found(run(session, moved, baseline=base, rules=rules), "parity").numbers
    assert (numbers["keys_removed"], numbers["keys_added"]) == (1, 1)


def test_a_sample_takes_the_same_keys_of_two_types(session: DirectSession) -> None:
    base = 'SELECT (i / 4)::DECIMAL(38,2) AS "K", i AS "V" FROM range(400) r(i)'
    rules = Rules(grain=Origin(columns=("k",), source="meta"), date_column=NONE)
    cand = 'SELECT K::DECIMAL(38,4) AS "K", V + 1 AS "V" FROM {b}'
    numbers = found(run(session, cand, baseline=base, rules=rules, joined=100), "parity").numbers
    assert (numbers["sample"], numbers["keys_removed"], numbers["keys_added"]) == (8, 0, 0)
    assert int(str(numbers["rows_changed"])) > 0
