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


def test_what_goes_with_the_table_can_be_brought_back_by_hand() -> None:
    keys = {
        "lost": ['PRIMARY KEY ("DATE")'],
        "added": [],
        "referenced_by": ['SHOP.PROD.LINES FOREIGN KEY ("DAY") REFERENCES "A"."B"."C" ("DATE")'],
    }
    metrics = {"names": ['SNOWFLAKE.CORE.NULL_COUNT ON ("DATE") SCHEDULE 5 MINUTE']}
    rest = {"changes": ["comment", "search optimization", "change tracking"]}
    found = [
        replace(finding(name, verdict=Verdict.WARN), check="safety", numbers=numbers)
        for name, numbers in (("safety:keys", keys), ("safety:metric functions", metrics), ("safety:metadata", rest))
    ]
    refresh = replace(in_state(State.AWAITING), report=report(findings=tuple(found)))
    prod = refresh.prod.sql
    assert details(refresh).split("What a person can run afterwards\n", 1)[1].splitlines()[1:7] == [
        f'ALTER TABLE {prod} ADD PRIMARY KEY ("DATE");',
        'ALTER TABLE "SHOP"."PROD"."LINES" ADD FOREIGN KEY ("DAY") REFERENCES "A"."B"."C" ("DATE");',
        f"ALTER TABLE {prod} SET DATA_METRIC_SCHEDULE = '5 MINUTE';",
        f'ALTER TABLE {prod} ADD DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON ("DATE");',
        f"ALTER TABLE {prod} SET CHANGE_TRACKING = TRUE;",
        f"ALTER TABLE {prod} ADD SEARCH OPTIMIZATION;",
    ]
    assert "afterwards" not in details(waiting("safety:streams", Verdict.PASS))


def test_where_a_clone_does_it_nothing_else_is_offered() -> None:
    assert "INSERT OVERWRITE" not in details(waiting("safety:streams", Verdict.PASS))
    assert "INSERT OVERWRITE" not in details(waiting("safety:owner", Verdict.FAIL))
