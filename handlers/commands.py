"""`/dbt-refresh` and the global shortcut."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.desk import Desk
from bot.messages import Message
from bot.wording.requests import COMMAND
from handlers.private import arguments

SHORTCUT = "refresh_open"


def register(app: App, desk: Desk) -> None:
    @app.command(COMMAND)
    def command(ack: Ack, body: dict[str, Any], context: dict[str, Any], client: WebClient) -> None:
        said = desk.command(body.get("text") or "", context["where"])
        if isinstance(said, Message):
            ack(**arguments(said))
        else:
            ack()
            client.views_open(trigger_id=body["trigger_id"], view=said)

    @app.shortcut(SHORTCUT)
    def shortcut(ack: Ack, body: dict[str, Any], client: WebClient) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=desk.ask_form(""))
