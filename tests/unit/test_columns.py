"""What becomes of columns: a schema that moves, the clocks among them, a key that is bound to its day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import checks, scope, usual
from bot.model import Column, Mode, Origin, Relation, Request, Rules, Verdict
from tests.unit.samples import RULES, columns

PASS, WARN, FAIL = Verdict.PASS, Verdict.WARN, Verdict.FAIL


# Schema


@pytest.mark.parametrize(
    ("before", "after", "full", "backfill"),
    [
        (columns("NUMBER(38,2)"), columns("NUMBER(38,2)"), PASS, PASS),
        (columns("NUMBER(10,2)"), columns("NUMBER(12,2)"), WARN, FAIL),
        (columns("NUMBER(12,2)"), columns("NUMBER(12,4)"), FAIL, FAIL),  # fewer digits before the point
        (columns("NUMBER(38,2)"), columns("NUMBER(38,0)"), FAIL, FAIL),
        (columns("VARCHAR(10)"), columns("VARCHAR(20)"), WARN, FAIL),
        (columns("VARCHAR(20)"), columns("VARCHAR(10)"), FAIL, FAIL),
        (columns("NUMBER(38,0)"), columns("VARCHAR(20)"), FAIL, FAIL),
        (columns("TIMESTAMP_NTZ(9)"), columns("TIMESTAMP_TZ(9)"), FAIL, FAIL),
        (columns(A="DATE", B="DATE"), columns(A="DATE"), FAIL, FAIL),
        (columns(A="DATE"), columns(A="DATE", B="DATE"), WARN, WARN),
        (columns(A="DATE", B="DATE"), columns(B="DATE", A="DATE"), WARN, FAIL),
        (columns(A="DATE"), columns(a="DATE"), FAIL, FAIL),  # another case is another column
    ],
)
def test_schema(before: tuple[Column, ...], after: tuple[Column, ...], full: Verdict, backfill: Verdict) -> None:
    judged = checks.schema(Mode.FULL_REFRESH, (), before, after)
    assert (judged.verdict, judged.waivable) == (full, full is FAIL)
    judged = checks.schema(Mode.BACKFILL, (), before, after)
    assert (judged.verdict, judged.waivable) == (backfill, False)


def test_a_column_that_may_be_null_now_is_a_warning() -> None:
    strict = (Column(name="A", type="DATE", nullable=False),)
    assert checks.schema(Mode.FULL_REFRESH, (), strict, columns(A="DATE")).verdict is WARN


@given(st.integers(1, 38), st.integers(0, 20), st.integers(1, 38), st.integers(0, 20))
def test_a_number_is_widened_only_when_every_old_value_still_fits(p: int, s: int, q: int, t: int) -> None:
    s, t = min(s, p), min(t, q)
    verdict = checks.schema(Mode.FULL_REFRESH, (), columns(f"NUMBER({p},{s})"), columns(f"NUMBER({q},{t})")).verdict
    fits = q - t >= p - s and t >= s
    assert verdict is (PASS if (p, s) == (q, t) else WARN if fits else FAIL)


# Names that differ only in case


def test_a_name_means_the_column_that_is_written_so_and_no_other() -> None:
    both = columns(Day="DATE", DAY="DATE", Volume="FLOAT", VOLUME="FLOAT", Fees="FLOAT")
    rules = Rules(
        grain=Origin(columns=("DAY",), source="meta"),
        date_column=Origin(columns=("DAY",), source="meta"),
        tolerance={"VOLUME": {"rel": 0.5}, "fees": {"rel": 0.25}},
        sanity={"VOLUME": {"min": 0}, "fees": {"min": 1}, "volume": {"min": 2}},
    )
    request = Request(model="m", mode=Mode.BACKFILL, since=date(2026, 4, 8), columns=("VOLUME", "fees"))
    made = scope.build(Relation("P", "S", "T"), Relation("D", "S", "T"), (both, both), request, rules)
    assert [c.name for c in made.columns if c.allowed] == ["VOLUME", "Fees"]
    assert {c.name: c.tolerance.relative for c in made.columns if c.tolerance} == {"VOLUME": 0.5, "Fees": 0.25}
    assert ([k.name for k in made.keys], made.date) == (["DAY"], made.columns[1])
    assert [c.name for c in usual.limited(made)] == ["VOLUME", "Fees"]
    added = checks.schema(Mode.BACKFILL, ("VOLUME",), both[:3], both)
    assert added.verdict is WARN  # Fees was not asked for
    assert checks.schema(Mode.BACKFILL, ("VOLUME",), both[:3], both[:4]).verdict is PASS
    assert checks.schema(Mode.BACKFILL, ("Volume",), both[:3], both[:4]).verdict is WARN


# Clocks and keys


def test_clocks_are_those_of_the_rules_or_of_the_models_sql_and_a_name_proves_nothing() -> None:
    unknown = _built(RULES)
    assert ([c.name for c in unknown.presumed], unknown.clock_source) == (["MODIFIED_ON"], "none")
    assert all(c in unknown.judged for c in unknown.presumed)
    by_sql = _built(RULES, frozenset({"LOADED"}))
    assert [c.name for c in by_sql.columns if c.clock] == ["LOADED"]
    assert by_sql.clock_source == "the model's SQL"
    by_rule = {c.name: c.clock for c in _built(replace(RULES, clock=("loaded",))).columns}
    assert by_rule == {"DATE": False, "LOADED": True, "MODIFIED_ON": False}


def _built(rules: Rules, written: frozenset[str] = frozenset()) -> scope.Scope:
    both = columns(DATE="DATE", LOADED="TIMESTAMP_NTZ(9)", MODIFIED_ON="TIMESTAMP_NTZ(9)")
    side = Relation("D", "S", "T")
    return scope.build(side, side, (both, both), Request(model="m"), rules, written)


@pytest.mark.parametrize(("type_", "bound"), [("DATE", True), ("TIMESTAMP_NTZ(9)", True), ("TIMESTAMP_TZ(9)", False)])
def test_a_repeated_instant_may_stand_on_two_days(type_: str, bound: bool) -> None:
    """00:00 +00:00 and 23:00 -01:00 are one key in two buckets, of which only one may differ."""
    both, side = columns(AT=type_), Relation("D", "S", "T")
    rules = Rules(grain=Origin(columns=("at",), source="meta"), date_column=Origin(columns=("at",), source="meta"))
    assert scope.build(side, side, (both, both), Request(model="m"), rules).key_bound is bound
