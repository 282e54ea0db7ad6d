"""What people do in the local Slack, through a real Bolt app on Socket Mode."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from sandbox.slack import Impossible, SlackSandbox
from tests.contract.bolt_bot import (
    CHANNEL,
    actions,
    app_on,
    button,
    client,
    connected,
    field,
    modal,
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


# --- modals -------------------------------------------------------------------------------------------------------------


def opens(app: App, *views: dict[str, Any]) -> list[str]:
    """The command opens these views with one trigger; returns the errors of the calls."""
    errors: list[str] = []

    @app.command("/dbt-refresh")
    def command(ack: Any, body: dict[str, Any], client: Any) -> None:
        for view in views:
            try:
                client.views_open(trigger_id=body["trigger_id"], view=view)
            except SlackApiError as e:
                errors.append(e.response["error"])
        ack()

    return errors


def test_a_trigger_is_for_one_use_and_three_seconds(slack: SlackSandbox, app: App, bot: None) -> None:
    view = modal(section("hello"))
    errors = opens(app, view, view)
    slack.control.command("alice", "")
    assert errors == ["exchanged_trigger_id"]
    old: list[str] = []
    app.action("open")(lambda ack, body: (old.append(body["trigger_id"]), ack()))
    slack.control.click("alice", CHANNEL, posted(slack, actions(button("open"))), "open")
    slack.control.advance(3.1)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        app.client.views_open(trigger_id=old[0], view=view)
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        app.client.views_open(trigger_id="made.up", view=view)


OPTIONS = [option("full", "Full refresh"), option("backfill", "Backfill")]
EVERY_INPUT = modal(
    field("why", {"type": "plain_text_input", "initial_value": "frozen batch", "multiline": True}),
    field("mode", {"type": "radio_buttons", "options": OPTIONS, "initial_option": OPTIONS[0]}),
    field("wh", {"type": "static_select", "options": [option("XS"), option("XL")]}, optional=True),
    field("columns", {"type": "multi_static_select", "options": [option("a"), option("b")]}, optional=True),
    field(
        "flags",
        {"type": "checkboxes", "options": [option("audit")], "initial_options": [option("audit")]},
        optional=True,
    ),
    field("since", {"type": "datepicker", "initial_date": "2026-04-08"}),
    field("who", {"type": "users_select", "initial_user": "U0BOB"}, optional=True),
    field("model", {"type": "external_select", "min_query_length": 3}),
    private_metadata="R42",
)


def test_initial_values_are_submitted_as_shown(slack: SlackSandbox, app: App, bot: None) -> None:
    states: list[dict[str, Any]] = []
    opens(app, EVERY_INPUT)
    app.options("model")(lambda ack: ack(options=[option("ez_ethereum_metrics"), option("ez_solana_metrics")]))
    app.view("form")(lambda ack, view: (states.append(view), ack()))
    slack.control.command("alice", "")
    receipt = slack.control.submit(
        "alice", "form", {"model": "ez_ethereum_metrics", "columns": ["b"], "mode": "Backfill"}
    )
    assert receipt.ok
    values = {block: next(iter(found.values())) for block, found in states[0]["state"]["values"].items()}
    assert values["why"]["value"] == "frozen batch"
    assert values["mode"]["selected_option"]["value"] == "backfill"
    assert values["wh"]["selected_option"] is None
    assert [o["value"] for o in values["columns"]["selected_options"]] == ["b"]
    assert [o["value"] for o in values["flags"]["selected_options"]] == ["audit"]
    assert values["since"]["selected_date"] == "2026-04-08"
    assert values["who"]["selected_user"] == "U0BOB"
    assert values["model"]["selected_option"]["value"] == "ez_ethereum_metrics"
    assert states[0]["private_metadata"] == "R42"
    assert slack.control.modal("alice") is None


def test_required_fields_are_enforced_before_the_app_is_asked(slack: SlackSandbox, app: App, bot: None) -> None:
    opens(app, EVERY_INPUT)
    slack.control.command("alice", "")
    before = len(slack.control.traffic("delivery"))
    assert slack.control.submit("alice", "form", {"why": "", "since": "soon"}).error == "incomplete"
    shown = slack.control.modal("alice")
    assert shown
    assert set(shown["errors"]) == {"why", "since", "model"}
    assert len(slack.control.traffic("delivery")) == before
    with pytest.raises(Impossible, match="not offered"):
        slack.control.submit("alice", "form", {"wh": "XXL"})
    with pytest.raises(Impossible, match="no form"):
        slack.control.submit("bob", "form", {})


def test_errors_stand_next_to_their_field_and_the_entries_stay(slack: SlackSandbox, app: App, bot: None) -> None:
    opens(
        app,
        modal(field("why", {"type": "plain_text_input"}), field("more", {"type": "plain_text_input"}, optional=True)),
    )
    app.view("form")(lambda ack: ack(response_action="errors", errors={"why": "Say more, please."}))
    slack.control.command("alice", "")
    assert slack.control.submit("alice", "form", {"why": "x", "more": "kept"}).error == "errors"
    shown = slack.control.modal("alice")
    assert shown
    assert shown["errors"] == {"why": "Say more, please."}
    assert shown["state"]["values"]["more"]["more"]["value"] == "kept"


def test_errors_for_a_field_that_does_not_exist_are_trouble(slack: SlackSandbox, app: App, bot: None) -> None:
    opens(app, modal(field("why", {"type": "plain_text_input"})))
    app.view("form")(lambda ack: ack(response_action="errors", errors={"elsewhere": "?"}))
    slack.control.command("alice", "")
    assert slack.control.submit("alice", "form", {"why": "x"}).error == "invalid_errors"
    shown = slack.control.modal("alice")
    assert shown
    assert "trouble connecting" in shown["notice"]


def test_views_stack_update_and_clear(slack: SlackSandbox, app: App, bot: None) -> None:
    second = modal(
        section("second"), field("sure", {"type": "plain_text_input"}), callback_id="second", notify_on_close=True
    )
    closed: list[bool] = []
    opens(app, modal(section("first"), actions(button("deeper"))))
    app.action("deeper")(
        lambda ack, body, client: (ack(), client.views_push(trigger_id=body["trigger_id"], view=second))
    )
    app.view_closed("second")(lambda ack, body: (closed.append(body["is_cleared"]), ack()))
    app.view("second")(lambda ack: ack(response_action="update", view=modal(section("third"), callback_id="third")))
    app.view("third")(lambda ack: ack(response_action="clear"))
    slack.control.command("alice", "")
    slack.control.press("alice", "deeper")
    slack.control.wait(lambda: (slack.control.modal("alice") or {}).get("callback_id") == "second")
    slack.control.close("alice")
    assert closed == [False]
    assert (slack.control.modal("alice") or {})["callback_id"] == "form"
    slack.control.press("alice", "deeper")
    slack.control.wait(lambda: (slack.control.modal("alice") or {}).get("callback_id") == "second")
    slack.control.submit("alice", "second", {"sure": "yes"})
    assert (slack.control.modal("alice") or {})["callback_id"] == "third"
    slack.control.submit("alice", "third", {})
    assert slack.control.modal("alice") is None


def test_a_view_update_keeps_what_was_entered_and_respects_the_hash(slack: SlackSandbox, app: App, bot: None) -> None:
    mode = field(
        "mode", {"type": "radio_buttons", "options": OPTIONS, "initial_option": OPTIONS[0]}, dispatch_action=True
    )
    why = field("why", {"type": "plain_text_input"})
    since = field("since", {"type": "datepicker"})
    opens(app, modal(mode, why))

    @app.action("mode")
    def choose(ack: Any, body: dict[str, Any], client: Any) -> None:
        ack()
        client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=modal(mode, why, since))

    slack.control.command("alice", "")
    first = slack.control.modal("alice")
    assert first
    slack.control.press("alice", "why", "typed")
    slack.control.press("alice", "mode", "backfill")
    slack.control.wait(lambda: len((slack.control.modal("alice") or first)["blocks"]) == 3)
    shown = slack.control.modal("alice") or {}
    assert shown["state"]["values"]["why"]["why"]["value"] == "typed"
    assert shown["state"]["values"]["mode"]["mode"]["selected_option"]["value"] == "backfill"
    with pytest.raises(SlackApiError, match="hash_conflict"):
        app.client.views_update(view_id=first["id"], hash=first["hash"], view=modal(why))


def test_app_home_and_the_global_shortcut(slack: SlackSandbox, app: App, bot: None) -> None:
    @app.event("app_home_opened")
    def opened(event: dict[str, Any], client: Any) -> None:
        home = {"type": "home", "blocks": [section(f"Hello <@{event['user']}>"), actions(button("start"))]}
        client.views_publish(user_id=event["user"], view=home)

    pressed: list[str] = []
    app.action("start")(lambda ack, body: (pressed.append(body["view"]["type"]), ack()))
    app.shortcut("refresh_open")(
        lambda ack, body, client: (ack(), client.views_open(trigger_id=body["trigger_id"], view=modal(section("x"))))
    )
    slack.control.open_home("carol")
    home = slack.control.wait(lambda: slack.control.home("carol"))
    assert home
    assert home["blocks"][0]["text"]["text"] == "Hello <@U0CAROL>"
    assert slack.control.home("bob") is None
    slack.control.press("carol", "start", view="home")
    assert pressed == ["home"]
    slack.control.shortcut("carol", "refresh_open")
    slack.control.wait(lambda: slack.control.modal("carol"))


def test_options_that_slack_would_refuse_are_not_offered(slack: SlackSandbox, app: App, bot: None) -> None:
    opens(app, modal(field("model", {"type": "external_select", "min_query_length": 0})))
    app.options("model")(lambda ack: ack(options=[option(str(n)) for n in range(101)]))
    slack.control.command("alice", "")
    assert slack.control.options("alice", "model", "") == []
    assert slack.control.traffic("refused")[0]["error"] == "invalid_options"


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
