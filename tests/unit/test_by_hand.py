"""Where only a person may bring the rows over, the details say with which statement."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Refresh, State, Verdict
from bot.wording.details import details
from tests.refreshes import finding, in_state, report


def waiting(name: str, verdict: Verdict) -> Refresh:
    found = replace(finding(name, verdict=verdict), check="safety", numbers={"names": ["A.B.S"]})
    return replace(in_state(State.AWAITING), report=report(findings=(found,)))


@pytest.mark.parametrize("name", ["safety:streams", "safety:policies", "safety:views", "safety:dynamic tables"])
def test_what_a_clone_would_break_names_the_statement_instead(name: str) -> None:
    refresh = waiting(name, Verdict.FAIL)
    assert refresh.candidate
    text = details(refresh)
    assert f'INSERT OVERWRITE INTO {refresh.prod.sql} ("DATE")' in text
    assert f'SELECT "DATE" FROM {refresh.candidate.relation.sql};' in text


def test_where_a_clone_does_it_nothing_else_is_offered() -> None:
    assert "INSERT OVERWRITE" not in details(waiting("safety:streams", Verdict.PASS))
    assert "INSERT OVERWRITE" not in details(waiting("safety:owner", Verdict.FAIL))
