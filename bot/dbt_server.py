"""The warm process: dbt imported and one project parsed, forking a child for each refresh; `python -m bot.dbt_server`.

It has one thread and runs no dbt command after parsing, so that what it forks is a clean start: a child has none of
its parent's other threads, and would wait for ever for what these were doing or held. It refuses to fork while it has
more. Each child is a process of its own with its own environment, directories, log and session; what happens to one
touches no other.
Its parent talks to it over a socket, one JSON object a line; a request to fork brings the child's socket and log.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.dbt_child import converse
from bot.dbt_runtime import Failure
from bot.dbt_state import State
from bot.dbt_warming import FromWarm, Warm, first_time, parsed

_REAP_EVERY = 5.0  # seconds between two looks for children that have ended
_LINE = 65536


def main() -> None:
    """Parse, say so, and fork on request until the parent closes its end."""
    control = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is the parent's business
    faulthandler.register(signal.SIGUSR1)  # children print where they are when they are asked, each into its own log
    os.dup2(2, 1)
    setup = json.loads(_read_line(control))
    try:
        base = parsed(setup)
    except Failure as failure:
        _send(control, {"failed": failure.reply})
        return
    except Exception as error:
        _send(control, {"failed": {"kind": "dbt", "message": f"{type(error).__name__}: {error}"}})
        return
    if refusal := _too_many_threads():
        _send(control, refusal)
        return
    server = _Server(control, base)
    gc.collect()
    gc.freeze()  # the collector of a child would else touch, and so copy, every page
    _send(control, {"done": {"warnings": base.warnings}})
    server.serve()


class _Server:
    def __init__(self, control: socket.socket, base: Warm) -> None:
        self._control, self._base = control, base
        self._state: State | None = None
        self._children: set[int] = set()

    def serve(self) -> None:
        self._control.settimeout(_REAP_EVERY)
        while True:
            try:
                message, descriptors, _, _ = socket.recv_fds(self._control, _LINE, 2)
            except TimeoutError:
                self._reap()
                continue
            if not message:
                return
            self._reap()
            self._do(json.loads(message), descriptors)

    def _do(self, command: dict[str, Any], descriptors: list[int]) -> None:
        match command:
            case {"do": "fork"}:
                _send(self._control, _too_many_threads() or {"done": {"pid": self._fork(*descriptors)}})
            case {"do": "state", "directory": directory}:
                self._state = State.read(directory)
                # Only faster; what is wrong with it, each child says itself.
                with contextlib.suppress(Exception), TemporaryDirectory(dir=Path(directory).parent) as scratch:
                    first_time(self._state, Path(scratch))
                gc.freeze()
                _send(self._control, {"done": {}})
            case {"do": "kill", "pid": pid, "signal": number}:
                if pid in self._children:
                    _signal(pid, number)
                _send(self._control, {"done": {}})

    def _fork(self, conversation: int, log: int) -> int:
        pid = os.fork()
        if pid == 0:
            self._be_child(conversation, log)
        os.close(conversation)
        os.close(log)
        self._children.add(pid)
        return pid

    def _be_child(self, conversation: int, log: int) -> None:
        """Never returns: the child leaves when its conversation ends."""
        try:
            self._control.close()
            os.setsid()
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.close(log)
            with socket.socket(fileno=conversation) as line:
                lines = line.makefile("r", encoding="utf-8")
                first = json.loads(lines.readline() or "{}")
                if first:
                    os.environ.clear()
                    os.environ.update(first["environment"])
                    os.chdir(first["workdir"])
                    start = functools.partial(FromWarm, base=self._base, state=self._state)
                    converse(lines, line.makefile("w", encoding="utf-8", buffering=1), start)
        finally:
            os._exit(1)

    def _reap(self) -> None:
        for pid in tuple(self._children):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self._children.discard(pid)


def _signal(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:  # it has no group of its own yet
        os.kill(pid, number)


def _too_many_threads() -> dict[str, Any] | None:
    """The answer of a process that must not fork; threads of libraries, which Python does not know of, count too."""
    names = _threads()
    if len(names) == 1:
        return None
    return {"failed": {"kind": "threads", "message": f"it has {len(names)} threads: {', '.join(names)}"}}


def _threads() -> list[str]:
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        return [thread.name for thread in threading.enumerate()]
    return [(task / "comm").read_text().strip() for task in tasks.iterdir()]


def _read_line(control: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\n"):
        part = control.recv(_LINE)
        if not part:
            sys.exit(0)
        received += part
    return received.decode()


def _send(control: socket.socket, reply: dict[str, Any]) -> None:
    control.sendall((json.dumps(reply) + "\n").encode())


if __name__ == "__main__":
    main()
