"""Grain, NaN, schema, sanity and dbt's tests on a warehouse: small tables made to break each of these checks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import TestResult as DbtTest
from bot.model import Verdict
from bot.wording.findings import line
from tests.contract.benches import BACKFILL, FULL, RULES, Bench, fix
from tests.contract.comparisons import found

pytestmark = pytest.mark.xdist_group("bench")  # they share one small Snowflake

PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL
NO_TRADES = "CREATE OR REPLACE TRANSIENT TABLE {c} AS SELECT DATE, VOLUME, PRICE, CHAIN, MODIFIED_ON FROM {c}"


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


def test_another_type_for_equal_values_is_a_change(bench: Bench) -> None:
    retyped = "CREATE OR REPLACE TRANSIENT TABLE {c} AS SELECT DATE, VOLUME, TRADES::NUMBER(%s, 0) AS TRADES FROM {c}"
    wider, same = (bench.compare(FULL, retyped % size, before=(retyped % 38,)) for size in (20, 38))
    assert (wider.nothing_changes, wider.changes, found(wider, "schema").verdict) == (False, (), FAIL)
    assert (same.nothing_changes, found(same, "schema").verdict) == (True, PASS)


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


# Tests


def test_failing_dbt_tests_fail(bench: Bench) -> None:
    bad = DbtTest(name="not_null_m_volume", status="fail", failures=3)
    tests = found(bench.compare(FULL, tests=(bad, replace(bad, status="pass", failures=0))), "tests")
    assert (tests.verdict, tests.waivable, tests.numbers["passed"]) == (FAIL, True, 1)


def test_a_model_without_tests_has_passed_none(bench: Bench) -> None:
    tests = found(bench.compare(FULL), "tests")
    assert (tests.verdict, tests.blocks) == (WARN, False)
    assert line(tests) == "*Tests: warn.* The model has no tests, so dbt tested nothing."
