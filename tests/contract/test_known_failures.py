"""A dbt test that production fails as often is an old failure: said, and no reason against the repair."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bot import checks, known_failures
from bot.model import Build, Relation, Verdict
from bot.model import TestResult as Ran
from bot.wording.findings import line
from tests.contract.comparisons import DirectSession

DEV = Relation("DEV", "BOT", "M")
NEGATIVE = "select * from dev.bot.m where volume < 0"
THREE = "select * from (values (-1), (-2), (3)) t(volume)"
ONE = "select * from (values (-1), (2), (3)) t(volume)"


def built(failures: int, sql: str = NEGATIVE, fail_calc: str = "count(*)", limit: int | None = None) -> Build:
    ran = Ran(name="never_negative", status="fail", failures=failures, sql=sql, fail_calc=fail_calc, limit=limit)
    return Build(
        invocation_id="i",
        started=datetime(2026, 4, 22, tzinfo=UTC),
        seconds=1.0,
        query_ids=(),
        rows_affected=None,
        tests=(ran,),
        hooks=(),
        dbt_version="1.11",
        compiled_sql="",
    )


@pytest.mark.parametrize(
    ("baseline", "failures", "verdict"),
    [(THREE, 2, Verdict.WARN), (THREE, 1, Verdict.WARN), (ONE, 2, Verdict.FAIL)],
    ids=["as often", "fewer now", "more now"],
)
def test_a_failure_counts_only_where_production_does_better(
    session: DirectSession, baseline: str, failures: int, verdict: Verdict
) -> None:
    frozen, _ = session.tables(baseline, baseline)
    build = built(failures)
    found = checks.dbt_tests(build, known_failures.known(session, build, DEV, frozen))  # type: ignore[arg-type]
    assert found.verdict is verdict
    assert found.blocks is (verdict is Verdict.FAIL)
    assert ("in production as well" in line(found)) is (verdict is Verdict.WARN)


def test_a_test_that_reads_something_else_stays_a_failure(session: DirectSession) -> None:
    frozen, _ = session.tables(THREE, THREE)
    build = built(2, "select * from dev.bot.other where volume < 0")
    assert known_failures.known(session, build, DEV, frozen) == frozenset()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fail_calc", "limit", "known"),
    [
        ("count(*)", None, True),
        ("COUNT( * )", None, True),
        ("sum(volume)", None, False),
        ("max(n_records)", None, False),
        ("", None, False),  # what an older worker stored
        ("count(*)", 1, False),  # one of however many
    ],
)
def test_only_a_count_of_all_rows_can_be_compared_with_one(
    session: DirectSession, fail_calc: str, limit: int | None, known: bool
) -> None:
    frozen, _ = session.tables(THREE, THREE)
    build = built(1, fail_calc=fail_calc, limit=limit)
    found = known_failures.known(session, build, DEV, frozen)  # type: ignore[arg-type]
    assert (found == {"never_negative"}) is known
