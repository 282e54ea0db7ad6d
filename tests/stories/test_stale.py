"""What time does to a refresh: it expires, is cancelled, is reminded of, and production moves on under it."""

from __future__ import annotations

import pytest

from bot.model import State
from sandbox.people import text_of
from tests.stories.conftest import FACT, Stage
from tests.stories.moments import EZ_ASKED, FACT_ASKED

NEW_DAY = f"INSERT INTO {FACT} (date, daily_volume, trades) VALUES ('2026-04-22', 1700000000, 410000)"
NEW_SOURCE = (
    "INSERT INTO RAW.DUNE.DEX_VOLUMES (block_date, chain, volume_usd, trades, loaded_at) "
    "VALUES ('2026-04-22', 'Ethereum', 1700000000, 410000, '2026-04-23 01:05:00')"
)


@pytest.mark.moment("explained")
def test_reminded_and_then_expired(stage: Stage) -> None:
    incident = stage.incident()
    stage.clock.advance(hours=3)
    stage.bot.timers.remind()
    stage.clock.advance(hours=1.5)
    stage.bot.timers.remind()
    stage.bot.timers.remind()
    incident.wait_reply("*R1 still waits for a decision:*")
    seen = incident.wait_button("approve")
    stage.clock.advance(hours=24)
    stage.bot.timers.expire()
    incident.wait_card("expired")
    incident.wait_reply("*Expired.*")
    assert sum("still waits" in reply for reply in incident.replies) == 1
    assert f"/dbt-refresh {FACT_ASKED}" in incident.replies[-1]
    told = incident.answered("bob", lambda: stage.presses("bob", seen, "approve"))
    assert "nobody decided before" in told
    assert incident.buttons() == set()


@pytest.mark.moment("explained")
def test_a_withdrawn_refresh_is_reminded_of_with_the_way_on(stage: Stage) -> None:
    incident = stage.incident()
    stage.nightly_writes(FACT, NEW_DAY)
    stage.bot.timers.poll_stale()
    incident.wait_reply("*Withdrawn.*")
    stage.clock.advance(hours=4)
    stage.bot.timers.remind()
    said = text_of(incident.wait_reply("*R1 is still withdrawn:*"))
    assert "<@U0ALICE> or one of <!subteam^S0DATA> says so. *Rebuild* builds it anew" in said
    for _ in range(2):  # the second pause is twice the first
        stage.clock.advance(hours=4)
        stage.bot.timers.remind()
    stage.slack.wait(lambda: stage.bot.store.unsent() == 0, what="everything sent")
    assert sum("is still withdrawn" in reply for reply in incident.replies) == 2


@pytest.mark.settings(worker={"steps": 1})
def test_cancelled_while_queued_and_while_building_leaves_nothing_running(stage: Stage) -> None:
    stage.world.snowflake.inject("create or replace .*dev_refresh_bot.*fact_ethereum_daily", "hang")
    incident = stage.asks(FACT_ASKED)
    stage.running("create or replace .*dev_refresh_bot.*fact_ethereum_daily")
    stage.asks(EZ_ASKED, "carol")
    assert "queued" in stage.told("carol", "status R2")
    stage.slack.command("bob", "cancel R2")
    stage.slack.wait(lambda: stage.bot.store.get(2).state is State.CANCELLED, what="R2 cancelled")  # type: ignore[union-attr]
    private = stage.slack.private
    ended = "R2 is cancelled. Production was not touched."
    stage.slack.wait(lambda: text_of(private("bob")[-1]) == ended, what="the answer")
    told = "*R2 of `ez_ethereum_metrics` was cancelled by <@U0BOB> "
    stage.slack.wait(lambda: text_of(private("carol")[-1]).startswith(told), what="the asker told")
    stopping = "R1 is being cancelled: what runs is stopped first. Production is not touched."
    assert incident.answered("alice", lambda: incident.click("alice", "cancel")) == stopping
    incident.wait_card("being cancelled")
    incident.wait_card("Cancelled by <@U0ALICE>")
    incident.wait_reply("Production was not touched.")
    assert stage.idle()
    assert stage.value("SELECT COUNT(*) FROM DEV.INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME LIKE '%CANDIDATE%'") == 0
    assert incident.buttons() == set()


@pytest.mark.moment("built")
def test_cancelled_while_comparing(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject("'baseline' AS side", "hang", after=True)
    stage.restart()
    held = stage.running("'baseline' AS side")
    incident.click("bob", "cancel")
    incident.wait_card("being cancelled")
    stage.release(held)
    incident.wait_card("Cancelled by <@U0BOB>")
    assert stage.idle()
    assert not any("Ready for approval" in reply for reply in incident.replies)


@pytest.mark.moment("explained")
def test_a_new_row_in_production_withdraws_and_a_rebuild_goes_on(stage: Stage) -> None:
    incident = stage.incident()
    seen = incident.wait_button("approve")
    stage.nightly_writes("RAW.DUNE.DEX_VOLUMES", NEW_SOURCE)
    stage.nightly_writes(FACT, NEW_DAY)
    told = incident.answered("bob", lambda: incident.click("bob", "approve"))
    assert "it was withdrawn. Prod changed after" in told
    withdrawn = text_of(incident.wait_reply("*Withdrawn.*"))
    assert "3,032 rows then, 3,033 now" in withdrawn
    assert "recheck" not in incident.buttons()  # a re-check would promote a table without the new day
    assert "moved on" in incident.answered("bob", lambda: stage.presses("bob", seen, "approve"))
    incident.click("alice", "rebuild")
    kept = text_of(incident.wait_reply("*Built again*"))
    assert "*Withdrawn.* Prod changed after" in kept  # why it was withdrawn stays readable
    incident.wait_card("3,033 -> 3,033 rows")
    assert any("3,032 rows then, 3,033 now" in reply for reply in incident.replies)
    incident.wait_button("approve")  # the same group with the same numbers stays explained
    incident.wait_reply("Explained by <@U0BOB>")
    stage.note_approval(FACT)
    incident.click("bob", "approve")
    incident.wait_card("done")
    assert stage.value(f"SELECT COUNT(*) FROM {FACT}") == 3_033
    assert "stale" in [line.state for line in stage.bot.store.trail(1)]


@pytest.mark.moment("explained")
def test_other_values_in_production_can_be_checked_again(stage: Stage) -> None:
    incident = stage.incident()
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET trades = trades + 1 WHERE date = '2026-04-20'")
    stage.bot.timers.poll_stale()
    withdrawn = text_of(incident.wait_reply("*Withdrawn.*"))
    assert "still 3,032 rows, with other values" in withdrawn
    incident.wait_card("withdrawn")
    assert {"recheck", "rebuild"} <= incident.buttons()
    incident.click("alice", "recheck")
    card = incident.wait_card("waiting for approval")
    assert "`trades`" in card
    incident.wait_button("approve")
    assert any("still 3,032 rows, with other values" in reply for reply in incident.replies)
    stage.approves(incident, FACT)
    incident.wait_card("done")


@pytest.mark.moment("explained")
@pytest.mark.settings(policy={"quorum": 2})
def test_a_change_of_metadata_alone_changes_nothing(stage: Stage) -> None:
    incident = stage.incident()
    incident.click("bob", "approve")
    incident.wait_reply("1 more needed")
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET trades = trades WHERE date = '2026-04-20'")
    stage.bot.timers.poll_stale()
    assert "waiting for approval" in text_of(incident.card)
    stage.note_approval(FACT)
    incident.click("carol", "approve")
    incident.wait_card("done")
    noted = [line for line in stage.bot.store.trail(1) if "metadata changed, content equal" in line.data]
    assert noted


@pytest.mark.moment("explained")
def test_a_candidate_that_somebody_wrote_to_is_not_promoted(stage: Stage) -> None:
    incident = stage.incident()
    candidate = stage.bot.store.get(1).candidate.relation  # type: ignore[union-attr]
    stage.value(f"UPDATE {candidate.sql} SET daily_volume = 1 WHERE date = '2026-04-20'")
    told = incident.answered("bob", lambda: incident.click("bob", "approve"))
    assert "withdrawn" in told
    withdrawn = text_of(incident.wait_reply("*Withdrawn.*"))
    assert "is not what was compared any more" in withdrawn
    assert "rebuild" in incident.buttons()
    assert "recheck" not in incident.buttons()
