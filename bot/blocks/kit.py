"""Block Kit as plain dicts: the few blocks the bot uses, each within Slack's limits for its own fields.

Text given to `section` and `context` is finished mrkdwn (made in `wording`, escaped there); `pre` takes raw text,
which Slack shows literally.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.messages import Block
from bot.model import Refresh
from bot.wording.text import shorten, visible

SECTION = 3_000
CONTEXT = 2_000  # not documented for context; kept below what every surface takes
PRE = 6_000
LABEL = 75
VALUE = 2_000
OPTION_VALUE = 150
PLACEHOLDER = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirm:
    """The dialog before a click counts. `text` is mrkdwn."""

    title: str
    text: str
    yes: str
    no: str = "Not yet"
    danger: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    action: str
    label: str
    value: str
    spoken: str = ""  # what a screen reader says: "Approve refresh R42 of ez_metrics"
    style: str = ""  # primary or danger
    confirm: Confirm | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    label: str
    value: str
    note: str = ""


def cut(text: str, limit: int) -> str:
    """Plain text for a label: one line of at most `limit` characters, never empty."""
    line = visible(" ".join(text.split())) or "…"
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


def plain(text: str, limit: int = LABEL) -> Block:
    return {"type": "plain_text", "text": cut(text, limit), "emoji": False}


def mrkdwn(text: str, limit: int = SECTION) -> Block:
    """`verbatim`: else Slack makes links and mentions of `@channel`, `#general` and addresses in what others wrote."""
    return {"type": "mrkdwn", "text": shorten(text.strip() or "…", limit), "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, 150)}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def context(*texts: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(t, CONTEXT) for t in texts if t.strip()][:10] or [mrkdwn("…")]}


def pre(text: str) -> Block:
    """A preformatted block; its text needs no escaping."""
    kept = shorten(visible(text.strip("\n")) or "…", PRE).replace("`", "'")
    element = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": kept}]}
    return {"type": "rich_text", "elements": [element]}


def divider() -> Block:
    return {"type": "divider"}


def actions(elements: Sequence[Block], block_id: str = "") -> Block:
    block: Block = {"type": "actions", "elements": list(elements)[:25]}
    return block | ({"block_id": block_id[:255]} if block_id else {})


def button(item: Button) -> Block:
    block: Block = {
        "type": "button",
        "action_id": item.action[:255],
        "text": plain(item.label),
        "value": item.value[:VALUE],
        "accessibility_label": cut(item.spoken or item.label, LABEL),
    }
    if item.style:
        block["style"] = item.style
    if item.confirm:
        block["confirm"] = confirm(item.confirm)
    return block


def confirm(dialog: Confirm) -> Block:
    block: Block = {
        "title": plain(dialog.title, 100),
        "text": mrkdwn(dialog.text, 300),
        "confirm": plain(dialog.yes, 30),
        "deny": plain(dialog.no, 30),
    }
    return block | ({"style": "danger"} if dialog.danger else {})


def option(item: Option) -> Block:
    block: Block = {"text": plain(item.label), "value": item.value[:OPTION_VALUE]}
    return block | ({"description": plain(item.note)} if item.note else {})


def select(action: str, placeholder: str, items: Iterable[Option]) -> Block:
    """A menu; options whose value would have to be cut are left out, since a cut value is a wrong one."""
    fitting = [option(i) for i in items if len(i.value) <= OPTION_VALUE][:100]
    return {
        "type": "static_select",
        "action_id": action,
        "placeholder": plain(placeholder, PLACEHOLDER),
        "options": fitting,
    }


def carried(refresh: Refresh) -> dict[str, object]:
    """What a button or a form carries: which refresh, and what the person saw when it was shown, all of it."""
    return {"r": refresh.id, "v": refresh.revision, "w": refresh.wait, "d": refresh.digest}


def value(refresh: Refresh) -> str:
    return json.dumps(carried(refresh), separators=(",", ":"))
