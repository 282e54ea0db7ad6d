"""Forms and App Home in the local Slack: every input, errors, the stack, triggers; through a real Bolt app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from slack_bolt import App
from slack_sdk.errors import SlackApiError

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
    section,
)


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
