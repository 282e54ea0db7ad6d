"""What is sent to Slack, as values: rendered messages, files, posts for the outbox, and clicks that came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.model import Actor

Block = dict[str, Any]

# Known only after a message is written, filled in as plain text when it is stored or sent.
AUDIT_HEAD = "{audit_head}"  # the hash of the audit row that is committed with the message
THREAD_LINK = "{thread_link}"  # permalink of the refresh's card, for messages outside its thread


class Live(StrEnum):
    """Messages that are updated in place, rendered from the current row each time they are sent."""

    CARD = "card"
    PLAN = "plan"
    APPROVAL = "approval"
    PROMOTED = "promoted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Block Kit as plain dicts, and the text that notifications, screen readers and a refused message fall back on."""

    text: str
    blocks: tuple[Block, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    name: str
    content: bytes
    title: str
    alt_text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One ordered outbox row. `key` makes it unique for ever: a repeated insert is ignored, a repeated send recognised.

    With `files` the text becomes the comment of one upload. With `private_to` it is an ephemeral. With `live`
    the message stays updatable under that name; the card is the thread's root. `thread=False` posts to the channel.
    """

    key: str
    channel: str
    message: Message
    thread: bool = True
    files: tuple[Attachment, ...] = ()
    private_to: str = ""
    live: Live | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Click:
    """A button, a submitted form or a command that acts on a refresh: stored by the listener, decided by the worker."""

    action: str
    by: Actor
    channel: str
    at: datetime
    refresh: int | None = None
    revision: int = -1  # of the refresh when the button was shown
    digest: str = ""
    wait: int = -1  # of the refresh when the button was shown
    payload: dict[str, Any]
    thread_ts: str = ""
    press: str = ""  # Slack's identifiers of it, hashed; a press that is delivered again has the same
    id: int = 0  # given by the store
    attempt: int = 0  # given by the store: 1 when it is decided for the first time
