"""Playing a person in the sandbox Slack by what they read and press; for the rehearsal, the stories and nothing else."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

from sandbox.slack import Receipt, SlackControl

Json = dict[str, Any]


class Incident:
    """The conversation about one refresh: its card in the channel and the thread under it."""

    def __init__(self, control: SlackControl, ref: str, channel: str = "C0INCIDENTS") -> None:
        self.control = control
        self.ref = ref
        self.channel = channel

    @property
    def card(self) -> Json | None:
        return next((m for m in self.control.channel(self.channel) if re.match(rf"\W*{self.ref} ", text_of(m))), None)

    @property
    def thread(self) -> list[Json]:
        card = self.card
        return self.control.thread(self.channel, card["ts"]) if card else []

    @property
    def replies(self) -> list[str]:
        return [text_of(m) for m in self.thread[1:]]

    def wait_card(self, words: str, timeout: float = 120.0) -> str:
        """Wait until the card says `words`; returns its text."""

        def says() -> str:
            card = self.card
            return text_of(card) if card and words in text_of(card) else ""

        try:
            return self.control.wait(says, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"the card of {self.ref} never said {words!r} but {self._seen()!r}") from error

    def wait_reply(self, words: str, timeout: float = 60.0) -> Json:
        """Wait for a reply that says `words`."""

        def found() -> Json | None:
            return next((m for m in self.thread[1:] if words in text_of(m)), None)

        return self.control.wait(found, timeout, f"a reply of {self.ref} that says {words!r}")  # type: ignore[return-value]

    def wait_button(self, action: str, timeout: float = 60.0) -> Json:
        """Wait for a message of this conversation that offers the button."""
        return self.control.wait(lambda: self.with_button(action), timeout, f"[{action}] on {self.ref}")  # type: ignore[return-value]

    def with_button(self, action: str) -> Json | None:
        return next((m for m in self.thread if action in actions_of(m)), None)

    def buttons(self) -> set[str]:
        return {a for m in self.thread for a in actions_of(m)}

    def click(self, person: str, action: str, *, confirm: bool = True) -> Receipt:
        message = self.wait_button(action)
        return self.control.click(person, self.channel, message["ts"], action, confirm=confirm)

    def answered(self, person: str, act: Callable[[], object], timeout: float = 30.0) -> str:
        """Do something and return the private answer that it gets."""
        known = len(self.control.private(person))
        act()
        self.control.wait(lambda: len(self.control.private(person)) > known, timeout, f"an answer to {person}")
        return text_of(self.control.private(person)[-1])

    def _seen(self) -> str:
        card = self.card
        return text_of(card) if card else "nothing"


def text_of(message: Json | None) -> str:
    """As it is read: Slack's three entities undone."""
    return html.unescape(str((message or {}).get("text", "")))


def actions_of(message: Json) -> set[str]:
    """The action ids of every button and menu of a message."""
    found = set()
    for block in message.get("blocks", []):
        elements = [*block.get("elements", []), *([block["accessory"]] if "accessory" in block else [])]
        found |= {e["action_id"] for e in elements if "action_id" in e}
    return found
