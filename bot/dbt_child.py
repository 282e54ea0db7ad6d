"""The child process that runs dbt: `python -m bot.dbt_child`, started by `dbt_build` and `dbt_project` only.

dbt cannot run twice at once in a process and keeps much state in it, so that each refresh has a process of its own.
It reads one JSON object a line from its parent, the set-up first and then commands, and answers the same way with
any number of `event` lines and one `done` or `failed` line. When the parent's end of the pipe closes, it leaves.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any, TextIO

from bot.dbt_commands import Failure, Parsed, Reply, quiet_connector

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


def converse(given: TextIO, out: TextIO, parse: Callable[[dict[str, Any], Callable[[Reply], None]], Parsed]) -> None:
    """Answer what comes in line by line; `parse` makes the project from the first line when a command needs it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background hands down "ignored"
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()

    def listen() -> None:
        for line in given:
            lines.put(line)
        lines.put(None)
        _leave()

    threading.Thread(target=listen, daemon=True).start()
    _serve(lines, lambda reply: print(json.dumps(reply, default=str), file=out, flush=True), parse)


def _serve(
    lines: queue.SimpleQueue[str | None],
    send: Callable[[Reply], None],
    parse: Callable[[dict[str, Any], Callable[[Reply], None]], Parsed],
) -> None:
    project: Parsed | None = None
    with contextlib.suppress(KeyboardInterrupt):
        setup = json.loads(lines.get() or "{}")
        if setup:
            quiet_connector(setup["statement_timeout"])
        while (line := lines.get()) is not None:
            command = json.loads(line)
            try:
                project = project or parse(setup, send)
                do = command.pop("do")
                send({"done": getattr(project, do)(**command)})
            except KeyboardInterrupt:
                send({"failed": {"kind": "interrupted", "message": ""}})
            except Failure as failure:
                send({"failed": failure.reply})
            except Exception as error:
                send({"failed": {"kind": "dbt", "message": f"{type(error).__name__}: {error}"}})
    os._exit(0)


if __name__ == "__main__":
    main()
