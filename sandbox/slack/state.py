"""Everything that changes in the stand-in, behind one lock and one condition variable.

Whoever changes something does so inside `with state.changing():`, which wakes the waiters and the page.
"""

from __future__ import annotations

import copy
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Faults
from sandbox.slack.workspace import Workspace

Json = dict[str, Any]
T = TypeVar("T")

TRIGGER_SECONDS = 3.0
RESPONSE_URL_USES = 5


@dataclass(kw_only=True)
class StoredFile:
    """A file between its upload URL and its messages; `info` is Slack's file object."""

    info: Json
    length: int
    content: bytes | None = None
    completed: bool = False


@dataclass(kw_only=True)
class OpenView:
    """A modal on somebody's screen: the view, what was entered so far, and the errors shown next to the fields."""

    view: Json
    draft: dict[str, dict[str, Json]] = field(default_factory=dict)  # block_id -> action_id -> state value
    errors: dict[str, str] = field(default_factory=dict)
    notice: str = ""  # an error of the whole form: the app did not answer


@dataclass(kw_only=True)
class Trigger:
    user: str
    expires: float
    view_id: str = ""  # the modal it came from: needed for views.push
    used: bool = False


@dataclass(kw_only=True)
class ResponseUrl:
    """Where an answer to a command or click may be posted: five times within half an hour."""

    user: str
    channel: str
    expires: float
    message_ts: str = ""
    thread_ts: str = ""
    ephemeral: bool = False  # the clicked message is one
    uses: int = 0


@dataclass(kw_only=True)
class State:
    workspace: Workspace
    url: str = ""
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))
    revision: int = 0
    listeners: set[Callable[[], object]] = field(default_factory=set)  # called after each change, for the page
    stopping: threading.Event = field(default_factory=threading.Event)
    clock_offset: float = 0.0
    faults: Faults = field(default_factory=Faults)
    messages: dict[str, list[Json]] = field(default_factory=dict)  # by channel, replies included, in ts order
    ephemerals: list[Json] = field(default_factory=list)
    files: dict[str, StoredFile] = field(default_factory=dict)
    modals: dict[str, list[OpenView]] = field(default_factory=dict)  # by user, the stack
    homes: dict[str, OpenView] = field(default_factory=dict)
    choices: dict[tuple[str, str], dict[str, dict[str, Json]]] = field(default_factory=dict)  # (user, ts) -> state
    offered: dict[tuple[str, str], list[Json]] = field(default_factory=dict)  # (user, action_id) -> options shown
    triggers: dict[str, Trigger] = field(default_factory=dict)
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    traffic: list[Json] = field(default_factory=list)
    _last_ts: float = 0.0

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the lock, then wake everybody who waits for a change."""
        with self.changed:
            yield
            self.revision += 1
            self.changed.notify_all()
            for listener in tuple(self.listeners):
                listener()

    def now(self) -> float:
        """Slack's clock in epoch seconds; `SlackControl.advance` moves it."""
        return time.time() + self.clock_offset

    def next_ts(self) -> str:
        """A message timestamp, unique and increasing."""
        self._last_ts = max(self.now(), self._last_ts + 0.000001)
        return f"{self._last_ts:.6f}"

    def new_id(self, prefix: str) -> str:
        return prefix + secrets.token_hex(5).upper()

    # --- messages -------------------------------------------------------------------------------------------------

    def find(self, channel: str, ts: str) -> Json | None:
        """The stored message itself (not a copy), or None."""
        return next((m for m in self.messages.get(channel, ()) if m["ts"] == ts), None)

    def add_message(self, channel: str, message: Json) -> Json:
        """Store a message under the next timestamp and keep its thread's parent up to date."""
        stored = {"type": "message", "ts": self.next_ts(), "team": self.workspace.team_id, **message}
        self.messages.setdefault(channel, []).append(stored)
        self.refresh_parent(channel, stored.get("thread_ts", ""))
        return stored

    def refresh_parent(self, channel: str, thread_ts: str) -> None:
        """Recount the replies that a thread's parent shows."""
        parent = self.find(channel, thread_ts) if thread_ts else None
        if parent is None:
            return
        replies = [m for m in self.messages[channel] if m.get("thread_ts") == thread_ts and m is not parent]
        for key in ("thread_ts", "reply_count", "reply_users", "reply_users_count", "latest_reply"):
            parent.pop(key, None)
        if replies:
            users = list(dict.fromkeys(m["user"] for m in replies))
            parent.update(
                thread_ts=thread_ts,
                reply_count=len(replies),
                reply_users=users,
                reply_users_count=len(users),
                latest_reply=replies[-1]["ts"],
            )

    def thread(self, channel: str, ts: str) -> list[Json]:
        """The parent and its replies, oldest first."""
        return [m for m in self.messages.get(channel, ()) if m["ts"] == ts or m.get("thread_ts") == ts]

    def roots(self, channel: str) -> list[Json]:
        """What the channel view shows: parents and broadcast replies, oldest first."""
        return [m for m in self.messages.get(channel, ()) if not is_reply(m) or m.get("subtype") == "thread_broadcast"]

    def add_ephemeral(self, user: str, channel: str, message: Json) -> Json:
        """Show something to one person only; it is never part of the history."""
        stored = {
            "type": "message",
            "ts": self.next_ts(),
            "is_ephemeral": True,
            "to": user,
            "channel": channel,
            **message,
        }
        self.ephemerals.append(stored)
        return stored

    def notice(self, user: str, channel: str, text: str, error: str, thread_ts: str = "") -> Json:
        """What Slack itself tells a person when the app failed them."""
        message = {"user": "USLACKBOT", "text": text, "error": error, "subtype": "failure"}
        return self.add_ephemeral(user, channel, message | ({"thread_ts": thread_ts} if thread_ts else {}))

    # --- triggers and response URLs ---------------------------------------------------------------------------------

    def new_trigger(self, user: str, view_id: str = "") -> str:
        trigger_id = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self.triggers[trigger_id] = Trigger(user=user, expires=self.now() + TRIGGER_SECONDS, view_id=view_id)
        return trigger_id

    def use_trigger(self, trigger_id: str) -> Trigger:
        """Exchange a trigger for the right to open one modal. Raises SlackError."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.used:
            raise SlackError("exchanged_trigger_id")
        if trigger.expires < self.now():
            raise SlackError("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_response_url(self, target: ResponseUrl) -> str:
        key = secrets.token_hex(12)
        self.response_urls[key] = target
        return f"{self.url}/response/{key}"

    # --- traffic ----------------------------------------------------------------------------------------------------

    def record(self, entry: Json) -> None:
        """Append to the traffic log; entries are never changed afterwards."""
        with self.changing():
            self.traffic.append(copy.deepcopy({"at": self.now(), **entry}))

    def wait(self, predicate: Callable[[], T], timeout: float, what: str = "") -> T:
        """Block until `predicate()` is true; it is asked again after each change. Raises TimeoutError."""
        with self.changed:
            result = self.changed.wait_for(predicate, timeout)
            if not result:
                tail = "\n".join(f"  {summary(e)}" for e in self.traffic[-8:])
                raise TimeoutError(f"nothing within {timeout:g} s{': ' + what if what else ''}; last traffic:\n{tail}")
            return result


def is_reply(message: Json) -> bool:
    return bool(message.get("thread_ts")) and message["thread_ts"] != message["ts"]


def summary(entry: Json) -> str:
    """One line of the traffic log for people."""
    answer = "ok" if entry.get("ok") else entry.get("error", "")
    return f"{entry['kind']} {entry.get('method') or entry.get('type')} -> {answer}"
