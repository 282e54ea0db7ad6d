"""The comparison on tables made to break it: keys and clocks that nobody declared, what was left behind, where the change is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest

from bot import clocks, left_behind, scope
from bot.comparison import Comparison, Pair
from bot.inspection import column
from bot.model import Build, Finding, Mode, Origin, Relation, Request, Rules, Verdict
from bot.scope import with_grain
from tests.contract.comparisons import DirectSession, found, report_on

PASS, FAIL, UNKNOWN, WARN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN
NONE = Origin(columns=(), source="none")
SINCE = date(2026, 4, 8)
BACKFILL = Request(model="m", mode=Mode.BACKFILL, since=SINCE, columns=("volume",))
BUILT = datetime(2026, 4, 22, 14, 0, tzinfo=UTC)
# 40 days of 5 chains; one number each, a text of two values, a boolean.
BASE = """
SELECT ('2026-03-01'::DATE + (i // 5)::INT) AS "DAY", 'chain' || (i % 5) AS "CHAIN", (1000 + i)::DECIMAL(38,2) AS "VOLUME",
  (i * 2)::DECIMAL(38,2) AS "FEES", CASE WHEN i % 2 = 0 THEN 'spot' ELSE 'perp' END AS "KIND", i % 10 = 0 AS "TOP"
FROM range(200) r(i)
"""
DAILY = Rules(
    grain=Origin(columns=("day", "chain"), source="unique_key"), date_column=Origin(columns=("day",), source="meta")
)


run = partial(report_on, baseline=BASE, rules=DAILY)


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


def changed(value: str = "VOLUME * 2", where: str = "TRUE") -> str:
    return f'SELECT * REPLACE (CASE WHEN {where} THEN ({value})::DECIMAL(38,2) ELSE VOLUME END AS "VOLUME") FROM {{b}}'


# What proves itself


def test_a_table_is_equal_to_itself_without_a_join(session: DirectSession) -> None:
    report = run(session, "SELECT * FROM {b}")
    assert report.nothing_changes
    assert found(report, "parity").verdict is PASS
    assert not report.changes
    assert report.statements == 5  # columns, glance, proof, grain, context: nothing was joined


@pytest.mark.parametrize("empty", ["before", "after", "both"])
def test_zero_rows_on_either_side(session: DirectSession, empty: str) -> None:
    none = f"SELECT * FROM ({BASE}) t WHERE FALSE"
    baseline = BASE if empty == "after" else none
    candidate = BASE if empty == "before" else none
    parity = found(run(session, candidate, baseline=baseline), "parity")
    assert parity.verdict is (PASS if empty == "before" else FAIL)
    assert (parity.numbers["keys_removed"], parity.numbers["keys_added"]) == {
        "before": (0, 200),
        "after": (200, 0),
        "both": (0, 0),
    }[empty]


def test_few_buckets_are_joined_and_many_as_a_whole_with_the_same_numbers(session: DirectSession) -> None:
    one = run(session, changed(where="DAY = '2026-03-09'"))
    assert found(one, "parity").numbers["rows_changed"] == 5
    every = run(session, changed())
    assert found(every, "parity").numbers["rows_changed"] == 200
    assert [c.window for c in every.changes] == [200]


# NaN on both sides and a value far from the usual: each asks for a look of its own.
ODD = f"""SELECT *, CASE WHEN "DAY" = '2026-03-05' THEN 'NaN'::DOUBLE ELSE 1.5 END AS "RATE" FROM ({BASE})"""
FAR = changed("99999999", "DAY = '2026-03-09'")
TWICE = f"{FAR} UNION ALL SELECT * FROM {{b}} WHERE DAY = '2026-03-02'"


@pytest.mark.parametrize(
    ("grain", "candidate", "statements"),
    [(DAILY.grain, FAR, 8), (NONE, FAR, 9), (DAILY.grain, TWICE, 11), (NONE, TWICE, 11)],
    ids=["declared", "found at the first look", "repeated", "none after one look"],
)
def test_how_many_statements_the_docs_promise(
    session: DirectSession, grain: Origin, candidate: str, statements: int
) -> None:
    """docs/checks.md; a second look for a key is one more."""
    report = run(session, candidate, baseline=ODD, rules=replace(DAILY, grain=grain))
    assert report.statements == statements


# Keys


def test_a_key_is_found_in_the_data_and_the_report_says_so(session: DirectSession) -> None:
    rules = replace(DAILY, grain=NONE, date_column=NONE)
    report = run(session, changed(where="DAY = '2026-03-09' AND CHAIN = 'chain1'"), rules=rules)
    parity = found(report, "parity").numbers
    assert (parity["method"], parity["grain"], parity["grain_source"]) == ("key", ["DAY", "CHAIN"], "found in the data")
    assert (parity["date_column"], parity["date_source"]) == ("DAY", "the only date")
    assert parity["rows_changed"] == 1
    assert report.statements <= 8


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


# Where the change is


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


DAILY_TOTALS = 'SELECT (\'2026-03-01\'::DATE + i::INT) AS "DAY", i AS "V" FROM range(9) r(i)'
BY_DAY = Origin(columns=("day",), source="unique_key")


def test_a_whole_number_of_the_key_can_hold_the_change(session: DirectSession) -> None:
    base = 'SELECT i AS "ID", i % 7 AS "CHAIN_ID", i::DECIMAL(38,2) AS "V" FROM range(70) r(i)'
    rules = Rules(grain=Origin(columns=("id", "chain_id"), source="meta"), date_column=NONE)
    cand = 'SELECT * REPLACE (CASE WHEN CHAIN_ID = 3 THEN 0 ELSE V END::DECIMAL(38,2) AS "V") FROM {b}'
    where = found(run(session, cand, baseline=base, rules=rules), "parity:where")
    assert where.examples == ({"column": "CHAIN_ID", "value": "3", "rows": 10, "of": 10, "times": 7.0},)


def test_rows_after_productions_last_day_are_told_apart(session: DirectSession) -> None:
    base = f"SELECT * FROM ({BASE}) t WHERE DAY < '2026-04-07' AND NOT (DAY = '2026-03-03' AND CHAIN = 'chain0')"
    numbers = found(run(session, BASE, baseline=base), "parity").numbers
    assert (numbers["keys_added"], numbers["keys_added_late"]) == (16, 15)


def test_a_sample_of_keys_is_named_and_passes_nothing(session: DirectSession) -> None:
    report = run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL, joined=2)
    parity = found(report, "parity")
    assert parity.numbers["sample"] == 10
    assert (parity.verdict, parity.blocks) == (UNKNOWN, True)
    assert not report.nothing_changes
    again = run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL, joined=2)
    assert found(again, "parity").numbers == parity.numbers  # the same keys every time


def test_without_a_key_there_is_nothing_to_sample_by_and_every_row_is_hashed(session: DirectSession) -> None:
    undeclared = replace(DAILY, grain=Origin(columns=("nowhere",), source="meta"))  # declared, so none is looked for
    parity = found(run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL, rules=undeclared, joined=2), "parity")
    assert (parity.numbers["method"], parity.numbers["sample"]) == ("multiset", 1)
    whole = run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL, rules=undeclared)
    assert parity.numbers == found(whole, "parity").numbers


# Turned NULL, left behind


def test_values_that_turn_null_fail_and_may_be_waived(session: DirectSession) -> None:
    nulls = found(run(session, changed("NULL", "CHAIN = 'chain1' AND DAY > '2026-04-07'")), "turned null")
    assert (nulls.verdict, nulls.waivable, nulls.numbers["by_column"]) == (FAIL, True, ["VOLUME: 2"])


MODEL = "SELECT {list} FROM ({base}) t WHERE DAY >= '2026-04-01'"


def left(session: DirectSession, model: str, candidate: str = "SELECT * FROM {b}", **kept: Any) -> Finding:
    base, cand = session.tables(BASE, candidate)
    rows = session.rows("checks/columns", {}, baseline=base, candidate=cand)
    before, after = (tuple(column(r) for r in rows if r["side"] == s) for s in ("baseline", "candidate"))
    made = scope.build(base, cand, (before, after), BACKFILL, DAILY)
    made = replace(with_grain(made, ("DAY", "CHAIN"), "meta"), unique=kept.get("unique", True))
    own = Relation("DEV", "BOT", "M")
    return left_behind.check(
        session, made, left_behind.Model(sql=model, own=own, frozen=base), {c.name: c for c in after}
    )  # pyright: ignore


EVERY = '"DAY", "CHAIN", "VOLUME", "FEES", "KIND", "TOP"'


def test_nothing_is_left_behind_when_the_model_says_the_same(session: DirectSession) -> None:
    finding = left(session, MODEL.format(list=EVERY, base=BASE_IN_SNOWFLAKE))
    assert finding.verdict is PASS
    assert (finding.numbers["rows"], finding.numbers["columns_compared"]) == (10, 4)


def test_columns_that_would_also_change_are_named(session: DirectSession) -> None:
    fees = MODEL.format(list='"DAY", "CHAIN", "VOLUME", "FEES" + 1 AS "FEES", "KIND", "TOP"', base=BASE_IN_SNOWFLAKE)
    finding = left(session, fees)
    assert (finding.verdict, finding.waivable) == (FAIL, True)
    assert finding.numbers["columns"] == ["FEES"]
    assert finding.numbers["by_column"] == ["FEES: 10"]
    assert finding.examples[0]["column"] == "FEES"
    moved = left(session, MODEL.format(list='"DAY", "CHAIN", 0 AS "VOLUME"', base=BASE_IN_SNOWFLAKE))
    assert (moved.numbers["columns"], moved.numbers["moved"]) == ([], ["VOLUME"])


def test_rows_that_a_merge_never_deletes_are_left_behind(session: DirectSession) -> None:
    fewer = MODEL.format(list=EVERY, base=BASE_IN_SNOWFLAKE) + " AND CHAIN <> 'chain2'"
    finding = left(session, fewer)
    assert (finding.verdict, finding.numbers["only_candidate"], finding.numbers["columns"]) == (FAIL, 2, [])
    more = left(session, MODEL.format(list=EVERY, base=BASE_IN_SNOWFLAKE), "SELECT * FROM {b} WHERE CHAIN <> 'chain2'")
    assert more.numbers["only_model"] == 2


def test_what_the_model_read_as_its_own_table_is_the_baseline(session: DirectSession) -> None:
    own = f'SELECT {EVERY} FROM DEV.BOT.M WHERE DAY >= (SELECT MIN(m.DAY) FROM "DEV"."BOT"."M" m)'
    assert left(session, own).verdict is PASS


@pytest.mark.parametrize(
    ("model", "unique", "reason"),
    [
        ("", True, "not compiled"),
        ("SELEC (", True, "not readable"),
        ("SELECT 1 AS X", True, "no key"),
        ("SELECT 1", False, "no key"),
    ],
)
def test_a_model_that_cannot_be_asked_is_unknown(session: DirectSession, model: str, unique: bool, reason: str) -> None:
    finding = left(session, model, unique=unique)
    assert (finding.verdict, finding.waivable, finding.numbers["reason"]) == (UNKNOWN, True, reason)


BASE_IN_SNOWFLAKE = """
SELECT DATEADD('day', FLOOR(i / 5), '2026-03-01'::DATE)::DATE AS DAY, 'chain' || (i % 5) AS CHAIN, (1000 + i)::NUMBER(38,2) AS VOLUME,
  (i * 2)::NUMBER(38,2) AS FEES, CASE WHEN i % 2 = 0 THEN 'spot' ELSE 'perp' END AS KIND, i % 10 = 0 AS TOP
FROM (SELECT ROW_NUMBER() OVER (ORDER BY g) - 1 AS i FROM (SELECT 1 AS g FROM (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) a (x)
  CROSS JOIN (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) b (x) CROSS JOIN (VALUES (1),(2)) c (x)) q) numbers
"""
