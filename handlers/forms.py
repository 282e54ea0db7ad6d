"""Submitted forms: checked, stored as a click or a request, closed; what is wrong is said next to its field."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from slack_bolt import Ack, App

from bot.blocks.answers import answer
from bot.desk import FORM_STATES, Desk, Where
from bot.wording import answers as say
from handlers import payload

Body = dict[str, Any]

FORMS = re.compile(f"({'|'.join(FORM_STATES)})$")
ANYTHING = re.compile(".*")


def register(app: App, desk: Desk) -> None:
    forms = Forms(desk)
    app.view("ask")(forms.ask)
    app.view(FORMS)(forms.decided)
    app.view(ANYTHING)(forms.unknown)


class Forms:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(self, ack: Ack, view: Body, context: Body) -> None:
        meta, answers = payload.carried(view["private_metadata"]), payload.submitted(view)
        where = replace(context["where"], channel=meta.get("c") or answers.get("channel") or "")
        said = self._desk.ask_with_form(answers, meta.get("f"), where)
        if isinstance(said, dict):
            ack(response_action="errors", errors=said)
        else:
            ack()
            self._desk.tell(said, where)

    def decided(self, ack: Ack, view: Body, context: Body) -> None:
        """Explain, waive, reject and the others that act on a refresh."""
        pressed = payload.pressed(view["private_metadata"])
        if pressed is None:
            self.unknown(ack, view, context)
        elif wrong := self._desk.submitted(
            view["callback_id"], pressed, payload.submitted(view), _place(view, context)
        ):
            ack(response_action="errors", errors=wrong)
        else:
            ack()

    def unknown(self, ack: Ack, view: Body, context: Body) -> None:
        """A form of an older version."""
        ack()
        self._desk.tell(answer(say.old_button()), _place(view, context))


def _place(view: Body, context: Body) -> Where:
    """A form has no channel of its own: it is that of the message whose button opened it."""
    return replace(context["where"], channel=payload.carried(view.get("private_metadata") or "").get("c") or "")
