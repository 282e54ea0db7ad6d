"""Where the change is: the days and values that hold it, rows after the last day, values that turn NULL."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bot.model import Origin, Rules, Verdict
from bot.wording import counts
from tests.contract.comparisons import BACKFILL, BASE, DAILY, NONE, DirectSession, changed, found, run

FAIL = Verdict.FAIL
DAILY_TOTALS = 'SELECT (\'2026-03-01\'::DATE + i::INT) AS "DAY", i AS "V" FROM range(9) r(i)'
BY_DAY = Origin(columns=("day",), source="unique_key")


def test_where_the_change_is(session: DirectSession) -> None:
    report = run(session, changed(where="CHAIN = 'chain3' AND DAY BETWEEN '2026-03-05' AND '2026-03-14'"))
    where = found(report, "parity:where")
    assert (where.numbers["rows"], where.numbers["days"]) == (10, 10)
    assert (where.numbers["first"], where.numbers["last"]) == ("2026-03-05", "2026-03-14")
    assert where.examples[0] == {"column": "CHAIN", "value": "chain3", "rows": 10, "of": 10, "times": 5.0}
    assert all(e["column"] != "TOP" or e["times"] >= 1.5 for e in where.examples)
    spread = found(run(session, changed(where="VOLUME % 7 = 0")), "parity:where")
    assert not spread.examples  # half of all rows are spot, and half of the changed ones: no place


def test_one_day_and_one_span_of_days_hold_the_change(session: DirectSession) -> None:
    """The day by itself, where others changed too; the whole span, by how many of all rows lie in it."""
    most = found(run(session, changed(where="DAY = '2026-03-09' OR VOLUME IN (1000, 1199)")), "parity:where")
    assert [e for e in most.examples if e["column"] == "DAY"] == [
        {"column": "DAY", "value": "2026-03-09", "rows": 5, "of": 7, "times": 28.57}
    ]
    late = found(run(session, changed(where="DAY >= '2026-03-31'")), "parity:where")
    assert late.examples[0] == {
        "column": "DAY",
        "value": "2026-03-31 to 2026-04-09",
        "rows": 50,
        "of": 50,
        "times": 4.0,
    }
    asked = found(run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL), "parity:where")
    assert not asked.examples  # every row that may change
    single = run(
        session, 'SELECT * REPLACE (V + 1 AS "V") FROM {b}', baseline=DAILY_TOTALS, rules=replace(DAILY, grain=BY_DAY)
    )
    assert not found(single, "parity:where").examples


def test_a_whole_number_of_the_key_can_hold_the_change(session: DirectSession) -> None:
    base = 'SELECT i AS "ID", i % 7 AS "CHAIN_ID", i::DECIMAL(38,2) AS "V" FROM range(70) r(i)'
    rules = Rules(grain=Origin(columns=("id", "chain_id"), source="meta"), date_column=NONE)
    cand = 'SELECT * REPLACE (CASE WHEN CHAIN_ID = 3 THEN 0 ELSE V END::DECIMAL(38,2) AS "V") FROM {b}'
    where = found(run(session, cand, baseline=base, rules=rules), "parity:where")
    assert where.examples == ({"column": "CHAIN_ID", "value": "3", "rows": 10, "of": 10, "times": 7.0},)


def test_null_numbers_of_few_values_and_other_days_can_hold_the_change(session: DirectSession) -> None:
    base = """SELECT i AS "ID", CASE WHEN i % 7 <> 3 THEN 'c' || i % 7 END AS "CHAIN", (i % 7)::BIGINT AS "CHAIN_ID",
      DATE '2026-01-01' + (i % 7)::INT AS "OPENED", DATE '2026-02-01' + i::INT AS "CLOSED", (i * i)::BIGINT AS "SIZE" FROM range(70) r(i)"""
    rules = Rules(grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    cand = "SELECT * REPLACE (CASE WHEN CHAIN IS NULL THEN 7 ELSE SIZE END AS SIZE) FROM {b}"
    report = run(session, cand, baseline=base, rules=rules)
    where = found(report, "parity:where")
    assert [(e["column"], e["value"], e["rows"], e["times"]) for e in where.examples] == [
        ("CHAIN", None, 10, 7.0),
        ("CHAIN_ID", "3", 10, 7.0),
        ("OPENED", "2026-01-04", 10, 7.0),
    ]  # what the number itself became is no place
    assert "10 of 10 have chain = NULL, 7" in counts.counted(where, report)
    zero = "SELECT * REPLACE (CASE WHEN CHAIN_ID = 3 THEN 0 ELSE CHAIN_ID END AS CHAIN_ID) FROM {b}"
    places = found(run(session, zero, baseline=base, rules=rules), "parity:where").examples
    assert [e["column"] for e in places] == ["CHAIN", "OPENED"]


def test_the_largest_of_many_changes_leave_the_warehouse_first_and_each_group_keeps_its_worst(
    session: DirectSession,
) -> None:
    """1,200 days of 20 chains: many times as many sets of metric, direction and day as rows that are returned."""
    base = """SELECT DATE '2020-01-01' + (i // 20)::INT AS "DAY", i % 20 AS "CHAIN", 1000::DECIMAL(38,2) AS "V"
      FROM range(24000) r(i)"""
    moved = """CASE WHEN DAY = '2020-01-01' THEN V * (10 + CHAIN) WHEN CHAIN = 0 THEN V * 1.02 WHEN DAY = '2021-01-01' THEN V / 2
      ELSE V END"""
    report = run(session, f'SELECT * REPLACE (({moved})::DECIMAL(38,2) AS "V") FROM {{b}}', baseline=base)
    assert [o.key[1] for o in report.outliers[:20]] == [str(i) for i in reversed(range(20))]
    assert [len(g.worst) for g in report.groups] == [3, 3]
    assert len(report.outliers) == 1000


@pytest.mark.parametrize("end", ["0001-01-01", "9999-12-31"])
def test_the_ends_of_the_calendar_are_days_like_others(session: DirectSession, end: str) -> None:
    base = f"""SELECT i AS "ID", CASE WHEN i = 3 THEN DATE '{end}' ELSE DATE '2026-01-01' + i::INT END AS "UNTIL",
      (1000 + i)::DECIMAL(38,2) AS "V" FROM range(30) r(i)"""
    rules = Rules(grain=NONE, date_column=NONE)
    cand = 'SELECT * REPLACE (CASE WHEN ID = 3 THEN V * 2 ELSE V END::DECIMAL(38,2) AS "V") FROM {b}'
    report = run(session, cand, baseline=base, rules=rules)
    assert report.headline and report.headline.day == date.fromisoformat(end)


def test_rows_after_productions_last_day_are_told_apart(session: DirectSession) -> None:
    base = f"SELECT * FROM ({BASE}) t WHERE DAY < '2026-04-07' AND NOT (DAY = '2026-03-03' AND CHAIN = 'chain0')"
    numbers = found(run(session, BASE, baseline=base), "parity").numbers
    assert (numbers["keys_added"], numbers["keys_added_late"]) == (16, 15)


def test_values_that_turn_null_fail_and_may_be_waived(session: DirectSession) -> None:
    nulls = found(run(session, changed("NULL", "CHAIN = 'chain1' AND DAY > '2026-04-07'")), "turned null")
    assert (nulls.verdict, nulls.waivable, nulls.numbers["by_column"]) == (FAIL, True, ["VOLUME: 2"])
