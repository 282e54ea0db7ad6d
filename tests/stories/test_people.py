"""Who may do what, as each of them reads it: the rule and the way out, and production only after the right click."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from sandbox.people import Incident, text_of
from tests.stories.conftest import FACT, Stage

FOUR_EYES = "You asked for R1, so someone else approves it (four eyes)."
NOT_AN_APPROVER = "You are not an approver of this model, so you may not approve it."


def answer(incident: Incident, user: str, action: str = "approve") -> str:
    return incident.answered(user, lambda: incident.click(user, action))


def answer_to_old(stage: Stage, user: str, message: dict[str, Any], action: str) -> str:
    """What somebody is told who presses a button that only their screen still shows."""
    return stage.incident().answered(user, lambda: stage.presses(user, message, action))


def form(stage: Stage, incident: Incident, user: str, action: str, **values: object) -> Any:
    """Open the form behind a button and submit it."""
    incident.click(user, action)
    stage.slack.wait(lambda: stage.slack.modal(user), what=f"the form {action}")
    return stage.slack.submit(user, action, values)


def group_is(stage: Stage, *users: str) -> None:
    """The members of the approvers' group from now on."""
    groups = stage.slack.state.workspace.groups
    groups["S0DATA"] = replace(groups["S0DATA"], users=users)


def trail(stage: Stage) -> list[str]:
    return [line.event for line in stage.bot.store.trail(1)]


@pytest.mark.moment("explained")
def test_only_another_approver_of_this_workspace_can_approve(stage: Stage) -> None:
    incident = stage.incident()
    assert answer(incident, "alice") == f"{FOUR_EYES} <@U0BOB> and <@U0CAROL> can."
    assert answer(incident, "dave") == f"{NOT_AN_APPROVER} <@U0BOB> and <@U0CAROL> can."
    assert answer(incident, "gus") == "Guests of this workspace may not approve it: ask a full member."
    assert answer(incident, "U0BOT") == "Only a person may approve it, never a bot."
    assert "you are from outside" in answer(incident, "eve")
    assert "waiting for approval" in text_of(incident.card)
    assert trail(stage).count("denied") == 4  # eve was turned away at the door
    stage.approves(incident, FACT)
    incident.wait_card("done")


@pytest.mark.moment("explained")
def test_a_payload_that_lies_about_the_workspace_is_judged_by_what_slack_knows(stage: Stage) -> None:
    people = stage.slack.state.workspace.people
    stage.slack.state.workspace.channel("C0INCIDENTS").members.add("U0EVE")
    people["U0EVE"] = replace(people["U0EVE"], team_id="T0DEMO")  # the payload says so, and so passes the door
    group_is(stage, "U0ALICE", "U0BOB", "U0CAROL", "U0EVE")
    told = answer(stage.incident(), "eve")
    assert told == "Only members of this workspace may approve it, and you are from outside: ask someone inside."
    assert trail(stage)[-1] == "denied"


def test_who_may_ask(stage: Stage) -> None:
    ask = "fact_ethereum_daily_dex_volumes at=2026-04-08"
    assert "you are from outside" in stage.told("eve", ask, "C0SHARED")
    stage.asks(ask, "gus")
    stage.slack.wait(lambda: any("Guests of this workspace" in text_of(m) for m in stage.slack.private("gus")))
    assert stage.bot.store.live() == []  # a refused request holds no lock
    stage.asks(ask, "alice", channel="C0SHARED")
    stage.slack.wait(lambda: any("shared" in text_of(m).lower() for m in stage.slack.private("alice")))
    assert stage.bot.store.live() == []
    assert "<#C0INCIDENTS>" in stage.told("alice", ask, "C0GENERAL")
    assert stage.slack.channel("C0INCIDENTS") == []


def test_a_bot_that_was_not_invited_says_so_before_anything_begins(stage: Stage) -> None:
    ask, said = "fact_ethereum_daily_dex_volumes at=2026-04-08", "type `/invite @dbt-refresh` in it, and ask again."
    workspace = stage.slack.state.workspace
    channel = workspace.channel("C0INCIDENTS")
    channel.members.remove(workspace.app.bot_user_id)
    for typed in (ask, f"plan {ask}", "hold fact_ethereum_daily_dex_volumes", ""):
        assert stage.told("alice", typed) == f"I am not in <#C0INCIDENTS>, so nothing could be shown there: {said}"
    channel.is_private = True  # Slack then does not even say that it is there
    assert stage.told("alice", ask).endswith(said)
    assert stage.bot.store.recent() == []
    stage.slack.fault("error", "conversations.info", error="internal_error")
    assert "is on its way" in stage.told("alice", ask)  # not known is not "no": the worker looks again
    channel.members.add(workspace.app.bot_user_id)


@pytest.mark.moment("explained")
def test_who_left_the_group_between_card_and_click_no_longer_counts(stage: Stage) -> None:
    incident = stage.incident()
    group_is(stage, "U0ALICE", "U0CAROL")
    assert answer(incident, "bob") == f"{NOT_AN_APPROVER} <@U0CAROL> can."
    people = stage.slack.state.workspace.people
    people["U0CAROL"] = replace(people["U0CAROL"], deleted=True)
    assert answer(incident, "carol") == "This account is deactivated in Slack, so it cannot decide anything."
    assert trail(stage)[-2:] == ["denied", "denied"]


@pytest.mark.moment("explained")
def test_when_slack_does_not_say_who_is_in_the_group_the_answer_is_no(stage: Stage) -> None:
    incident = stage.incident()
    stage.slack.fault("error", "usergroups.users.list", times=20, error="internal_error")
    assert "could not check your right" in answer(incident, "bob")
    stage.slack.clear_faults()
    stage.slack.fault("error", "users.info", times=20, error="user_not_found")
    assert "could not check your right" in answer(incident, "bob")
    stage.slack.clear_faults()
    stage.approves(incident, FACT)
    incident.wait_card("done")


@pytest.mark.moment("explained")
@pytest.mark.settings(policy={"approvers": ()})
def test_no_approvers_means_nobody(stage: Stage) -> None:
    told = answer(stage.incident(), "bob")
    assert told.startswith("Nobody may approve it yet: `policy.approvers`")
    assert trail(stage)[-1] == "denied"


@pytest.mark.moment("explained")
def test_two_people_at_once_promote_once(stage: Stage) -> None:
    incident = stage.incident()
    stage.note_approval(FACT)
    message = incident.wait_button("approve")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda user: stage.slack.click(user, "C0INCIDENTS", message["ts"], "approve"), ("bob", "carol")))
    incident.wait_card("done")
    told = stage.slack.wait(lambda: [*stage.slack.private("bob"), *stage.slack.private("carol")], what="an answer")
    winner, loser = ("U0CAROL", "U0BOB") if told[-1]["to"] == "U0BOB" else ("U0BOB", "U0CAROL")
    assert f"approved by <@{winner}> " in text_of(told[-1])
    assert told[-1]["to"] == loser
    assert trail(stage).count("approved") == 1


@pytest.mark.moment("explained")
@pytest.mark.settings(policy={"quorum": 2})
def test_a_quorum_of_two_wants_two_people(stage: Stage) -> None:
    incident = stage.incident()
    stage.note_approval(FACT)
    incident.click("bob", "approve")
    incident.wait_reply("*Approved by <@U0BOB>*; 1 more needed. <@U0CAROL> can.")
    assert "still needs 1 more" in answer(incident, "bob")
    assert "waiting for approval" in text_of(incident.card)
    incident.click("carol", "approve")
    incident.wait_card("done")
    incident.wait_reply("Approved by <@U0BOB>")


@pytest.mark.moment("explained")
def test_what_changed_since_somebody_looked_is_not_approved(stage: Stage) -> None:
    incident = stage.incident()
    seen = incident.wait_button("approve")
    assert form(stage, incident, "carol", "explain", reason="late data", note="loaded at noon").ok
    incident.wait_reply("Explained by <@U0CAROL>")
    told = answer_to_old(stage, "bob", seen, "approve")
    assert told.startswith("What you saw of R1 has changed meanwhile")
    stage.approves(incident, FACT)
    incident.wait_card("done")


@pytest.mark.moment("explained")
def test_a_button_of_another_time_says_so(stage: Stage) -> None:
    incident = stage.incident()
    strange = copy.deepcopy(incident.wait_button("approve"))
    for block in strange["blocks"]:
        for element in block.get("elements", ()):
            element |= {"value": "approve:42"} if "value" in element else {}
    assert answer_to_old(stage, "bob", strange, "approve").startswith("This button is from an older message")


@pytest.mark.moment("explained")
def test_rejected_with_a_reason_and_final(stage: Stage) -> None:
    incident = stage.incident()
    seen = incident.wait_button("approve")
    asked = incident.answered("alice", lambda: form(stage, incident, "alice", "reject", reason="no"))
    assert form(stage, incident, "bob", "reject", reason="The source is still wrong").ok
    incident.wait_card("rejected")
    incident.wait_reply("*Rejected by <@U0BOB>")
    stage.slack.wait(lambda: incident.buttons() == set(), what="no button that does nothing")
    assert "The source is still wrong" in answer_to_old(stage, "carol", seen, "approve")
    assert "someone else rejects it (four eyes)" in asked
    audited = [text_of(m) for m in stage.slack.channel("C0AUDIT")]
    assert any("rejected" in line.lower() for line in audited)
    assert stage.bot.store.live() == []


@pytest.mark.moment("awaiting")
def test_only_the_asker_or_an_approver_can_cancel(stage: Stage) -> None:
    incident = stage.incident()
    assert answer(incident, "dave", "cancel") == (
        "Only <@U0ALICE>, who asked for it, or an approver may cancel it. <@U0BOB> and <@U0CAROL> can."
    )
    told = incident.answered("dave", lambda: stage.slack.command("dave", "cancel R1"))
    assert "Cancelling" in told
    stage.slack.wait(lambda: sum("may cancel it" in text_of(m) for m in stage.slack.private("dave")) == 2)
    assert "waiting for approval" in text_of(incident.card)
    seen = incident.wait_button("reject")
    incident.click("alice", "cancel")
    incident.wait_card("cancelled")
    incident.wait_reply("*Cancelled by <@U0ALICE>")
    assert "cancelled by <@U0ALICE>" in answer_to_old(stage, "bob", seen, "reject")


@pytest.mark.moment("ez")
def test_each_group_is_explained_and_other_needs_words(stage: Stage) -> None:
    incident = stage.incident()
    assert "approve" not in incident.buttons()
    assert not form(stage, incident, "bob", "explain", reason="other").ok
    modal = stage.slack.modal("bob")
    assert modal and modal["errors"]["note"]
    groups = next(b for b in modal["blocks"] if b.get("block_id") == "groups")["element"]["options"]
    assert len(groups) == 2
    chosen = {"groups": [groups[0]["value"]], "reason": "other", "note": "Dune re-published the batch"}
    assert stage.slack.submit("bob", "explain", chosen).ok
    incident.wait_reply("waits for 1 explanation")
    incident.wait_reply("Explained by <@U0BOB>: “Dune re-published the batch”.")
    assert form(stage, incident, "alice", "explain", reason="upstream correction").ok  # the asker may explain
    incident.wait_reply("Explained by <@U0ALICE>: known upstream correction.")
    incident.wait_button("approve")
