"""The child process that runs dbt: `python -m bot.dbt_child`, started by `dbt_build` and `dbt_project` only.

dbt cannot run twice at once in a process and keeps much state in it, so that each refresh has a process of its own.
It reads one JSON object a line from its parent, the set-up first and then commands, and answers the same way with
any number of `event` lines and one `done` or `failed` line. When the parent's end of the pipe closes, or the parent is
silent for too long while a command runs (it is frozen, and somebody else builds by now), it leaves. It says every second
that it gets on: a parent that hears nothing prints its stacks (SIGUSR1) and ends it.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO

from bot.dbt_commands import Parsed, Reply
from bot.dbt_heartbeat import Heartbeat
from bot.dbt_runtime import Failure, quiet_connector

Parse = Callable[[dict[str, Any], Callable[[Reply], None]], Parsed]

STAY = '{"do": "stay"}\n'  # the parent is there and waits for the answer
ALIVE: Reply = {"event": "Alive"}
STUCK = (
    60.0  # seconds without any work, or a turn for Python's threads: a library waits for itself with their lock held
)
BEAT = 1.0  # seconds between two signs of life
_LEAVE_WITHIN = 15.0  # seconds that dbt has to cancel its queries once nobody listens any more


def _leave() -> None:
    os.kill(os.getpid(), signal.SIGINT)  # once: dbt cancels its queries on the first, a second would stop it doing so
    threading.Event().wait(_LEAVE_WITHIN)
    os._exit(1)


def main() -> None:
    """Serve the parent until it closes the pipe."""
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a project prints must not reach the parent as an answer
    converse(sys.stdin, out, Parsed)


def converse(given: TextIO, out: TextIO, parse: Parse) -> None:
    """Answer what comes in line by line; `parse` makes the project from the first line."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background hands down "ignored"
    parent = _Parent(given)
    threading.Thread(target=parent.listen, daemon=True).start()
    _serve(parent, _Answers(out).send, parse)


class _Answers:
    """Lines to the parent, each in one piece whichever thread sends it."""

    def __init__(self, out: TextIO) -> None:
        self._out, self._one = out, threading.Lock()

    def send(self, reply: Reply) -> None:
        line = json.dumps(reply, default=str) + "\n"
        with self._one:
            self._out.write(line)
            self._out.flush()


class _Parent:
    """Who gives the commands; leaves this process when it is gone, or silent while it should be waiting."""

    def __init__(self, given: TextIO) -> None:
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.answered = -1  # parsing is the answer to the set-up, which nobody is sent
        self._asked = -1
        self._given = given
        self._heard = time.monotonic()

    def listen(self) -> None:
        for line in self._given:
            self._heard = time.monotonic()
            if line != STAY:
                self._asked += 1
                self.lines.put(line)
        self.lines.put(None)
        _leave()

    def watch(self, silence: float, send: Callable[[Reply], None]) -> None:
        """Leave when the parent is silent for so long while it should wait; say meanwhile that this process gets on."""
        heartbeat = Heartbeat()
        while (idle := self.answered >= self._asked) or self._asked <= 0 or time.monotonic() - self._heard < silence:
            if heartbeat.at_work() or idle:
                faulthandler.dump_traceback_later(STUCK, exit=True)  # begun anew each time; needs no turn itself
                send(ALIVE)
            threading.Event().wait(min(silence / 10, STUCK / 10, BEAT))
        faulthandler.dump_traceback_later(STUCK, exit=True)
        self.lines.put(None)
        _leave()


def _serve(parent: _Parent, send: Callable[[Reply], None], parse: Parse) -> None:
    """Parse at once, while the parent still looks at the warehouse; what went wrong is said when something is asked."""
    with contextlib.suppress(KeyboardInterrupt):
        if setup := json.loads(parent.lines.get() or "{}"):
            quiet_connector(setup["statement_timeout"], setup.pop("private_key", ""))
            faulthandler.dump_traceback_later(STUCK, exit=True)  # what follows may leave no turn for the thread
            threading.Thread(target=parent.watch, args=(setup["silence"], send), daemon=True).start()
            project = _tried(parse, setup, send)
            parent.answered += 1
            while (line := parent.lines.get()) is not None:
                send(_answer(project, json.loads(line)))
                parent.answered += 1
    os._exit(0)


def _tried(parse: Parse, setup: dict[str, Any], send: Callable[[Reply], None]) -> Parsed | Exception:
    try:
        return parse(setup, send)
    except Exception as error:
        return error


def _answer(project: Parsed | Exception, command: dict[str, Any]) -> Reply:
    try:
        if isinstance(project, Exception):
            raise project
        return {"done": getattr(project, command.pop("do"))(**command)}
    except KeyboardInterrupt:
        return {"failed": {"kind": "interrupted", "message": ""}}
    except Failure as failure:
        return {"failed": failure.reply}
    except Exception as error:
        return {"failed": {"kind": "dbt", "message": f"{type(error).__name__}: {error}"}}


if __name__ == "__main__":
    main()
