"""A click counts for what is so when it is decided, not for what was so when the button was shown."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest

from bot.model import State
from sandbox.people import text_of
from tests.stories.conftest import FACT, Stage
from tests.stories.moments import FACT_ASKED

LOOKING = "SYSTEM.LAST_CHANGE_COMMIT_TIME"


@pytest.mark.moment("explained")
def test_a_model_that_was_put_on_hold_is_not_promoted(stage: Stage) -> None:
    incident = stage.incident()
    incident.wait_button("approve")
    stage.told("carol", "hold fact_ethereum_daily_dex_volumes")
    stage.slack.wait(lambda: "is on hold" in text_of(stage.slack.private("carol")[-1]), what="the hold")
    told = incident.answered("bob", lambda: incident.click("bob", "approve"))
    assert "on hold" in told
    assert "waiting for approval" in incident.wait_card("waiting for approval")


@pytest.mark.moment("explained")
def test_an_approval_after_the_time_is_over_does_not_count_even_before_the_timer_has_seen_it(stage: Stage) -> None:
    incident = stage.incident()
    message = incident.wait_button("approve")
    stage.clock.advance(hours=25)
    told = incident.answered("bob", lambda: stage.presses("bob", message, "approve"))
    assert "nobody decided before" in told
    incident.wait_card("expired")


@pytest.mark.moment("explained")
def test_an_approval_in_time_counts_although_the_time_ends_before_it_is_decided(stage: Stage) -> None:
    incident = stage.incident()
    incident.wait_button("approve")
    stage.clock.advance(hours=23, minutes=50)
    stage.world.snowflake.inject(LOOKING, "hang", after=True)
    stage.approves(incident, FACT)
    slow = stage.running(LOOKING)
    stage.clock.advance(hours=2)
    stage.bot.timers.expire()
    stage.release(slow)
    incident.wait_card("done")


@pytest.mark.moment("explained")
def test_nothing_expires_while_an_approval_in_time_may_still_be_on_its_way(stage: Stage) -> None:
    incident = stage.incident()
    incident.wait_button("approve")
    refresh = stage.bot.store.get(1)
    assert refresh is not None
    assert refresh.expires_at is not None
    stage.clock.advance(seconds=(refresh.expires_at - stage.clock()).total_seconds() + 2)
    stage.bot.timers.expire()
    assert stage.bot.store.in_state(State.AWAITING) == [refresh]
    stage.clock.advance(seconds=10)
    stage.bot.timers.expire()
    incident.wait_card("expired")


@pytest.mark.moment("explained")
@pytest.mark.settings(worker={"lease": timedelta(seconds=2)})
def test_a_look_at_production_that_takes_longer_than_a_lease_is_made_once(stage: Stage) -> None:
    """The click stays with the worker that looks, however large the table is; it counts once and needs no apology."""
    incident = stage.incident()
    incident.wait_button("approve")
    stage.world.snowflake.inject(LOOKING, "hang", after=True)
    stage.note_approval(FACT)
    known = len(stage.slack.private("bob"))
    incident.click("bob", "approve")
    slow = stage.running(LOOKING)
    until = time.monotonic() + 3 * 2
    stage.slack.wait(lambda: time.monotonic() > until, what="three leases")
    assert [s.query_id for s in stage.world.snowflake.log if s.status == "RUNNING"] == [slow.query_id]
    assert "waiting for approval" in text_of(incident.card)
    stage.release(slow)
    incident.wait_card("done")
    assert [line.event for line in stage.bot.store.trail(1)].count("approved") == 1
    assert len(stage.slack.private("bob")) == known


@pytest.mark.moment("explained")
def test_what_an_ended_refresh_left_in_dev_is_dropped_after_its_time(stage: Stage) -> None:
    incident = stage.incident()
    incident.click("alice", "cancel")
    incident.wait_card("Cancelled by")
    left = "SELECT COUNT(*) FROM DEV.INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME LIKE '%\\_R1\\_%' ESCAPE '\\\\'"
    assert stage.value(left) == 2
    stage.bot.timers.clean_up()
    assert stage.value(left) == 2
    stage.clock.advance(hours=24 * 4)
    stage.bot.timers.clean_up()
    assert stage.value(left) == 0


@pytest.mark.moment("explained")
def test_while_it_waits_nothing_of_it_is_dropped_however_long_it_takes(stage: Stage) -> None:
    incident = stage.incident()
    stage.clock.advance(hours=24 * 30)
    stage.bot.timers.clean_up()
    refresh = stage.bot.store.get(1)
    assert refresh is not None
    assert refresh.state is State.AWAITING
    assert refresh.candidate is not None
    assert stage.value(f"SELECT COUNT(*) FROM {refresh.candidate.relation}") == 3032
    assert FACT_ASKED.split()[0] in incident.wait_card("waiting for approval")


@pytest.mark.moment("explained")
def test_a_hold_that_comes_while_the_backup_is_taken_still_counts(stage: Stage) -> None:
    incident = stage.incident()
    incident.wait_button("approve")
    stage.world.snowflake.inject("create transient table .*refresh_backups", "hang", after=True)
    incident.click("bob", "approve")
    backup = stage.running("create transient table .*refresh_backups")
    stage.first_approval = len(stage.world.snowflake.log) - 1
    stage.told("carol", "hold fact_ethereum_daily_dex_volumes")
    stage.slack.wait(lambda: "is on hold" in text_of(stage.slack.private("carol")[-1]), what="the hold")
    stage.release(backup)
    incident.wait_card("withdrawn")
    assert "was put on hold, so nothing is promoted" in text_of(incident.wait_reply("*Withdrawn.*"))


@pytest.mark.moment("explained")
def test_a_cancel_or_a_hold_after_the_statement_was_sent_does_not_stop_it_and_says_so(stage: Stage) -> None:
    incident = stage.incident()
    incident.wait_button("approve")
    stage.world.snowflake.inject("create or replace .* clone", "hang", after=True)
    stage.approves(incident, FACT)
    sent = stage.running("create or replace .* clone")
    stage.told("alice", "cancel R1")
    refused = "R1 has moved on and this did nothing: approved by <@U0BOB> "
    stage.slack.wait(lambda: text_of(stage.slack.private("alice")[-1]).startswith(refused), what="the refusal")
    stage.told("carol", "hold fact_ethereum_daily_dex_volumes")
    late = "R1 of it is not stopped by that: it is being promoted."
    stage.slack.wait(lambda: text_of(stage.slack.private("carol")[-1]).endswith(late), what="that the hold is late")
    stage.release(sent)
    incident.wait_card("done")
    assert "cancel asked" not in [line.event for line in stage.bot.store.trail(1)]
