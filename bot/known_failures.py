"""dbt tests that fail in production as well: an old failure is no reason against a repair (design section 4)."""

from __future__ import annotations

from bot import reads
from bot.model import Build, Relation, TestResult
from bot.session import ReadFailed, Session, SqlError


def known(session: Session, build: Build, dev: Relation, baseline: Relation) -> frozenset[str]:
    """Names of failing tests that find fault with at least as many rows of the baseline.

    Each is asked again with the baseline in the place of the model; one that cannot be stays a failure of its own, and
    so does one whose `failures` is no count of all its rows, since two such numbers say nothing of each other.
    """
    return frozenset(
        test.name for test in build.tests if _counts_rows(test) and _there_too(session, test, dev, baseline)
    )


def _counts_rows(test: TestResult) -> bool:
    return bool(test.sql) and test.limit is None and "".join(test.fail_calc.lower().split()) == "count(*)"


def _there_too(session: Session, test: TestResult, dev: Relation, baseline: Relation) -> bool:
    frozen = reads.replaced(test.sql, dev, baseline)
    if frozen is None or frozen == test.sql:
        return False
    try:
        row = session.rows("checks/test_rows", analysis=frozen)[0]
    except (SqlError, ReadFailed):
        return False
    return int(row["failures"]) >= (test.failures or 1)
