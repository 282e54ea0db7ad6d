"""The child process that runs dbt: `python -m bot.dbt_child`, started by `dbt_build` and `dbt_project` only.

dbt cannot run twice at once in a process and keeps much state in it, so that each refresh has a process of its own.
It reads one JSON object a line from its parent, the set-up first and then commands, and answers the same way with
any number of `event` lines and one `done` or `failed` line. When the parent's end of the pipe closes, or the parent is
silent for too long while a command runs (it is frozen, and somebody else builds by now), it leaves.
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
from bot.dbt_runtime import Failure, quiet_connector

Parse = Callable[[dict[str, Any], Callable[[Reply], None]], Parsed]

STAY = '{"do": "stay"}\n'  # the parent is there and waits for the answer
STUCK = 60.0  # seconds without a turn for any of Python's threads: a library waits for itself while it holds their lock
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
    _serve(parent, lambda reply: print(json.dumps(reply, default=str), file=out, flush=True), parse)


class _Parent:
    """Who gives the commands; leaves this process when it is gone, or silent while it should be waiting."""

    def __init__(self, given: TextIO) -> None:
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self.answered = 0
        self._asked = -1  # the set-up has no answer
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

    def watch(self, silence: float) -> None:
        while self.answered >= self._asked or time.monotonic() - self._heard < silence:
            faulthandler.dump_traceback_later(STUCK, exit=True)  # begun anew each time; needs no turn itself
            threading.Event().wait(min(silence, STUCK) / 10)
        self.lines.put(None)
        _leave()


def _serve(parent: _Parent, send: Callable[[Reply], None], parse: Parse) -> None:
    """Parse at once, while the parent still looks at the warehouse; what went wrong is said when something is asked."""
    with contextlib.suppress(KeyboardInterrupt):
        if setup := json.loads(parent.lines.get() or "{}"):
            quiet_connector(setup["statement_timeout"])
            threading.Thread(target=parent.watch, args=(setup["silence"],), daemon=True).start()
            project = _tried(parse, setup, send)
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
