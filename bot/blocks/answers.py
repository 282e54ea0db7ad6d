"""Private answers: one text, and where it helps the commands that would work instead as buttons."""

from __future__ import annotations

from collections.abc import Sequence

from bot.blocks.budget import message
from bot.blocks.kit import VALUE, Button, actions, button, section
from bot.messages import Message
from bot.wording.buttons import open_form

MOST = 4
_TOGETHER = 6  # lines in one section


def answer(text: str, offers: Sequence[str] = (), form: str = "") -> Message:
    """`offers` are complete command texts; `form` is one that the form opens with, filled in."""
    items = [Button(action=f"offer:{n}", label=o, value=o) for n, o in enumerate(offers[:MOST]) if len(o) <= VALUE]
    if form and len(form) <= VALUE:
        items.append(Button(action="form", label=open_form(), value=form))
    return message(section(text), actions([button(i) for i in items]) if items else None)


def listing(lines: Sequence[str], *notes: str) -> Message:
    """A title and one line each, in sections of a few, so that no single text grows too long."""
    chunks = ["\n".join(lines[i : i + _TOGETHER]) for i in range(0, len(lines), _TOGETHER)]
    return message(*[section(text) for text in (*chunks, *filter(None, notes))])
