"""The range of a follow-up is what changed, and never begins later."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot import buckets, following
from bot.index import Entry
from bot.model import Mode, Request, State
from bot.scope import UNDATED
from bot.wording import downstream
from tests.unit import samples
from tests.unit.results import scope

ENTRY = Entry(
    unique_id="model.shop.x", name="x", package="shop", materialized="incremental", prod=samples.PROD, reads_date=True
)
TODAY = date(2026, 4, 20)
FIRST = date(2026, 4, 1)
days = st.integers(0, 19).map(lambda n: FIRST + timedelta(days=n))


@given(st.sets(days, min_size=1), st.none() | days, st.none() | days)
def test_a_follow_up_never_begins_after_the_first_day_that_changed(
    changed: set[date], since: date | None, at: date | None
) -> None:
    """A backfill changes nothing before its date, so its date is never later either."""
    mode = Mode.BACKFILL if since else Mode.FULL_REFRESH
    seen = {day for day in changed if since is None or day >= since} or {since}
    request = Request(model="m", mode=mode, since=since, at=(at,) if at else ())
    for known in (min(filter(None, seen)), None):
        before = replace(
            samples.refresh(State.DONE), request=request, report=replace(samples.report(), changed_from=known)
        )
        asked = following.downstream(before, ENTRY, TODAY)
        if asked.since is None:
            assert asked.mode is Mode.FULL_REFRESH
            assert known is None
        else:
            assert asked.since <= min(filter(None, seen))
            assert all(day >= asked.since for day in asked.at)


@given(st.integers(1, 64), st.integers(-800_000, 4_000_000), st.booleans())
def test_the_first_day_is_that_of_the_least_bucket(parts: int, number: int, undated: bool) -> None:
    least = (UNDATED if undated else number) * parts + parts - 1
    found = {"differing": 1, "rows_in": 2, "least_bucket": least, "greatest_bucket": 5_000_000 * parts}
    about = buckets.suspected(replace(scope(), parts=parts), [found], "proof", 10)
    first = None if undated or not -719_162 <= number <= 2_932_896 else date(1970, 1, 1) + timedelta(days=number)
    assert about.changed_from == first
    assert about.suspects is not None
    assert about.suspects.first is None  # the last is beyond the calendar: every day is read


def test_what_is_not_known_is_rebuilt_in_full() -> None:
    plan = replace(samples.plan(), readers=(samples.reader("a", materialized="incremental", honours_date=True),))
    assert downstream.selector(plan, FIRST, "backfill_date").endswith('--vars \'{"backfill_date": "2026-04-01"}\'')
    assert downstream.selector(plan, None, "backfill_date").endswith(" --full-refresh")
    assert "The first day that changed is not known" in downstream.follow_up(plan, None, "backfill_date")
