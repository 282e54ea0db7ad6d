"""An approval counts for what was seen, in the wait it was given in, from people who may give it, until it is too old."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from bot.events import Approved
from bot.model import Actor, State
from sandbox.people import text_of
from tests.stories.acts import replacements, state
from tests.stories.conftest import EZ, FACT, Stage

BACKUP = "create transient table .*refresh_backups"


def is_deactivated(stage: Stage, user: str) -> None:
    people = stage.slack.state.workspace.people
    people[user] = replace(people[user], deleted=True)


def group_is(stage: Stage, *users: str) -> None:
    groups = stage.slack.state.workspace.groups
    groups["S0DATA"] = replace(groups["S0DATA"], users=users)


def approved_and_backing_up(stage: Stage) -> Any:
    """bob approves, and the promotion is held right after its backup; returns that statement."""
    incident = stage.incident()
    incident.wait_button("approve")
    stage.world.snowflake.inject(BACKUP, "hang", after=True)
    stage.first_approval = len(stage.world.snowflake.log)
    incident.click("bob", "approve")
    return stage.running(BACKUP)


def last_press(stage: Stage, action: str) -> dict[str, Any]:
    return [
        t
        for t in stage.slack.traffic("delivery")
        if t["type"] == "block_actions" and t["payload"]["actions"][0]["action_id"] == action
    ][-1]


@pytest.mark.moment("explained")
@pytest.mark.settings(policy={"quorum": 2})
def test_an_approver_who_may_no_longer_approve_when_the_last_one_does_is_not_counted(stage: Stage) -> None:
    incident = stage.incident()
    group_is(stage, "U0ALICE", "U0BOB", "U0CAROL", "U0DAVE")
    incident.click("bob", "approve")
    incident.wait_reply("*Approved by <@U0BOB>*; 1 more needed.")
    is_deactivated(stage, "U0BOB")
    group_is(stage, "U0ALICE", "U0CAROL", "U0DAVE")
    incident.click("carol", "approve")
    said = text_of(incident.wait_reply("*The approval of <@U0BOB> no longer counts:*"))
    assert "the account is deactivated in Slack. Nothing was sent; 2 more needed." in said
    incident.wait_reply("*Approved by <@U0CAROL>*; 1 more needed. <@U0DAVE> can.")
    assert state(stage) is State.AWAITING
    stage.approves(incident, FACT, "dave")
    incident.wait_card("done")
    promoted = stage.bot.store.get(1)
    assert promoted is not None
    assert [d.by.user_id for d in promoted.decisions] == ["U0CAROL", "U0DAVE"]


@pytest.mark.moment("explained")
def test_an_approver_who_leaves_before_the_intent_takes_the_approval_along(stage: Stage) -> None:
    backup = approved_and_backing_up(stage)
    incident = stage.incident()
    group_is(stage, "U0ALICE", "U0CAROL")
    stage.release(backup)
    said = text_of(incident.wait_reply("*The approval of <@U0BOB> no longer counts:*"))
    assert "not an approver of this model any more. Nothing was sent; 1 more needed. <@U0CAROL> can." in said
    incident.wait_card("waiting for approval")
    assert replacements(stage) == 0
    stage.approves(incident, FACT, "carol")
    incident.wait_card("done")


@pytest.mark.moment("explained")
def test_a_slack_that_does_not_answer_before_the_intent_is_waited_for(stage: Stage) -> None:
    backup = approved_and_backing_up(stage)
    stage.note_approval(FACT)
    stage.slack.fault("error", "users.info", times=3, error="internal_error")
    stage.release(backup)
    stage.incident().wait_card("done")
    failed = [t for t in stage.slack.traffic("api") if t["method"] == "users.info" and t.get("error")]
    assert len(failed) == 3
    assert [line.event for line in stage.bot.store.trail(1)].count("approved") == 1


@pytest.mark.moment("explained")
def test_a_slack_that_stays_silent_is_no_yes(stage: Stage) -> None:
    backup = approved_and_backing_up(stage)
    app = stage.slack.state.workspace.app
    stage.slack.state.workspace.app = replace(app, scopes=tuple(s for s in app.scopes if s != "users:read"))
    stage.release(backup)
    withdrawn = text_of(stage.incident().wait_reply("*Withdrawn.*", 60))
    assert (
        "It cannot be checked whether the approvals still count: the Slack app has no scope `users:read`." in withdrawn
    )
    assert replacements(stage) == 0


@pytest.mark.moment("explained")
def test_a_bot_that_was_down_for_a_month_does_not_act_on_what_was_approved_before(stage: Stage) -> None:
    stage.bot.worker.stop()
    refresh = stage.bot.store.get(1)
    assert refresh is not None
    bob = Actor(user_id="U0BOB", team_id="T0DEMO")
    approved = Approved(at=stage.clock(), by=bob, digest=refresh.digest, complete=True, expires_at=refresh.expires_at)
    assert stage.bot.services.record(refresh, approved).state is State.APPROVED
    stage.clock.advance(days=30)
    stage.restart()
    incident = stage.incident()
    incident.wait_card("expired")
    assert "It was approved, and could not be sent before its time was over" in text_of(
        incident.wait_reply("*Expired.*")
    )
    incident.wait_reply("approved by <@U0BOB>")
    assert replacements(stage) == 0


@pytest.mark.moment("explained")
def test_time_that_runs_out_while_the_backup_is_taken_still_counts(stage: Stage) -> None:
    backup = approved_and_backing_up(stage)
    stage.clock.advance(hours=25)
    stage.release(backup)
    stage.incident().wait_card("expired")
    assert replacements(stage) == 0


@pytest.mark.moment("explained")
def test_the_timer_ends_what_was_approved_and_nobody_drives(stage: Stage) -> None:
    stage.bot.worker.stop()
    refresh = stage.bot.store.get(1)
    assert refresh is not None
    bob = Actor(user_id="U0BOB", team_id="T0DEMO")
    approved = Approved(at=stage.clock(), by=bob, digest=refresh.digest, complete=True, expires_at=refresh.expires_at)
    stage.bot.services.record(refresh, approved)
    stage.bot.timers.expire()
    assert state(stage) is State.APPROVED
    stage.clock.advance(hours=25)
    stage.bot.timers.expire()
    assert state(stage) is State.EXPIRED


@pytest.mark.moment("explained")
def test_an_approval_of_an_earlier_wait_counts_no_more_however_it_comes_back(stage: Stage) -> None:
    """A hold withdraws it, and a re-check comes to an equal digest: nobody has approved since."""
    backup = approved_and_backing_up(stage)
    incident = stage.incident()
    seen, first = copy.deepcopy(last_press(stage, "approve")["payload"]["message"]), last_press(stage, "approve")
    before = stage.bot.store.get(1)
    assert before is not None
    stage.told("carol", "hold fact_ethereum_daily_dex_volumes")
    stage.slack.wait(lambda: "is on hold" in text_of(stage.slack.private("carol")[-1]), what="the hold")
    stage.release(backup)
    incident.wait_card("withdrawn")
    stage.told("carol", "unhold fact_ethereum_daily_dex_volumes")
    stage.slack.wait(lambda: not stage.bot.store.holds(), what="the hold lifted")
    incident.click("alice", "recheck")
    incident.wait_card("waiting for approval")
    incident.wait_button("approve")
    now = stage.bot.store.get(1)
    assert now is not None
    assert now.digest == before.digest
    assert stage.slack.deliver_again(first).ok
    assert not stage.bot.store.undecided(1, "approve")
    told = incident.answered("bob", lambda: stage.presses("bob", seen, "approve"))
    assert told.startswith("What you saw of R1 has changed meanwhile")
    assert state(stage) is State.AWAITING
    stage.approves(incident, FACT)
    incident.wait_card("done")


@pytest.mark.moment("awaiting")
def test_what_is_in_the_way_is_looked_for_when_approve_is_pressed(stage: Stage) -> None:
    """Whatever the message shows: a value by hand carries all that the real one would."""
    incident = stage.incident()
    forged = copy.deepcopy(incident.wait_button("reject"))
    for block in forged["blocks"]:
        for element in block.get("elements", ()):
            if element.get("action_id") == "reject":
                element["action_id"] = "approve"
    told = incident.answered("bob", lambda: stage.presses("bob", forged, "approve"))
    assert told == "R1 is waiting for approval, so this is not possible now."
    assert state(stage) is State.AWAITING
    assert "approved" not in [line.event for line in stage.bot.store.trail(1)]


@pytest.mark.moment("ez")
def test_who_adds_a_column_does_not_approve_it(stage: Stage) -> None:
    incident = stage.incident()
    newest = incident.thread[-1]["ts"]
    incident.click("bob", "add_clocks")
    stage.slack.wait(
        lambda: incident.thread[-1]["ts"] > newest and "explain" in incident.buttons(), 60, "it built again"
    )
    assert "changed by <@U0BOB>" in incident.wait_card("waiting for approval")
    stage.explains(incident)
    told = incident.answered("bob", lambda: incident.click("bob", "approve"))
    assert told == "You changed what R1 asks for, so someone else approves it (four eyes). <@U0CAROL> can."
    assert "not <@U0ALICE> or <@U0BOB>" in text_of(incident.wait_button("approve"))
    stage.approves(incident, EZ, "carol")
    incident.wait_card("done")
