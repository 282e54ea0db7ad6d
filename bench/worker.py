"""A process of the bot that ends or freezes itself at a named instant: `python -m bench.worker worker` or `... web`.

An instant is a place between two effects: before and after each commit, statement and Slack call. `CHAOS_AT` is
`kill:<instants>` or `freeze:<instants>`, one a line, of which the first that is passed counts, or comes later in the file
`<CHAOS_SEEN>.<pid>`. Every instant passed is noted once in the file `CHAOS_SEEN`, the one that counted in `<CHAOS_SEEN>.<pid>.at`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from slack_bolt import Respond
from slack_sdk import WebClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from sqlalchemy import event as sqlalchemy_event

from bot import __main__ as command_line
from bot import dbt_profile
from bot.chat import Chat
from bot.leases import Lease
from bot.model import State
from bot.session import Session
from bot.store import Store
from bot.store.database import Database
from bot.warehouse import Warehouse

_STUB = Path(__file__).with_name("stub")
_PHASES = {
    State.QUEUED: "building",
    State.BUILDING: "building",
    State.CHECKING: "checking",
    State.APPROVED: "promoting",
    State.PROMOTING: "promoting",
    State.VERIFYING: "verifying",
    State.UNDOING: "undoing",
}
_SENDING = {
    "take_letters",
    "keep_letter",
    "letter_sent",
    "letter_later",
    "keep_file",
    "keep_live",
    "take_live",
    "live_shown",
    "keep_permalink",
}
_NOBODYS = {"claim", "claim_clicks"}  # begin something new: what the thread did before is over
_CHAT = ("post", "update", "upload", "share", "find", "find_file", "permalink", "ephemeral")
LISTENING = "listening"  # the phase of everything that a process of listeners does


class _Now(threading.local):
    """What this thread does."""

    phase = "deciding"  # what its refresh is in
    op = ""  # the store's method that is running
    wrote = False


_now = _Now()


def main() -> None:
    kind = sys.argv[1]
    if kind == "web":
        _Now.phase = LISTENING
    at = Instants(os.environ.get("CHAOS_AT", ""), Path(os.environ["CHAOS_SEEN"]))
    _name_commits(at)
    _name_statements(at)
    _name_calls(at, _now.phase if kind == "web" else "sending")
    dbt_profile.environment = with_the_stub(dbt_profile.environment)  # type: ignore[assignment]
    command_line.main([kind, "--same-host"])


class Instants:
    def __init__(self, order: str, seen: Path) -> None:
        self._obey(order)
        self._seen, self._known = seen, set[str]()
        self._later, self._one = seen.with_name(f"seen.{os.getpid()}"), threading.Lock()

    def __call__(self, name: str) -> None:
        with self._one:
            self._pass(name)

    def _obey(self, order: str) -> None:
        self._what, _, where = order.partition(":")
        self._where = frozenset(where.split("\n")) - {""}

    def _pass(self, name: str) -> None:
        if name not in self._known:
            self._known.add(name)
            with self._seen.open("a") as file:
                file.write(name + "\n")
        if not self._where and self._later.exists():
            self._obey(self._later.read_text())
            self._later.unlink()
        if name in self._where:
            self._where = frozenset()
            Path(f"{self._later}.at").write_text(name)
            os.kill(os.getpid(), signal.SIGSTOP if self._what == "freeze" else signal.SIGKILL)


def _around(at: Instants, call: Callable[..., Any], name: Callable[..., str]) -> Callable[..., Any]:
    @wraps(call)
    def called(*given: Any, **named: Any) -> Any:
        where = name(*given)
        at(f"{where}: before")
        done = call(*given, **named)
        at(f"{where}: after")
        return done

    return called


def _name_calls(at: Instants, phase: str) -> None:
    """`<phase>/slack <call>`; the acknowledgement of what Slack delivered is one too."""
    calls = [(Chat, method, method) for method in _CHAT]
    calls += [(WebClient, "views_open", "form"), (Respond, "__call__", "answer")]
    calls += [(BaseSocketModeClient, "send_socket_mode_response", "acknowledge")]
    for holder, method, word in calls:
        setattr(holder, method, _around(at, getattr(holder, method), lambda *_, w=word: f"{phase}/slack {w}"))


def _name_commits(at: Instants) -> None:
    """`<phase>/commit <method or event>`, before the COMMIT is sent and after it was answered."""
    methods = [m for c in Store.__mro__ if c.__module__.startswith("bot.store") for m in vars(c) if m[0] != "_"]
    for method in {m for m in methods if m not in vars(Database) and callable(getattr(Store, m))}:
        setattr(Store, method, _operation(at, method, getattr(Store, method)))
    built = Database.__init__

    def init(self: Any, *given: Any, **named: Any) -> None:
        built(self, *given, **named)

        def before(connection: Any) -> None:
            if _now.op and connection.get_execution_options().get("writes"):
                _now.wrote = True
                at(f"{_now.op}: before")

        sqlalchemy_event.listen(self._engine, "commit", before)

    Database.__init__ = init  # type: ignore[method-assign]


def _operation(at: Instants, method: str, call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def called(*given: Any, **named: Any) -> Any:
        what = named["event"].name if method == "commit" else method
        if method in _NOBODYS:
            _now.phase = "deciding"
        phase = "sending" if method in _SENDING else _now.phase
        around, op = _now.op, f"{phase}/commit {what}"
        _now.op, _now.wrote = op, False
        try:
            done = call(*given, **named)
            if _now.wrote:
                at(f"{op}: after")
        finally:
            _now.op, _now.wrote = around, False  # of the method that called this one
        if method == "commit" and named.get("claim") and done is not None:
            _now.phase = _PHASES.get(done.state, "deciding")
        return done

    return called


def _name_statements(at: Instants) -> None:
    """`<phase>/<step>: <first words>`; the step stands in the query tag."""
    started = Lease.__init__

    def lease(self: Any, store: Any, claim: Any, *more: Any) -> None:
        started(self, store, claim, *more)
        _now.phase = _PHASES.get(claim.was, "deciding")

    Lease.__init__ = lease  # type: ignore[method-assign]
    connect, send = Warehouse._connect, Session._send

    def connected(self: Any, section: Any, key: str, tag: str, *more: Any) -> Any:
        connection = connect(self, section, key, tag, *more)
        connection.chaos_step = (tag.split(":") + [""] * 4)[3]  # type: ignore[attr-defined]
        return connection

    def name(session: Any, sql: str, *_: Any) -> str:
        words = " ".join(sql.split()[:2]).lower().replace('"', "")
        words = "select" if words.startswith(("select", "with", "(")) else words
        return f"{getattr(_now, 'phase', 'deciding')}/{session._connection.chaos_step}: {words}"

    Warehouse._connect = connected  # type: ignore[method-assign]
    Session._send = _around(at, send, name)  # type: ignore[method-assign]


def with_the_stub(environment: Callable[..., dict[str, str]]) -> Callable[..., dict[str, str]]:
    """`dbt_profile.environment`, with which the dbt child finds the stand-in before the real dbt."""

    def found(*given: Any) -> dict[str, str]:
        real = environment(*given)
        return real | {"PYTHONPATH": f"{_STUB}:{real['PYTHONPATH']}"}

    return found


if __name__ == "__main__":
    main()
