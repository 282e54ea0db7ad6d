"""A small real Bolt app on the local Slack, for the contract tests of `sandbox/slack`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from sandbox.slack import SlackSandbox

Json = dict[str, Any]
CHANNEL = "C0INCIDENTS"


def client(slack: SlackSandbox, token: str | None = None) -> WebClient:
    """A client without retries: a test sees the first answer."""
    return WebClient(slack.bot_token if token is None else token, base_url=slack.api_url, timeout=5, retry_handlers=[])


def app_on(slack: SlackSandbox) -> App:
    return App(client=client(slack), signing_secret=slack.signing_secret)


@contextmanager
def connected(slack: SlackSandbox, app: App) -> Iterator[SocketModeHandler]:
    """The app on one Socket Mode connection."""
    already = slack.control.connections()
    handler = SocketModeHandler(
        app, slack.app_token, web_client=client(slack, slack.app_token), ping_interval=1, concurrency=4
    )
    handler.connect()
    slack.control.wait_connected(already + 1)
    try:
        yield handler
    finally:
        handler.client.closed = True
        handler.client.enqueue_message("{}")  # wakes slack-sdk's reader, which else looks up once a second
        handler.close()


def plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def section(text: str, **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(action_id: str, **more: Any) -> Json:
    return {"type": "button", "action_id": action_id, "text": plain(action_id.title()), "value": "R42", **more}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def option(value: str, label: str = "") -> Json:
    return {"text": plain(label or value), "value": value}


def field(block_id: str, element: Json, **more: Any) -> Json:
    """An input block whose element has the same action_id."""
    return {
        "type": "input",
        "block_id": block_id,
        "label": plain(block_id),
        "element": {"action_id": block_id, **element},
        **more,
    }


def modal(*blocks: Json, **more: Any) -> Json:
    return {
        "type": "modal",
        "callback_id": "form",
        "title": plain("Form"),
        "submit": plain("Send"),
        "blocks": list(blocks),
        **more,
    }
