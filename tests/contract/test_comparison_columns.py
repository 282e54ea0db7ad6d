"""Columns: types that bite, three hundred of them, a new one, and clocks that nobody declared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from bot import clocks
from bot.comparison import Comparison, Pair
from bot.model import Build, Origin, Request, Rules, Verdict
from bot.wording.findings import line
from tests.contract.comparisons import BACKFILL, BASE, DAILY, NONE, DirectSession, found, run

PASS, FAIL, WARN, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.WARN, Verdict.UNKNOWN
BUILT = datetime(2026, 4, 22, 14, 0, tzinfo=UTC)


def built(sql: str = "", seconds: float = 60.0) -> Build:
    return Build(
        invocation_id="i",
        started=BUILT,
        seconds=seconds,
        query_ids=(),
        rows_affected=None,
        tests=(),
        hooks=(),
        dbt_version="1.11",
        compiled_sql=sql,
    )


# Types


def test_types_that_bite(session: DirectSession) -> None:
    base = """SELECT i AS "id", (i / 4)::DECIMAL(10,2) AS "n", {'a': i}::JSON AS "doc", '2026-01-01 00:00:00+00'::TIMESTAMPTZ AS "tz",
      i::VARCHAR AS "typed", json_object('x', 1, 'y', json_object('p', i, 'q', 2)) AS "keys", [i, 1]::JSON AS "list",
      json_object('x', i) AS "hole"
      FROM range(50) r(i)"""
    cand = """SELECT "id", "n"::DECIMAL(38,4) AS "n", CASE WHEN "id" = 3 THEN '{"a":-1}'::JSON ELSE "doc" END AS "doc",
      '2026-01-01 09:00:00+09'::TIMESTAMPTZ AS "tz", "id"::BIGINT AS "typed",
      json_object('y', json_object('q', 2, 'p', "id"), 'x', 1) AS "keys",
      CASE WHEN "id" IN (4, 5) THEN [1, "id"]::JSON ELSE "list" END AS "list",
      CASE WHEN "id" = 6 THEN NULL WHEN "id" = 7 THEN 'null'::JSON ELSE "hole" END AS "hole" FROM {b}"""
    rules = replace(DAILY, grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    report = run(session, cand, baseline=base, rules=rules)
    # One instant, one number, one text, and an object whatever the order of its keys; a list has an order.
    assert {c.column: c.window for c in report.changes} == {"doc": 1, "list": 2, "hole": 2}
    assert found(report, "turned null").numbers["by_column"] == ["hole: 1"]  # a null inside a document is a value
    assert found(report, "schema").verdict is FAIL


def test_numbers_near_the_ends_of_their_types_are_compared(session: DirectSession) -> None:
    """Neither their sums, nor their differences, nor their ratios have to fit their type."""
    base = """SELECT DATE '2026-03-01' + (i // 3)::INT AS "DAY", i % 3 AS "ID", '90000000000000000000000000000000000000'::DECIMAL(38,0) AS "WEI",
      '90000000000000000000000000000000000000'::DECIMAL(38,0) AS "LAX", 1e170::DOUBLE AS "F" FROM range(9) r(i)"""
    cand = """SELECT * REPLACE (CASE WHEN ID = 1 THEN -LAX WHEN ID = 2 THEN LAX - 1 ELSE LAX END AS "LAX",
      CASE WHEN ID = 0 AND DAY = '2026-03-02' THEN WEI - 1 ELSE WEI END AS "WEI",
      CASE WHEN DAY = '2026-03-02' THEN 1e-170 ELSE F END AS "F") FROM {b}"""
    keyed = replace(DAILY, grain=Origin(columns=("day", "id"), source="meta"), tolerance={"LAX": {"rel": 0.01}})
    asked = Request(model="m", at=(date(2026, 3, 2),))
    report = run(session, cand, asked, baseline=base, rules=keyed)
    assert {c.column: c.window for c in report.changes} == {"LAX": 3, "WEI": 1, "F": 3}
    assert report.series
    unkeyed = run(
        session, cand, asked, baseline=base, rules=replace(keyed, grain=Origin(columns=("day",), source="meta"))
    )
    assert {o.metric for o in unkeyed.outliers} == {"LAX", "F"}
    same = replace(keyed, tolerance={"LAX": {"rel": 3}, "WEI": {"abs": 1}})
    noise = run(session, cand.replace("1e-170", "F"), asked, baseline=base, rules=same)
    assert noise.nothing_changes


def test_three_hundred_columns(session: DirectSession) -> None:
    wide = 'SELECT i AS "ID"' + "".join(f', (i + {n})::DOUBLE AS "C{n}"' for n in range(300)) + " FROM range(60) r(i)"
    rules = replace(DAILY, grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    report = run(
        session,
        'SELECT * REPLACE (CASE WHEN ID = 5 THEN NULL ELSE C7 END AS "C7") FROM {b}',
        baseline=wide,
        rules=rules,
    )
    assert {c.column: c.window for c in report.changes} == {"C7": 1}
    assert found(report, "turned null").numbers["by_column"] == ["C7: 1"]


NUMBERS = 'SELECT i AS "ID", {} AS "V" FROM range({}) r(i)'


@pytest.mark.parametrize(
    ("rows", "before", "after", "verdict"),
    [
        (400, "(1000 + i)::DECIMAL(38,2)", "V * 1000000", WARN),  # nothing stays
        (400, "(1000 + i)::DECIMAL(38,2)", "V * 3", UNKNOWN),
        (400, "NULL::DOUBLE", "1e30", UNKNOWN),
        (400, "NULL::DOUBLE", "V", PASS),
        (5000, "CASE WHEN i = 7 THEN 3 ELSE 0 END::DOUBLE", "CASE WHEN ID = 9 THEN 1e15 ELSE V END", WARN),  # sparse
        (5000, "CASE WHEN i = 7 THEN 3 ELSE 0 END::DOUBLE", "CASE WHEN ID = 9 THEN 4 ELSE V END", PASS),
        (400, "0::DOUBLE", "CASE WHEN ID = 9 THEN 1e15 ELSE V END", UNKNOWN),
    ],
)
def test_what_is_usual_is_passed_only_where_it_is_known(
    session: DirectSession, rows: int, before: str, after: str, verdict: Verdict
) -> None:
    rules = Rules(grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    report = run(
        session, f'SELECT * REPLACE ({after} AS "V") FROM {{b}}', baseline=NUMBERS.format(before, rows), rules=rules
    )
    usual = found(report, "sanity:usual")
    assert (usual.verdict, usual.blocks) == (verdict, False)
    if verdict is UNKNOWN:
        assert line(usual) == (
            "*Sanity: unknown.* What is usual in v is not known: production keeps no value of it to go by."
        )


def test_an_empty_production_says_nothing_about_what_is_usual(session: DirectSession) -> None:
    rules = Rules(grain=Origin(columns=("id",), source="meta"), date_column=NONE)
    full = NUMBERS.format("i::DOUBLE", 40)
    usual = found(run(session, full, baseline=f"{full} LIMIT 0", rules=rules), "sanity:usual")
    assert (usual.verdict, usual.blocks, usual.numbers["unknown"]) == (UNKNOWN, False, ["V"])


def test_a_column_added_by_append_new_columns_passes_when_it_was_asked_for(session: DirectSession) -> None:
    more = "SELECT *, CASE WHEN DAY >= '2026-04-08' THEN 1 END AS \"NEW\" FROM {b}"
    listed = run(session, more, replace(BACKFILL, columns=("volume", "new")))
    assert (found(listed, "schema").verdict, found(listed, "parity").verdict) == (PASS, PASS)
    assert found(run(session, more, BACKFILL), "schema").verdict is WARN


# Clocks


def test_a_clock_is_known_by_the_models_sql(session: DirectSession) -> None:
    sql = "WITH a AS (SELECT CURRENT_TIMESTAMP()::TIMESTAMP_NTZ AS ran, day FROM t) SELECT *, SYSDATE() AS at, x AS y FROM a"
    assert clocks.written(sql) == {"RAN", "AT"}
    assert clocks.written("SELECT COALESCE(o.at, CURRENT_TIMESTAMP) AS at FROM o") == frozenset()
    assert (
        clocks.written("SELECT (SELECT MAX(CURRENT_DATE) FROM t) AS d, DATEDIFF('day', d, CURRENT_DATE) AS n")
        == frozenset()
    )
    assert clocks.written("not sql at all (") == clocks.written("") == frozenset()


@pytest.mark.parametrize(
    ("value", "is_clock"),
    [
        ("'2026-04-22 14:00:30'", True),
        ("'2026-04-22 07:00:30'", True),  # written in another zone
        ("'2026-04-22 13:20:30'", False),
        ("'2026-04-20 14:00:30'", False),
        ("CASE WHEN VOLUME = 1000 THEN '2026-04-22 14:00:31' ELSE '2026-04-22 14:00:30' END", False),
        ("CASE WHEN VOLUME = 1000 THEN NULL ELSE '2026-04-22 14:00:30' END", False),
    ],
)
def test_a_clock_is_known_by_what_it_does(session: DirectSession, value: str, is_clock: bool) -> None:
    base = f"SELECT *, '2026-04-01'::TIMESTAMP AS \"SEEN\" FROM ({BASE}) t"
    cand = f'SELECT * REPLACE (({value})::TIMESTAMP AS "SEEN") FROM {{b}}'
    before, after = session.tables(base, cand)
    pair = Pair(baseline=before, candidate=after, request=Request(model="m"), rules=DAILY, build=built())
    report = Comparison(session, pair, lambda text, share: None).run()  # pyright: ignore
    numbers = found(report, "parity").numbers
    assert (numbers["clock"] == ["SEEN"]) is is_clock
    assert report.nothing_changes is is_clock
    assert numbers["clock_source"] == ("the data" if is_clock else "none")
