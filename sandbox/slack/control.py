"""Act as any person and read what they see: the same for tests (Python), the page and other processes (HTTP).

A person is named by id or name (`"alice"`), a channel by id or name (`"#data-incidents"`). Whether somebody may be
in a channel is not asked here: a test sends what it likes, and the app has to decide.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.slack import inputs
from sandbox.slack.delivery import Receipt
from sandbox.slack.errors import Impossible
from sandbox.slack.faults import Fault, FaultKind
from sandbox.slack.interactions import Interactions, Place
from sandbox.slack.state import Json, OpenView, State
from sandbox.slack.workspace import Channel, Person

T = TypeVar("T")
HOME = "home"


@dataclass(frozen=True, kw_only=True)
class SlackControl:
    state: State
    interactions: Interactions
    default_channel: str = "C0INCIDENTS"

    # --- acting -----------------------------------------------------------------------------------------------------

    def command(self, user: str, text: str, channel: str = "") -> Receipt:
        """Type a slash command; without a leading slash it is an argument of the app's own command."""
        line = text if text.startswith("/") else f"{self.state.workspace.app.commands[0].command} {text}"
        return self.interactions.command(self._person(user), self._channel(channel or self.default_channel), line)

    def say(self, user: str, text: str, channel: str = "", thread_ts: str = "") -> Json:
        """Post a message as a person."""
        with self.state.changing():
            message: Json = {"user": self._person(user).id, "text": text}
            message |= {"thread_ts": thread_ts} if thread_ts else {}
            return copy.deepcopy(self.state.add_message(self._channel(channel or self.default_channel).id, message))

    def click(
        self, user: str, channel: str, ts: str, action_id: str, *, confirm: bool = True, block_id: str = ""
    ) -> Receipt:
        """Press a button of a message or of an ephemeral; `confirm=False` is Cancel in its dialog: nothing is sent.

        `block_id` is needed only where several blocks have a button of this action_id. Raises Impossible when the
        person does not see such a button now.
        """
        place = self._message(user, channel, ts)
        with self.state.changed:
            element = inputs.find(place.blocks, action_id, block_id)[1]
        if "confirm" in element and not confirm:
            return Receipt(ok=True)
        return self.interactions.act(place, action_id, block_id=block_id)

    def choose(self, user: str, channel: str, ts: str, action_id: str, value: Any, *, block_id: str = "") -> Receipt:
        """Choose a value in a menu of a message. Raises Impossible when it is not offered."""
        return self.interactions.act(self._message(user, channel, ts), action_id, value, block_id)

    def press(self, user: str, action_id: str, value: Any = None, *, view: str = "", block_id: str = "") -> Receipt:
        """Press a button or choose a value in the open form, or on App Home with `view="home"`. Raises Impossible."""
        return self.interactions.act(self._view_place(user, view), action_id, value, block_id)

    def options(
        self, user: str, action_id: str, typed: str, *, channel: str = "", ts: str = "", view: str = ""
    ) -> list[Json]:
        """Type into an external select and get what is offered: in a message with `ts`, else in the open form."""
        place = self._message(user, channel or self.default_channel, ts) if ts else self._view_place(user, view)
        return self.interactions.options(place, action_id, typed)

    def submit(self, user: str, view: str, values: Json) -> Receipt:
        """Fill in and submit the form on top, named by its id or callback_id.

        `values` are plain, by action_id or block_id: text, an option's value or label, a list of them, a date, a user id.
        What is not given stays as shown. For an external select the text is typed and taken from what is offered.
        Not ok with `error`: incomplete (never sent), errors (the app refused; see `modal(user)["errors"]`), or the
        delivery's failure. Raises Impossible.
        """
        person = self._person(user)
        return self.interactions.submit(person, self._open(person, view), values)

    def close(self, user: str, *, everything: bool = False) -> None:
        """Press Cancel (or the cross, for the whole stack) of the open form. Raises Impossible."""
        self.interactions.close(self._person(user), everything=everything)

    def shortcut(self, user: str, callback_id: str) -> Receipt:
        return self.interactions.shortcut(self._person(user), callback_id)

    def open_home(self, user: str) -> Receipt:
        return self.interactions.open_home(self._person(user))

    # --- reading ----------------------------------------------------------------------------------------------------

    def channel(self, channel: str = "") -> list[Json]:
        """The channel's own messages, oldest first, without replies."""
        with self.state.changed:
            return copy.deepcopy(self.state.roots(self._channel(channel or self.default_channel).id))

    def thread(self, channel: str, ts: str) -> list[Json]:
        """A thread: its root and the replies, oldest first."""
        with self.state.changed:
            return copy.deepcopy(self.state.thread(self._channel(channel).id, ts))

    def message(self, channel: str, ts: str) -> Json | None:
        with self.state.changed:
            return copy.deepcopy(self.state.find(self._channel(channel).id, ts))

    def private(self, user: str, channel: str = "") -> list[Json]:
        """What only this person sees, oldest first; failures that Slack reports have an `error`."""
        person = self._person(user)
        wanted = {self._channel(channel).id} if channel else set(self.state.workspace.channels)
        with self.state.changed:
            return copy.deepcopy([m for m in self.state.ephemerals if m["to"] == person.id and m["channel"] in wanted])

    def modal(self, user: str) -> Json | None:
        """The form on top: Slack's view with its state, `errors` by block_id and a `notice`; None when none is open."""
        with self.state.changed:
            stack = self.state.modals.get(self._person(user).id, [])
            return _seen(stack[-1]) if stack else None

    def home(self, user: str) -> Json | None:
        with self.state.changed:
            home = self.state.homes.get(self._person(user).id)
            return _seen(home) if home else None

    def file(self, file_id: str) -> bytes:
        """The content of a shared file. Raises KeyError."""
        content = self.state.files[file_id].content
        if content is None:
            raise KeyError(file_id)
        return content

    def traffic(self, kind: str = "") -> list[Json]:
        """Every Web API call (`api`), upload, delivery, response URL and refused answer so far, in order."""
        with self.state.changed:
            return copy.deepcopy([e for e in self.state.traffic if kind in ("", e["kind"])])

    def deliver_again(self, delivered: Json) -> Receipt:
        """Hand the app once more what `traffic("delivery")` says that it was given, with the same identifiers."""
        payload = copy.deepcopy(delivered["payload"])
        accepts = delivered["envelope"] != "events_api"
        return self.interactions.delivery.send(delivered["envelope"], payload, accepts_response=accepts)

    def connections(self) -> int:
        """How many Socket Mode connections are open and not asked to reconnect."""
        return len(self.interactions.delivery.sockets.lasting())

    def wait(self, predicate: Callable[[], T], timeout: float = 10.0, what: str = "") -> T:
        """Wait until `predicate()` is true and return its value; it is asked after every change. Raises TimeoutError."""
        return self.state.wait(predicate, timeout, what)

    def wait_connected(self, connections: int = 1, timeout: float = 10.0) -> None:
        self.wait(lambda: self.connections() >= connections, timeout, "a Socket Mode connection")

    # --- trouble ----------------------------------------------------------------------------------------------------

    def fault(self, kind: FaultKind, method: str = "*", times: int = 1, **details: Any) -> None:
        """Switch a fault on (see `faults.Fault`); `details`: seconds, status, error."""
        self.state.faults.add(Fault(kind=kind, match=method, times=times, **details))

    def clear_faults(self) -> None:
        self.state.faults.clear()

    def restart(self, *, abrupt: bool = False) -> None:
        """Drop all Socket Mode connections; `abrupt` without a close frame (Bolt then notices by its own pings)."""
        self._in_loop(self.interactions.delivery.sockets.drop(abrupt=abrupt))

    def ask_to_reconnect(self) -> None:
        """Slack's regular recycling of connections."""
        self._in_loop(self.interactions.delivery.sockets.ask_to_reconnect())

    def advance(self, seconds: float) -> None:
        """Move Slack's clock: triggers, response URLs and timestamps follow."""
        with self.state.changing():
            self.state.clock_offset += seconds

    # --- inside -----------------------------------------------------------------------------------------------------

    def _in_loop(self, coroutine: Any) -> None:
        loop = self.interactions.delivery.loop
        if loop is None:
            raise Impossible("the sandbox is not running")
        asyncio.run_coroutine_threadsafe(coroutine, loop).result()

    def _person(self, user: str) -> Person:
        return self.state.workspace.person(user)

    def _channel(self, channel: str) -> Channel:
        return self.state.workspace.channel(channel)

    def _message(self, user: str, channel: str, ts: str) -> Place:
        person, place = self._person(user), self._channel(channel)
        with self.state.changed:
            private = (m for m in self.state.ephemerals if m["to"] == person.id and m["ts"] == ts)
            message = self.state.find(place.id, ts) or next(private, None)
            if message is None:
                raise Impossible(f"{person.name} sees no message {ts} in #{place.name}")
            return Place(person=person, blocks=message.get("blocks", []), channel=place, message=message)

    def _view_place(self, user: str, view: str) -> Place:
        person = self._person(user)
        opened = self._home(person) if view == HOME else self._open(person, view)
        return Place(person=person, blocks=opened.view["blocks"], opened=opened)

    def _home(self, person: Person) -> OpenView:
        home = self.state.homes.get(person.id)
        if home is None:
            raise Impossible(f"{person.name} has no Home tab yet")
        return home

    def _open(self, person: Person, view: str) -> OpenView:
        with self.state.changed:
            stack = self.state.modals.get(person.id, [])
            if not stack or view not in ("", stack[-1].view["id"], stack[-1].view["callback_id"]):
                there = stack[-1].view["callback_id"] if stack else "none"
                raise Impossible(f"{person.name} has no form {view!r} on top; open: {there}")
            return stack[-1]


def _seen(opened: OpenView) -> Json:
    entered = inputs.values(opened.view["blocks"], opened.draft)
    return copy.deepcopy(opened.view | {"state": {"values": entered}, "errors": opened.errors, "notice": opened.notice})
