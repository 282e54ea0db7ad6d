"""App Home: what waits for me, what is mine, what happened lately."""

from __future__ import annotations

from bot.wording.requests import command

WAITING = "Waiting for a decision"
MINE = "Asked for by you"
RECENT = "Lately"
FROZEN = "On hold"


def start() -> str:
    return f"Refresh a model: {command('<model>')} in a channel, or the button."


def none(section: str) -> str:
    return {WAITING: "Nothing waits.", MINE: "Nothing of yours is going on.", RECENT: "Nothing yet."}.get(
        section, "Nothing."
    )
