"""Buttons and menus: those that act are stored for the worker, those that ask open a form, the rest is from the past."""

from __future__ import annotations

import re
from typing import Any

from slack_bolt import Ack, App, Respond
from slack_sdk import WebClient

from bot.blocks.answers import answer
from bot.desk import FORM_STATES, Desk
from bot.errors import Refusal
from bot.messages import Message
from bot.wording import answers as say
from handlers import payload
from handlers.private import whisper

Body = dict[str, Any]

# Stored as they are and decided by the worker, which answers where there is something to say.
CLICKS = re.compile("(approve|cancel|close|recheck|rebuild|add_columns|add_clocks|look|keep_dev|drop_dev)$")
FORMS = re.compile(f"({'|'.join(FORM_STATES)})$")
OFFERS = re.compile(r"(again|offer:\d+)$")
ANYTHING = re.compile(".*")


def register(app: App, desk: Desk) -> None:
    buttons = Buttons(desk)
    app.action(CLICKS)(buttons.click)
    app.action(FORMS)(buttons.open_form)
    app.action("form")(buttons.ask_form)
    app.action(OFFERS)(buttons.offer)
    app.action("downstream")(buttons.downstream)
    app.action(ANYTHING)(buttons.unknown)


class Buttons:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def click(self, ack: Ack, action: Body, context: Body, respond: Respond) -> None:
        """Stored before it is acknowledged: what was acknowledged is never lost."""
        pressed = payload.pressed(payload.element_value(action))
        try:
            if pressed is None:
                raise self._older(action)
            self._desk.click(action["action_id"], pressed, context["where"])
        except Refusal as refusal:
            ack()
            whisper(respond, answer(refusal.user_text))
        else:
            ack()

    def open_form(self, ack: Ack, action: Body, body: Body, context: Body, client: WebClient, respond: Respond) -> None:
        ack()
        pressed = payload.pressed(payload.element_value(action))
        try:
            if pressed is None:
                raise self._older(action)
            form = self._desk.open(action["action_id"], pressed, context["where"])
        except Refusal as refusal:
            whisper(respond, answer(refusal.user_text))
        else:
            client.views_open(trigger_id=body["trigger_id"], view=form)

    def _older(self, action: Body) -> Refusal:
        """Of a value that this version does not write: its message is drawn anew where the refresh is known."""
        return Refusal(self._desk.older_button(payload.number(payload.carried(payload.element_value(action)), "r")))

    def ask_form(self, ack: Ack, action: Body, body: Body, context: Body, client: WebClient) -> None:
        ack()
        form = self._desk.ask_form(context["where"].channel, action.get("value") or "")
        client.views_open(trigger_id=body["trigger_id"], view=form)

    def offer(self, ack: Ack, action: Body, body: Body, context: Body, client: WebClient, respond: Respond) -> None:
        """A command that the bot itself wrote on a button."""
        said = self._desk.command(action.get("value") or "", context["where"])
        ack()
        if isinstance(said, Message):
            whisper(respond, said)
        else:
            client.views_open(trigger_id=body["trigger_id"], view=said)

    def downstream(self, ack: Ack, action: Body, context: Body, respond: Respond) -> None:
        chosen = payload.chosen(payload.element_value(action))
        said = self._desk.downstream(*chosen, context["where"]) if chosen else answer(say.old_button())
        ack()
        whisper(respond, said)

    def unknown(self, ack: Ack, respond: Respond, body: Body) -> None:
        """A button of an older version. Menus inside forms end here too, and have nobody to answer."""
        ack()
        if body.get("response_url"):
            whisper(respond, answer(say.old_button()))
