"""Keys that were declared, found in the data, repeated or NULL, none at all, and of any type."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bot.keys import FOUND
from bot.model import Origin, Verdict
from bot.wording.findings import line
from tests.contract.comparisons import BACKFILL, BASE, DAILY, NONE, DirectSession, changed, found, run

PASS, FAIL, WARN = Verdict.PASS, Verdict.FAIL, Verdict.WARN


def test_a_key_is_found_in_the_data_and_the_report_says_so(session: DirectSession) -> None:
    rules = replace(DAILY, grain=NONE, date_column=NONE)
    report = run(session, changed(where="DAY = '2026-03-09' AND CHAIN = 'chain1'"), rules=rules)
    parity = found(report, "parity").numbers
    assert (parity["method"], parity["grain"], parity["grain_source"]) == ("key", ["DAY", "CHAIN"], "found in the data")
    assert (parity["date_column"], parity["date_source"]) == ("DAY", "the only date")
    assert parity["rows_changed"] == 1
    assert report.statements <= 8


def test_the_only_date_is_known_whether_the_key_is_declared_or_found(session: DirectSession) -> None:
    base = f'SELECT row_number() OVER () AS "ID", *, DATE \'2026-05-01\' AS "CREATED_ON" FROM ({BASE}) t'
    rules = replace(DAILY, grain=Origin(columns=("id",), source="--grain"), date_column=NONE)
    more = "SELECT * FROM {b} UNION ALL SELECT * REPLACE (ID + 1000 AS ID, DAY + 40 AS DAY) FROM {b} WHERE ID = 7"
    report = run(session, more, baseline=base, rules=rules)
    parity = found(report, "parity").numbers
    assert (parity["date_column"], parity["date_source"], parity["keys_added_late"]) == ("DAY", "the only date", 1)
    assert report.baseline.first == date(2026, 3, 1)
    assert report.statements <= 8


HOURLY = f"""SELECT "DAY"::TIMESTAMP + INTERVAL 7 HOUR AS "HOUR", * EXCLUDE ("DAY") FROM ({BASE}) t"""


def test_the_only_timestamp_of_a_key_that_was_found_tells_the_days(session: DirectSession) -> None:
    more = """SELECT * REPLACE (CASE WHEN "HOUR"::DATE = '2026-03-09' THEN VOLUME * 3 ELSE VOLUME END AS VOLUME) FROM {b}
        UNION ALL SELECT * REPLACE ("HOUR" + INTERVAL 40 DAY AS "HOUR") FROM {b} WHERE "HOUR"::DATE = '2026-04-01'"""
    rules = replace(DAILY, grain=NONE, date_column=NONE)
    report = run(session, more, baseline=HOURLY, rules=rules)
    parity = found(report, "parity").numbers
    assert (parity["grain"], parity["date_column"], parity["date_source"]) == (["HOUR", "CHAIN"], "HOUR", FOUND)
    assert (parity["rows_changed"], parity["keys_added_late"]) == (5, 5)
    assert (report.baseline.first, report.candidate.last) == (date(2026, 3, 1), date(2026, 5, 11))
    assert report.series is not None
    assert report.statements == 8


def test_a_guess_never_says_where_the_history_of_a_backfill_ends(session: DirectSession) -> None:
    late = """SELECT * REPLACE (CASE WHEN "HOUR"::DATE = '2026-04-08' THEN 1 ELSE VOLUME END AS VOLUME) FROM {b}"""
    rules = replace(DAILY, grain=NONE, date_column=NONE)
    parity = found(run(session, late, BACKFILL, baseline=HOURLY, rules=rules), "parity")
    assert (parity.verdict, parity.numbers["date_source"]) == (Verdict.UNKNOWN, "none")


def test_what_is_usually_a_clock_tells_no_days(session: DirectSession) -> None:
    rules = replace(DAILY, grain=NONE, date_column=NONE, clock=("KIND",))  # so that names decide nothing else
    clock = HOURLY.replace('"HOUR"', '"LOADED_AT"')
    parity = found(run(session, "SELECT * FROM {b}", baseline=clock, rules=rules), "parity")
    assert (parity.numbers["grain"], parity.numbers["date_source"]) == (["CHAIN", "LOADED_AT"], "none")


def test_a_key_has_to_be_unique_on_both_sides(session: DirectSession) -> None:
    rules = replace(DAILY, grain=NONE)
    twice = "SELECT * FROM {b} UNION ALL SELECT * FROM {b} WHERE DAY = '2026-03-02' AND CHAIN = 'chain1'"
    report = run(session, twice, rules=rules)
    assert found(report, "parity").numbers["method"] == "multiset"
    assert found(report, "parity").numbers["keys_added"] == 1


def test_a_claimed_key_that_repeats_is_shown_before_anything_is_joined(session: DirectSession) -> None:
    rules = replace(DAILY, grain=Origin(columns=("day",), source="unique_key"))
    grain = found(run(session, "SELECT * FROM {b}", rules=rules), "grain")
    assert (grain.verdict, grain.numbers["duplicate_keys"], grain.numbers["duplicate_rows"]) == (WARN, 40, 200)
    assert len(grain.examples) == 5
    lost_key = "SELECT * REPLACE (CASE WHEN DAY = '2026-03-09' THEN NULL ELSE CHAIN END AS \"CHAIN\") FROM {b}"
    missing = found(run(session, lost_key), "grain")
    assert (missing.verdict, missing.numbers["null_rows"], missing.numbers["null_rows_before"]) == (FAIL, 5, 0)


@pytest.mark.parametrize(
    ("dirty", "clean", "said"),
    [
        ("1, 5), (1, 5", "2, 6", "1 key (id) repeated in production alone."),
        ("NULL, 5", "2, 6", "1 row without a key in production alone."),
    ],
)
def test_a_key_that_only_production_repeats_is_not_called_clean(
    session: DirectSession, dirty: str, clean: str, said: str
) -> None:
    table = 'SELECT * FROM (VALUES ({}), ({})) t ("ID", "V")'
    rules = replace(DAILY, grain=Origin(columns=("id",), source="unique_key"), date_column=NONE)
    report = run(session, table.format("1, 5", clean), baseline=table.format(dirty, clean), rules=rules)
    grain = found(report, "grain")
    assert (grain.verdict, grain.blocks) == (WARN, False)
    assert line(grain) == f"*Grain: warn.* {said}"
    assert grain.examples == ({"ID": "1" if dirty[0] == "1" else None, "rows": 2 if dirty[0] == "1" else 1},)


def test_an_append_only_model_is_compared_as_a_multiset(session: DirectSession) -> None:
    events = "SELECT DAY, KIND FROM (" + BASE + ") t"
    same = run(session, "SELECT * FROM {b}", baseline=events, rules=replace(DAILY, grain=NONE))
    assert found(same, "parity").verdict is PASS
    more = "SELECT * FROM {b} UNION ALL SELECT * FROM {b} LIMIT 210"
    report = run(session, more, baseline=events, rules=replace(DAILY, grain=NONE))
    assert (found(report, "parity").numbers["keys_removed"], found(report, "parity").numbers["keys_added"]) == (0, 10)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("VARCHAR", "'k' || i"),
        ("DATE", "'2020-01-01'::DATE + i::INT"),
        ("TIMESTAMP", "'2020-01-01'::TIMESTAMP + INTERVAL (i) SECOND"),
        ("TIMESTAMPTZ", "'2020-01-01 00:00:00+09'::TIMESTAMPTZ + INTERVAL (i) SECOND"),
        ("DECIMAL(38,4)", "i / 8"),
        ("BLOB", "('k' || i)::BLOB"),
    ],
)
def test_keys_of_any_type(session: DirectSession, kind: str, value: str) -> None:
    base = f'SELECT ({value})::{kind} AS "key %", i AS "v" FROM range(100) r(i)'
    rules = replace(DAILY, grain=Origin(columns=("key %",), source="meta"), date_column=NONE)
    cand = 'SELECT "key %", CASE WHEN "v" = 7 THEN 70 ELSE "v" END AS "v" FROM {b} WHERE "v" <> 9'
    parity = found(run(session, cand, baseline=base, rules=rules), "parity").numbers
    assert (parity["rows_changed"], parity["keys_removed"], parity["keys_added"]) == (1, 1, 0)
