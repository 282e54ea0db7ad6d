"""Rows of production that have no row in dev with their key: their values were not compared, and no check passes them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Finding, Origin, Report, Rules, Verdict
from bot.wording import findings
from bot.wording.sentences import line
from tests.contract.comparisons import NONE, DirectSession, found, run

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
KEYED = Rules(grain=Origin(columns=("sk",), source="unique_key"), date_column=NONE)
# 30 days, one row each, with a surrogate key.
BASE = """SELECT md5('old' || i) AS "SK", '2026-04-01'::DATE + i::INT AS "DAY", (100 + i)::DECIMAL(38,2) AS "AMT"
  FROM range(30) r(i)"""
# Its key anew where {where}; one value turns NULL and one is halved.
REKEYED = """SELECT CASE WHEN {where} THEN md5('new' || i) ELSE md5('old' || i) END AS "SK", '2026-04-01'::DATE + i::INT AS "DAY",
  (CASE i WHEN 6 THEN NULL WHEN 9 THEN 55 ELSE 100 + i END)::DECIMAL(38,2) AS "AMT" FROM range(30) r(i)"""
NO_OTHER = BASE.replace("i::INT", "(i // 2)::INT"), REKEYED.replace("i::INT", "(i // 2)::INT")


def verdicts(report: Report, *names: str) -> list[Verdict]:
    return [found(report, name).verdict for name in names]


def shuts(finding: Finding) -> bool:
    return finding.blocks and finding.waivable


def test_a_key_made_anew_is_said_and_nothing_is_passed(session: DirectSession) -> None:
    report = run(session, REKEYED.format(where="TRUE"), baseline=BASE, rules=KEYED)
    parity, nulls, outliers = (found(report, name) for name in ("parity", "turned null", "outliers"))
    assert line(parity) == (
        "*Parity: fail.* No key of production is in dev: was the key's definition changed? 30 keys of production would be "
        "removed and 30 are new; day pairs every row of production: if that is the key, set it as the grain."
    )
    assert (nulls.verdict, outliers.verdict, shuts(nulls), shuts(outliers)) == (UNKNOWN, UNKNOWN, True, True)
    assert line(nulls) == (
        "*Turned null: unknown.* 30 of 30 rows of production (100 %) have no counterpart in dev, so their values were not "
        "compared. Paired by day instead, values turned NULL (amt: 1)."
    )
    assert sorted((e["key"], e["before"], e["after"]) for e in outliers.examples) == [
        ("2026-04-07", "106.00", None),
        ("2026-04-10", "109.00", "55.00"),
    ]
    assert (report.outliers, report.groups, report.changes) == ((), (), ())  # by the key that is declared
    assert "values changed (amt: 2)" in findings.outliers(report, 5)
    assert found(report, "sanity:usual").verdict is UNKNOWN
    assert "changed  not known: no row was paired" in findings.summary(report)


def test_a_third_of_the_keys_made_anew(session: DirectSession) -> None:
    report = run(session, REKEYED.format(where="i % 3 = 0"), baseline=BASE, rules=KEYED)
    nulls, outliers = found(report, "turned null"), found(report, "outliers")
    assert (nulls.numbers["unpaired"], nulls.numbers["production"], nulls.numbers["other_key"]) == (10, 30, ["DAY"])
    assert verdicts(report, "turned null", "outliers", "sanity:usual") == [UNKNOWN, UNKNOWN, UNKNOWN]
    assert "10 of 30 rows of production (33 %)" in line(nulls)
    assert "*Outliers: 2 values need explanations" not in findings.outliers(report, 5)
    assert "33 %" in findings.outliers(report, 5)
    assert outliers.blocks


def test_without_another_key_values_are_added_up(session: DirectSession) -> None:
    """Two rows a day: nothing else pairs them. The NULLs in all, the sums in all and by day are shown."""
    before, after = NO_OTHER
    rules = replace(KEYED, date_column=Origin(columns=("day",), source="meta"))
    report = run(session, after.format(where="i % 3 = 0"), baseline=before, rules=rules)
    nulls, outliers = found(report, "turned null"), found(report, "outliers")
    assert verdicts(report, "turned null", "outliers") == [UNKNOWN, UNKNOWN]
    assert nulls.numbers["nulls"] == ["AMT: 0 to 1"]
    assert line(nulls).endswith("NULLs, counted in all, go from amt: 0 to 1.")
    assert (outliers.numbers["sums_moved"], outliers.numbers["days_moved"]) == (["AMT"], 2)
    assert [(e["day"], e["before"], e["after"]) for e in outliers.examples] == [
        ("in all", "3435.00", "3275.00"),
        ("2026-04-04", "213.00", "107.00"),
        ("2026-04-05", "217.00", "163.00"),
    ]
    assert findings.outliers(report, 5).startswith("*Outliers: not known.* 10 of 30 rows of production (33 %)")


def test_without_a_date_the_sums_of_all_rows_are_shown(session: DirectSession) -> None:
    base = """SELECT uuid()::VARCHAR AS "SK", 5::DECIMAL(38,2) AS "AMT" FROM range(8)"""
    report = run(session, base.replace("5::", "6::"), baseline=base, rules=KEYED)
    outliers = found(report, "outliers")
    assert [(e["day"], e["before"], e["after"]) for e in outliers.examples[:1]] == [("in all", "40.00", "48.00")]
    assert verdicts(report, "parity", "turned null", "outliers") == [FAIL, UNKNOWN, UNKNOWN]


def test_rows_that_are_gone_were_not_compared(session: DirectSession) -> None:
    """No new row can hide them, so nothing else is asked; but a value of theirs was seen by nobody."""
    report = run(session, "SELECT * FROM {b} WHERE AMT <> 109", baseline=BASE, rules=KEYED)
    assert verdicts(report, "parity", "turned null", "outliers") == [FAIL, UNKNOWN, UNKNOWN]
    nulls = found(report, "turned null")
    assert line(nulls) == (
        "*Turned null: unknown.* 1 of 30 rows of production (3.3 %) has no counterpart in dev, so its values were not compared."
    )
    assert report.statements <= 8


def test_a_table_that_comes_back_empty_has_no_other_key(session: DirectSession) -> None:
    report = run(session, "SELECT * FROM {b} WHERE FALSE", baseline=BASE, rules=KEYED)
    assert line(found(report, "parity")) == "*Parity: fail.* The candidate has no rows at all."
    assert verdicts(report, "turned null", "outliers") == [UNKNOWN, UNKNOWN]


def test_new_rows_alone_leave_nothing_unseen(session: DirectSession) -> None:
    more = """SELECT * FROM {b} UNION ALL SELECT 'new', '2026-06-01'::DATE, 100"""
    report = run(session, more, baseline=BASE, rules=KEYED)
    assert verdicts(report, "parity", "turned null", "outliers") == [PASS, PASS, PASS]
    assert "unpaired" not in found(report, "turned null").numbers


def test_rows_without_a_key_that_have_no_equal_were_not_compared(session: DirectSession) -> None:
    """A day's sum is the same: two of its values were exchanged and halved."""
    base = """SELECT '2026-04-01'::DATE AS "DAY", v::DECIMAL(38,2) AS "AMT" FROM (VALUES (10), (20), (20)) t(v)"""
    report = run(
        session,
        base.replace("(10), (20), (20)", "(0), (30), (20)"),
        baseline=base,
        rules=Rules(grain=NONE, date_column=NONE),
    )
    outliers = found(report, "outliers")
    assert (outliers.verdict, outliers.numbers["unpaired"], shuts(outliers)) == (UNKNOWN, 2, True)


@pytest.mark.parametrize("where", ["TRUE", "i % 3 = 0"])
def test_the_price_is_paid_only_where_rows_are_not_paired(session: DirectSession, where: str) -> None:
    assert run(session, REKEYED.format(where="FALSE"), baseline=BASE, rules=KEYED).statements <= 8
    assert run(session, REKEYED.format(where=where), baseline=BASE, rules=KEYED).statements <= 12


# A lossless change of the key's type


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("DATE", "TIMESTAMP"),
        ("TIMESTAMP", "DATE"),
        ("DATE", "VARCHAR"),
        ("BIGINT", "VARCHAR"),
        ("BIGINT", "DECIMAL(38,4)"),
        ("BIGINT", "DOUBLE"),
    ],
)
def test_a_key_of_another_type_that_says_the_same_pairs_its_rows(
    session: DirectSession, before: str, after: str
) -> None:
    value = "i" if before == "BIGINT" else "('2026-04-01'::DATE + i::INT)"
    base = f'SELECT {value}::{before} AS "SK", i::DECIMAL(38,2) AS "AMT" FROM range(30) r(i)'
    moved = f'SELECT "SK"::{after} AS "SK", CASE AMT WHEN 6 THEN NULL ELSE AMT END AS "AMT" FROM {{b}}'
    report = run(session, moved, baseline=base, rules=KEYED)
    nulls = found(report, "turned null")
    assert "unpaired" not in nulls.numbers
    assert (nulls.verdict, nulls.numbers["by_column"]) == (FAIL, ["AMT: 1"])
    assert found(report, "schema").verdict is FAIL or after in ("DECIMAL(38,4)",)


def test_a_time_within_the_day_is_no_date(session: DirectSession) -> None:
    base = """SELECT '2026-04-01'::DATE + i::INT AS "SK", i AS "AMT" FROM range(9) r(i)"""
    noon = 'SELECT "SK" + INTERVAL 12 HOUR AS "SK", AMT FROM {b}'
    report = run(session, noon, baseline=base, rules=KEYED)
    assert found(report, "turned null").numbers["unpaired"] == 9


# What only a name calls a clock


CLOCKED = """SELECT i AS "ID", TIMESTAMP '2026-04-01 00:00:00' + INTERVAL (i) DAY AS "CREATED_AT", i AS "V" FROM range(30) r(i)"""
BY_ID = Rules(grain=Origin(columns=("id",), source="meta"), date_column=NONE)


def test_a_shift_of_every_row_of_a_named_clock_is_a_finding(session: DirectSession) -> None:
    report = run(
        session,
        'SELECT * REPLACE (CREATED_AT + INTERVAL 8 HOUR AS "CREATED_AT") FROM {b}',
        baseline=CLOCKED,
        rules=BY_ID,
    )
    clocks = found(report, "parity:clocks")
    assert (report.nothing_changes, clocks.verdict) == (False, Verdict.WARN)
    assert [(c.column, c.window) for c in report.changes] == [("CREATED_AT", 30)]
    assert line(clocks) == (
        "*Parity: warn.* Values moved (created_at: 30); every one of created_at by 8 hours, as a change of time zone would; "
        "by name created_at is when a row was written, which nothing proves."
    )


@pytest.mark.parametrize("key", ["id", "v"])
def test_what_moved_in_a_named_clock_is_counted_with_and_without_a_key(session: DirectSession, key: str) -> None:
    base = CLOCKED.replace('i AS "V"', 'i // 2 AS "V"')
    some = 'SELECT * REPLACE (CASE WHEN ID IN (4, 7) THEN CREATED_AT + INTERVAL (ID) HOUR ELSE CREATED_AT END AS "CREATED_AT") FROM {b}'
    rules = replace(BY_ID, grain=Origin(columns=(key,), source="meta"))
    report = run(session, some, baseline=base, rules=rules)
    clocks = found(report, "parity:clocks").numbers
    moved = ["CREATED_AT: 2"] if key == "id" else []
    assert (clocks["moved_by_name"], clocks["rows_by_name"], clocks["shifted"]) == (moved, 0 if key == "id" else 2, [])
    assert not report.nothing_changes
    assert found(report, "parity").verdict is PASS


def test_a_number_is_no_clock_whatever_its_name(session: DirectSession) -> None:
    base = 'SELECT i AS "ID", i AS "UPDATED_AT" FROM range(9) r(i)'
    report = run(session, 'SELECT * REPLACE (1 AS "UPDATED_AT") FROM {b}', baseline=base, rules=BY_ID)
    assert (found(report, "parity").numbers["clock"], report.nothing_changes) == ([], False)


# Years that Python has no date for


ODD = """SELECT i AS "ID", CASE i WHEN 3 THEN make_date({year}, 1, 1) ELSE '2026-04-01'::DATE + i::INT END AS "DAY",
  CASE i WHEN 4 THEN make_date({year}, 6, 1) END AS "ENDS_ON", CASE i WHEN 5 THEN make_timestamp({year}, 1, 1, 0, 0, 0) END AS "SEEN_AT",
  (100 + i)::DECIMAL(38,2) AS "AMT" FROM range(30) r(i)"""


@pytest.mark.parametrize("year", [10007, 0, -5])
@pytest.mark.parametrize("date_column", ["day", "ends_on", "nowhere"])
@pytest.mark.parametrize("key", ["id", "amt", "nowhere"])
def test_a_date_of_any_year_is_compared_as_any_other(
    session: DirectSession, year: int, date_column: str, key: str
) -> None:
    rules = Rules(
        grain=Origin(columns=(key,), source="meta"), date_column=Origin(columns=(date_column,), source="meta")
    )
    moved = 'SELECT * REPLACE (CASE WHEN ID IN (3, 4, 7) THEN AMT * 5 ELSE AMT END AS "AMT") FROM {b}'
    report = run(session, moved, baseline=ODD.format(year=year), rules=rules)
    numbers = found(report, "parity").numbers
    if key == "id":
        assert [(c.column, c.window) for c in report.changes] == [("AMT", 3)]
    else:
        assert 3 in (numbers["keys_removed"], numbers["rows_changed"])
    assert report.changed_from is None or report.changed_from.year == 2026
