"""dbt tests that fail in production as well: an old failure is no reason against a repair (design section 4)."""

from __future__ import annotations

from bot import reads
from bot.model import Build, Relation
from bot.session import Session, SqlError


def known(session: Session, build: Build, dev: Relation, baseline: Relation) -> frozenset[str]:
    """Names of failing tests that find fault with at least as many rows of the baseline.

    Each is asked again with the baseline in the place of the model; one that cannot be stays a failure of its own.
    """
    return frozenset(
        test.name for test in build.tests if test.sql and _there_too(session, test.sql, test.failures, dev, baseline)
    )


def _there_too(session: Session, sql: str, failures: int | None, dev: Relation, baseline: Relation) -> bool:
    frozen = reads.replaced(sql, dev, baseline)
    if frozen is None or frozen == sql:
        return False
    try:
        row = session.rows("checks/test_rows", analysis=frozen)[0]
    except SqlError:
        return False
    return int(row["failures"]) >= (failures or 1)
