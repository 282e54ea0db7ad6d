"""What a number proves, and what it does not: only what has a source proves anything."""

from __future__ import annotations

import re

import pytest

from bot import sql_errors


def test_every_code_that_proves_something_has_a_source_and_is_about_a_statement() -> None:
    for code, source in sql_errors.BEFORE_EXECUTION.items():
        assert re.search(r"https://|snowflakedb/", source), code
        assert sql_errors.judges_statement(code), code
    proof = set(sql_errors.BEFORE_EXECUTION)
    assert proof >= {*sql_errors.NOT_VISIBLE, sql_errors.TRANSIENT_SOURCE}
    assert proof.isdisjoint({*sql_errors.PASSING, sql_errors.TIMED_OUT})


@pytest.mark.parametrize("code", [-1, 0, 250_001, 290_404, 390_111, 390_112, 390_114, 390_422, 394_304, 395_090])
def test_what_is_about_the_session_or_the_connection_judges_no_statement(code: int) -> None:
    assert not sql_errors.judges_statement(code)


@pytest.mark.parametrize("code", [2, 603, 604, 630, 2003, 100_038, 391_411])
def test_what_is_about_the_statement_does(code: int) -> None:
    assert sql_errors.judges_statement(code)
