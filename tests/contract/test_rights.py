"""Rights as the real gateway reads them from Slack: what a silent Slack means, and what an old form does."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import identity
from bot.chat import Chat
from bot.clicks import Clicks
from bot.dbt_project import Project
from bot.errors import Refusal, SlackAway
from bot.leases import ClickLease
from bot.messages import Click
from bot.model import Actor, Decision, Refresh, State
from bot.policy import Allowed, Denied
from bot.record import Recorder
from bot.services import Services
from bot.store import Store
from bot.warehouse import Warehouse
from sandbox.slack import SlackSandbox
from tests.contract.listeners import settings_for
from tests.contract.slacks import CHANNEL
from tests.contract.stores import AT, bring
from tests.unit.samples import CONTEXT

BOB, CAROL = (Actor(user_id=u, team_id="T0DEMO") for u in ("U0BOB", "U0CAROL"))


@pytest.fixture
def services(slack: SlackSandbox, tmp_path: Path) -> Iterator[Services]:
    """Everything but Snowflake, which nothing here asks, and people who are as before afterwards."""
    workspace = slack.state.workspace
    slack.state.workspace = copy.deepcopy(workspace)
    settings = settings_for(slack)
    store = Store(f"sqlite:///{tmp_path / 'refresh.db'}")
    store.migrate()
    yield Services(
        settings=settings,
        store=store,
        chat=Chat(settings),
        warehouse=Warehouse(settings, "test"),
        project=Project(settings, tmp_path),
        record=Recorder(store, lambda _: replace(CONTEXT, settings=settings)),
        clock=lambda: AT,
    )
    store.close()
    slack.state.workspace = workspace


def without_scope(slack: SlackSandbox, scope: str) -> None:
    app = slack.state.workspace.app
    slack.state.workspace.app = replace(app, scopes=tuple(s for s in app.scopes if s != scope))


def approved_by(services: Services, *people: Actor) -> Refresh:
    refresh = bring(services.store, State.APPROVED)
    decisions = tuple(Decision(approve=True, by=p, at=AT, digest=refresh.digest) for p in people)
    return replace(refresh, decisions=decisions)


def gone(services: Services, refresh: Refresh) -> list[tuple[str, str]]:
    return [(lapse.by.user_id, lapse.rule) for lapse in identity.lapsed(services, refresh)]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"deleted": True}, "deleted"),
        ({"is_restricted": True}, "guest"),
        ({"is_stranger": True}, "stranger"),
        ({"team_id": "T0OTHER"}, "workspace"),
        ({"is_bot": True}, "bot"),
    ],
)
def test_each_approval_is_judged_as_the_person_is_now(
    services: Services, slack: SlackSandbox, change: dict[str, object], rule: str
) -> None:
    refresh, people = approved_by(services, BOB, CAROL), slack.state.workspace.people
    assert gone(services, refresh) == []
    people["U0BOB"] = replace(people["U0BOB"], **change)
    assert gone(services, refresh) == [("U0BOB", rule)]


def test_who_left_the_group_or_became_an_asker_counts_no_more(services: Services, slack: SlackSandbox) -> None:
    refresh, groups = approved_by(services, BOB, CAROL), slack.state.workspace.groups
    groups["S0DATA"] = replace(groups["S0DATA"], users=("U0BOB",))
    assert gone(services, refresh) == [("U0CAROL", "not an approver")]
    assert gone(services, replace(refresh, changers=(BOB,))) == [("U0BOB", "four eyes"), ("U0CAROL", "not an approver")]


def test_a_person_whom_slack_does_not_know_any_more_counts_no_more(services: Services, slack: SlackSandbox) -> None:
    slack.control.fault("error", "users.info", error="user_not_found")
    assert gone(services, approved_by(services, BOB)) == [("U0BOB", "unknown")]


@pytest.mark.parametrize("code", ["missing_scope", "invalid_auth", "access_denied", "a_code_of_tomorrow"])
def test_a_call_that_slack_refuses_says_nothing_about_the_person(
    services: Services, slack: SlackSandbox, code: str
) -> None:
    slack.control.fault("error", "users.info", error=code)
    with pytest.raises(SlackAway, match=code):
        identity.lapsed(services, approved_by(services, BOB))


def test_a_silent_slack_says_neither_yes_nor_no_about_an_approval(services: Services, slack: SlackSandbox) -> None:
    slack.control.fault("error", "usergroups.users.list", times=9, error="internal_error")
    with pytest.raises(SlackAway, match=r"usergroups\.users\.list: internal_error"):
        identity.lapsed(services, approved_by(services, BOB))


def test_what_slack_did_not_tell_is_said_and_logged(
    services: Services, slack: SlackSandbox, caplog: pytest.LogCaptureFixture
) -> None:
    refresh, app = bring(services.store, State.AWAITING), slack.state.workspace.app
    slack.control.fault("error", "usergroups.users.list", error="internal_error", times=9)
    asked = identity.judge(services, "ask", CAROL, refresh)
    assert isinstance(asked, Denied)
    assert asked.text == (
        "Slack did not answer, so I could not check your right to ask for a refresh. Please try again in a minute."
    )
    assert "usergroups.users.list" in caplog.text
    assert "internal_error" in caplog.text
    slack.control.clear_faults()
    without_scope(slack, "users:read")
    approve = identity.judge(services, "approve", BOB, refresh)
    assert isinstance(approve, Denied)
    assert approve.rule == "could not check"
    assert "your right to approve it: the Slack app has no scope `users:read`. Ask whoever" in approve.text
    slack.state.workspace.app = app
    assert identity.judge(services, "approve", BOB, refresh) == Allowed()


def test_a_slack_that_is_away_when_a_build_begins_is_asked_again_and_refuses_nobody(
    services: Services, slack: SlackSandbox
) -> None:
    refresh = bring(services.store, State.BUILDING, asker=BOB, channel=CHANNEL)
    for method in ("users.info", "usergroups.users.list", "conversations.info"):
        slack.control.fault("error", method, error="internal_error", times=9)
        with pytest.raises(SlackAway):
            identity.require_requester(services, refresh)
        slack.control.clear_faults()
    identity.require_requester(services, refresh)


@pytest.mark.parametrize("shared", ["is_ext_shared", "is_pending_ext_shared"])
def test_a_channel_that_others_read_or_are_invited_to_is_no_place_for_a_refresh(
    services: Services, slack: SlackSandbox, shared: str
) -> None:
    identity.require_own_channel(services, CHANNEL)
    setattr(slack.state.workspace.channel(CHANNEL), shared, True)
    with pytest.raises(Refusal, match="externally shared channel"):
        identity.require_own_channel(services, CHANNEL)


def decided(services: Services, click: Click) -> list[str]:
    """Let a worker decide a click; returns what was answered."""
    services.store.add_click(click)
    (claimed,) = services.store.claim_clicks("worker", 1)
    Clicks(services).decide(ClickLease(services.store, claimed, services.settings.worker))
    answers = services.store.take_letters("sender", 20, 60.0)
    return [letter.message.text for letter in answers if letter.private_to == click.by.user_id]


def test_a_form_acts_on_what_its_person_saw_or_not_at_all(services: Services) -> None:
    """Between opening and sending it somebody else looked again: production may be another one by then."""
    faulty = bring(services.store, State.FAULTY)
    accept = Click(
        action="accept",
        by=BOB,
        channel=CHANNEL,
        at=AT,
        refresh=faulty.id,
        revision=faulty.revision - 1,
        wait=faulty.wait,
        digest=faulty.digest,
        payload={"reason": "fine as it is"},
    )
    (told,) = decided(services, accept)
    assert told.startswith(f"{faulty.ref} has moved on and this did nothing")
    assert services.store.in_state(State.FAULTY)
    assert decided(services, replace(accept, revision=faulty.revision)) == []
    assert services.store.in_state(State.DONE)


def test_who_presses_approve_twice_reads_what_became_of_it(services: Services) -> None:
    done = bring(services.store, State.DONE)
    again = Click(action="approve", by=BOB, channel=CHANNEL, at=AT + timedelta(minutes=1), refresh=done.id, payload={})
    (told,) = decided(services, replace(again, digest=done.digest, wait=done.wait, revision=done.revision))
    assert told.startswith(f"{done.ref} has moved on and this did nothing: approved by <@U0BOB> ")
    (told,) = decided(services, replace(again, by=done.asker))
    assert "approved by <@U0BOB>" in told
