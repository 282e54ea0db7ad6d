"""Whether what stands in dev is known to be what dbt built."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.model import Build, Kind, Token
from bot.provenance import Start, problem, problem_after_rename
from tests.refreshes import build

AT = datetime(2026, 4, 22, 14, tzinfo=UTC)
RAN = {"q1": (AT - timedelta(seconds=5), AT + timedelta(seconds=5))}
EMPTY = Start(dev=None, rows=100, alone=True)


def token(**values: object) -> Token:
    usual = {"last_change": "7", "created": AT.isoformat(), "last_ddl": "x", "row_count": 100, "owner": "BUILDER"}
    return Token(**(usual | {"kind": Kind.TRANSIENT} | values))  # type: ignore[arg-type]


def built(left: Token | None, rows: int | None = None) -> Build:
    return replace(build(), left=left, rows_affected=rows)


def test_the_table_that_a_statement_of_dbt_made_and_nobody_touched() -> None:
    assert problem(built(token()), EMPTY, token(), RAN) == ""
    assert problem(built(token()), EMPTY, token(last_ddl="granted since"), RAN) == ""


@pytest.mark.parametrize(
    "now",
    [
        token(last_change="8"),
        token(created=(AT + timedelta(seconds=1)).isoformat()),
        token(row_count=99),
        token(owner="OTHER"),
        token(kind=Kind.PERMANENT),
    ],
)
def test_what_is_not_what_dbt_left(now: Token) -> None:
    assert problem(built(token()), EMPTY, now, RAN) != ""


def test_what_dbt_could_not_see_is_not_known() -> None:
    assert problem(built(None), EMPTY, token(), RAN) == "dbt's own session could not look at the table"


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (5.5, True), (-5.5, True), (60, False), (-60, False)])
def test_a_table_belongs_to_one_of_dbts_own_statements(seconds: float, good: bool) -> None:
    found = token(created=(AT + timedelta(seconds=seconds)).isoformat())
    assert (problem(built(found), EMPTY, found, RAN) == "") is good
    assert problem(built(found), EMPTY, found, {}) == ""  # the history is late


@pytest.mark.parametrize(
    ("rows", "affected", "alone", "good"),
    [
        (100, 14, True, True),
        (114, 14, True, True),
        (115, 14, True, False),
        (115, 14, False, True),  # a hook of the model may have written rows too
        (115, None, True, True),
    ],
)
def test_a_backfill_ends_in_the_copy_that_it_began_with_and_with_no_row_too_many(
    rows: int, affected: int | None, alone: bool, good: bool
) -> None:
    start = Start(dev=token(last_change="1"), rows=100, alone=alone)
    left = token(row_count=rows)
    assert (problem(built(left, affected), start, left, {}) == "") is good
    other = replace(start, dev=token(created="2026-04-22T13:00:00+00:00"))
    assert problem(built(left, affected), other, left, {}) != ""


def test_a_rename_may_move_the_marker_and_nothing_else() -> None:
    assert problem_after_rename(built(token()), token(last_change="8", last_ddl="renamed")) == ""
    assert problem_after_rename(built(token()), token(row_count=101)) != ""
    assert problem_after_rename(built(token()), token(created="2026-04-22T15:00:00+00:00")) != ""
    assert problem_after_rename(built(None), token()) != ""
