"""What people do in the local Slack, through a real Bolt app on Socket Mode."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk.webhook import WebhookClient

from sandbox.slack import Impossible, SlackSandbox
from tests.contract.bolt_bot import (
    CHANNEL,
    actions,
    app_on,
    button,
    client,
    connected,
    option,
    plain,
    section,
)

IMPATIENT = 0.4


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def app(slack: SlackSandbox) -> App:
    return app_on(slack)


@pytest.fixture
def bot(slack: SlackSandbox, app: App) -> Iterator[None]:
    """The app, connected; listeners may still be added."""
    with connected(slack, app):
        yield


def posted(slack: SlackSandbox, *blocks: dict[str, Any], thread_ts: str | None = None) -> str:
    answer = client(slack).chat_postMessage(channel=CHANNEL, text="card", blocks=blocks, thread_ts=thread_ts)
    return answer["ts"]


# --- slash commands -----------------------------------------------------------------------------------------------------


def test_a_command_arrives_escaped_and_its_answer_is_private(slack: SlackSandbox, app: App, bot: None) -> None:
    seen: list[dict[str, Any]] = []

    @app.command("/dbt-refresh")
    def command(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body)
        ack("not a model")

    receipt = slack.control.command(
        "alice", "ez <x> @bob #general @data-approvers foo.com ethereum.ez_metrics at=2026-04-08"
    )
    assert receipt.ok
    assert seen[0]["text"] == (
        "ez &lt;x&gt; <@U0BOB|bob> <#C0GENERAL|general> <!subteam^S0DATA|@data-approvers> "
        "<http://foo.com|foo.com> ethereum.ez_metrics at=2026-04-08"
    )
    assert (seen[0]["user_id"], seen[0]["team_id"], seen[0]["channel_id"]) == ("U0ALICE", "T0DEMO", CHANNEL)
    assert [m["text"] for m in slack.control.private("alice")] == ["not a model"]
    assert slack.control.private("bob") == []
    assert slack.control.channel() == []


def test_an_answer_may_be_for_the_channel(slack: SlackSandbox, app: App, bot: None) -> None:
    app.command("/dbt-refresh")(lambda ack: ack(text="for all", response_type="in_channel"))
    slack.control.command("alice", "help")
    assert [m["text"] for m in slack.control.channel()] == ["for all"]


def test_a_command_without_the_app_fails_visibly(slack: SlackSandbox) -> None:
    receipt = slack.control.command("alice", "help")
    assert (receipt.ok, receipt.error) == (False, "dispatch_failed")
    told = slack.control.private("alice")[0]
    assert (told["user"], told["error"]) == ("USLACKBOT", "dispatch_failed")
    assert "is not connected" in told["text"]
    assert slack.control.command("alice", "/nothing here").error == "invalid_command"


def test_no_acknowledgement_in_time_is_told_to_the_person(slack: SlackSandbox, app: App, bot: None) -> None:
    slack.delivery.ack_seconds = IMPATIENT
    release = threading.Event()

    @app.command("/dbt-refresh")
    def command(ack: Any) -> None:
        release.wait(5)
        ack()

    receipt = slack.control.command("alice", "help")
    release.set()
    assert receipt.error == "operation_timed_out"
    assert "operation_timed_out" in slack.control.private("alice")[0]["text"]
    slack.control.wait(lambda: slack.control.traffic("ack"), what="the late acknowledgement, which counts for nothing")


def test_a_person_of_another_workspace_reaches_the_app(slack: SlackSandbox, app: App, bot: None) -> None:
    teams: list[str] = []

    @app.action("approve")
    def approve(ack: Any, body: dict[str, Any]) -> None:
        teams.append(body["user"]["team_id"])
        ack()

    ts = posted(slack, actions(button("approve")))
    slack.control.click("eve", CHANNEL, ts, "approve")
    assert teams == ["T0OTHER"]


# --- buttons ------------------------------------------------------------------------------------------------------------


def test_a_click_carries_message_value_and_thread(slack: SlackSandbox, app: App, bot: None) -> None:
    seen: list[dict[str, Any]] = []

    @app.action("approve")
    def approve(ack: Any, body: dict[str, Any]) -> None:
        seen.append(body)
        ack()

    root = posted(slack, section("root"))
    ts = posted(slack, actions(button("approve")), thread_ts=root)
    assert slack.control.click("bob", "#data-incidents", ts, "approve").ok
    body = seen[0]
    assert body["actions"][0]["value"] == "R42"
    assert (body["message"]["ts"], body["message"]["thread_ts"], body["container"]["thread_ts"]) == (ts, root, root)
    assert (body["channel"]["id"], body["user"]["id"]) == (CHANNEL, "U0BOB")


def test_a_confirm_dialog_stops_the_click_until_confirmed(slack: SlackSandbox, app: App, bot: None) -> None:
    app.action("approve")(lambda ack: ack())
    sure = {
        "title": plain("Sure?"),
        "text": plain("It replaces production."),
        "confirm": plain("Yes"),
        "deny": plain("No"),
    }
    ts = posted(slack, actions(button("approve", confirm=sure)))
    slack.control.click("bob", CHANNEL, ts, "approve", confirm=False)
    assert slack.control.traffic("delivery") == []
    slack.control.click("bob", CHANNEL, ts, "approve")
    assert [e["type"] for e in slack.control.traffic("delivery")] == ["block_actions"]


def test_only_what_is_there_can_be_clicked(slack: SlackSandbox, app: App, bot: None) -> None:
    ts = posted(slack, actions(button("approve")))
    client(slack).chat_update(channel=CHANNEL, ts=ts, text="done")
    with pytest.raises(Impossible, match="no element 'approve'"):
        slack.control.click("bob", CHANNEL, ts, "approve")
    with pytest.raises(Impossible, match="sees no message"):
        slack.control.click("bob", CHANNEL, "1.0", "approve")
    twice = posted(slack, {**actions(button("next")), "block_id": "a"}, {**actions(button("next")), "block_id": "b"})
    with pytest.raises(Impossible, match="say which"):
        slack.control.click("bob", CHANNEL, twice, "next")


def test_an_unanswered_button_says_so_to_its_person(slack: SlackSandbox, app: App, bot: None) -> None:
    slack.delivery.ack_seconds = IMPATIENT
    ts = posted(slack, actions(button("nobody_listens")))
    assert slack.control.click("bob", CHANNEL, ts, "nobody_listens").error == "operation_timed_out"
    assert "*Nobody_Listens*" in slack.control.private("bob")[0]["text"]
    assert slack.control.private("alice") == []


def test_buttons_and_menus_of_ephemerals_work_for_their_person_only(slack: SlackSandbox, app: App, bot: None) -> None:
    seen: list[dict[str, Any]] = []

    @app.action("model")
    def model(ack: Any, body: dict[str, Any], respond: Any) -> None:
        seen.append(body)
        ack()
        respond(text="taken", replace_original=True)

    app.options("model")(lambda ack, payload: ack(options=[option(f"ez_{payload['value']}")]))
    select = {"type": "external_select", "action_id": "model", "min_query_length": 2}
    app.client.chat_postEphemeral(channel=CHANNEL, user="U0ALICE", text="which?", blocks=[actions(select)])
    ts = slack.control.private("alice")[0]["ts"]
    with pytest.raises(Impossible):
        slack.control.options("bob", "model", "eth", channel=CHANNEL, ts=ts)
    assert slack.control.options("alice", "model", "e", channel=CHANNEL, ts=ts) == []
    assert slack.control.options("alice", "model", "eth", channel=CHANNEL, ts=ts)[0]["value"] == "ez_eth"
    with pytest.raises(Impossible, match="not offered"):
        slack.control.choose("alice", CHANNEL, ts, "model", "something else")
    slack.control.choose("alice", CHANNEL, ts, "model", "ez_eth")
    slack.control.wait(lambda: slack.control.private("alice")[0]["text"] == "taken")
    assert len(slack.control.private("alice")) == 1
    assert seen[0]["actions"][0]["selected_option"]["value"] == "ez_eth"
    assert "message" not in seen[0]
    assert seen[0]["container"]["is_ephemeral"] is True


def test_a_response_url_works_five_times_within_half_an_hour(slack: SlackSandbox, app: App, bot: None) -> None:
    urls: list[str] = []

    @app.command("/dbt-refresh")
    def command(ack: Any, body: dict[str, Any]) -> None:
        urls.append(body["response_url"])
        ack()

    slack.control.command("alice", "a")
    hook = WebhookClient(urls[0])
    assert [hook.send(text=str(n)).status_code for n in range(6)] == [200] * 5 + [404]
    assert [m["text"] for m in slack.control.private("alice")] == ["0", "1", "2", "3", "4"]
    slack.control.command("alice", "b")
    slack.control.advance(30 * 60 + 1)
    answer = WebhookClient(urls[1]).send(text="too late")
    assert (answer.status_code, "expired_url" in answer.body) == (404, True)


# --- connections --------------------------------------------------------------------------------------------------------


def test_each_envelope_goes_to_exactly_one_connection(slack: SlackSandbox) -> None:
    counts: list[list[str]] = [[], []]

    def listener(count: list[str]) -> Any:
        return lambda ack, body: (count.append(body["text"]), ack())

    first, second = app_on(slack), app_on(slack)
    first.command("/dbt-refresh")(listener(counts[0]))
    second.command("/dbt-refresh")(listener(counts[1]))
    with connected(slack, first), connected(slack, second):
        for n in range(6):
            assert slack.control.command("alice", str(n)).ok
    assert sorted(counts[0] + counts[1]) == [str(n) for n in range(6)]
    assert counts[0]
    assert counts[1]


def test_the_app_comes_back_after_recycling_and_restart(slack: SlackSandbox, app: App, bot: None) -> None:
    app.command("/dbt-refresh")(lambda ack: ack())

    def opened() -> int:
        return sum(e["method"] == "apps.connections.open" for e in slack.control.traffic("api"))

    for n, trouble in enumerate((slack.control.ask_to_reconnect, slack.control.restart), start=2):
        trouble()
        slack.control.wait(lambda n=n: opened() >= n and slack.control.connections() == 1, what="one new connection")
        assert slack.control.command("alice", "help").ok


def test_a_late_delivery_arrives_late(slack: SlackSandbox, app: App, bot: None) -> None:
    app.action("approve")(lambda ack: ack())
    ts = posted(slack, actions(button("approve")))
    slack.control.fault("late", "block_actions", seconds=0.3)
    late = threading.Thread(target=slack.control.click, args=("bob", CHANNEL, ts, "approve"))
    late.start()
    slack.control.click("carol", CHANNEL, ts, "approve")
    late.join(5)
    users = [e["payload"]["user"]["id"] for e in slack.control.traffic("delivery")]
    assert sorted(users) == ["U0BOB", "U0CAROL"]
    assert slack.state.faults.active == []
