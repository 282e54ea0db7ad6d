"""The typeahead of the model field."""

from __future__ import annotations

import re
from typing import Any

from slack_bolt import Ack, App

from bot.desk import Desk


def register(app: App, desk: Desk) -> None:
    @app.options("model")
    def models(ack: Ack, body: dict[str, Any]) -> None:
        ack(options=desk.options(body.get("value") or ""))

    @app.options(re.compile(".*"))
    def unknown(ack: Ack) -> None:
        ack(options=[])
