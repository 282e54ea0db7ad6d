"""The parent's end of a dbt child: start it, ask it, hear its events, stop it; knows nothing of refreshes."""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from bot import dbt_user
from bot.errors import Cancelled, RefreshError
from bot.settings import Settings
from bot.wording import dbt as wording
from bot.wording.warehouse import redact

_POLL = 0.5  # seconds between two looks at `cancelled`
STOP_WITHIN = 20.0  # seconds that dbt has to cancel its queries before its process group is killed
LOG = "dbt-child.log"
_ALIVE = '{"event": "Alive"}\n'  # a sign that it gets on, which nobody else waits for
_LOG_TAIL = 4000
_STACK = re.compile(r"^(?:Thread |Current thread |  File |Timeout ).*$", re.MULTILINE)

_COMPILED_AT = re.compile(r"\n?\s*compiled code at [^\n]*", re.IGNORECASE)
_MISSING_VARIABLE = re.compile(r"Env var required but not provided: '(\w+)'")


class ChildGone(RefreshError):
    """The child has ended without an answer, or was ended since it did not get on."""


class ChildFailed(Exception):
    """The child answered that it cannot; `kind` and `message` say why, `more` is what it knew."""

    def __init__(self, kind: str, message: str, more: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.more = kind, clean(message), more or {}


def clean(message: str) -> str:
    """dbt's message as it is, without values of rows and without paths of this machine."""
    return _COMPILED_AT.sub("", redact(message)).strip()


def as_refresh_error(failure: ChildFailed, say: Callable[[str], str]) -> RefreshError:
    """The failure in plain words; what dbt itself said is put into `say`."""
    if missing := _MISSING_VARIABLE.search(failure.message):
        return RefreshError(wording.missing_variable(missing[1]), failure.message)
    if failure.kind == "flags":
        return RefreshError(wording.dbt_flag_in_env(failure.more["names"]), failure.message)
    if failure.kind == "unknown_analysis":
        return RefreshError(wording.unknown_analysis(failure.message))
    return RefreshError(say(failure.message), failure.message)


def setup(settings: Settings, workdir: Path, profiles: Path, target: str, profile: str) -> dict[str, Any]:
    """The part of the child's set-up that is the same for reading a project and for building a model."""
    return {
        "project_dir": str(settings.dbt.project_dir.resolve()),
        "profiles_dir": str(profiles.resolve()),
        "profile": profile,
        "target": target,
        "target_path": str((workdir / "target").resolve()),
        "log_path": str((workdir / "log").resolve()),
        "statement_timeout": settings.warehouse.statement_timeout.total_seconds(),
        "vars": {},
        "unique_id": "",
        "analyses": [],
        "production": [],
        "warehouse": "",
        "full_refresh": False,
        "state_dir": "",
        "write": False,
        "private_key": "",
        "run_as": settings.dbt.run_as,
        "data_dir": str(settings.worker.data_dir.resolve()),
        "silence": settings.worker.lease.total_seconds() / 2,
    }


class Conversation:
    """Ask a dbt child and hear its answers; how it is started and ended is for the two kinds of children."""

    silence = math.inf  # seconds without any sign that the child gets on, after which it is ended

    def __init__(self, name: str, log: Path, given: TextIO, replies: TextIO, content: dict[str, Any]) -> None:
        self._name, self._log, self._given, self._lines = name, log, given, replies
        self._stopped = self._asked = False
        self._heard = 0  # lines
        self._ended = threading.Event()
        self._replies: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name=f"dbt-{self.pid}", daemon=True).start()
        self._send(content)

    @property
    @abstractmethod
    def pid(self) -> int: ...

    @abstractmethod
    def stop(self) -> None:
        """Close its input, on which the child interrupts dbt and leaves; kill it if it does not in time."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once, after it has printed where it is if it still can."""

    def ask(
        self,
        command: dict[str, Any],
        *,
        within: float,
        hear: Callable[[dict[str, Any]], None] = lambda _event: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Send one command and wait for its answer.

        Raises ChildFailed, Cancelled when `cancelled()` turned true, RefreshError when `within` seconds are over, and
        ChildGone when the child is. After the last three the child has ended.
        """
        if self._stopped:  # on purpose: nobody is to answer in its place
            raise RefreshError(wording.child_ended(self._name), clean(self._last_words()))
        self._asked = True
        self._send(command)
        deadline = time.monotonic() + within
        heard, quiet = (
            self._heard,
            0.0,
        )  # what was waited for, so that a time when this process was frozen counts nothing
        while True:
            self._send({"do": "stay"})
            try:
                reply = self._replies.get(timeout=_POLL)
            except queue.Empty:
                heard, quiet = self._heard, quiet + _POLL if heard == self._heard else 0.0
                if cancelled():
                    self.stop()
                    raise Cancelled(wording.cancelled(self._name)) from None
                if time.monotonic() > deadline:
                    self.stop()
                    raise RefreshError(wording.took_too_long(self._name, round(within / 60))) from None
                if quiet >= self.silence:
                    self._stopped = True
                    self.kill()
                    raise self._gone() from None
                continue
            if reply is None or self._stopped:
                raise self._gone()
            if "done" in reply:
                return reply["done"]
            if failed := reply.get("failed"):
                raise ChildFailed(failed.pop("kind"), failed.pop("message"), failed)
            hear(reply)

    def _send(self, content: dict[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):  # gone: the reader says so
            self._given.write(json.dumps(content) + "\n")
            self._given.flush()

    def _read(self) -> None:
        with self._lines as lines, contextlib.suppress(ConnectionError):
            for line in lines:
                self._heard += 1
                if line != _ALIVE:
                    self._replies.put(json.loads(line))
        self._replies.put(None)
        self._ended.set()

    def _gone(self) -> ChildGone:
        return ChildGone(wording.child_ended(self._name), clean(self._last_words()))

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace")[-_LOG_TAIL:]

    def stack(self) -> str:
        """Where the child was when it was ended: files and lines of code, which hold no values."""
        return "\n".join(_STACK.findall(self._log.read_text(errors="replace")))


class Process(Conversation):
    """A child started cold, in a session of its own. It ends by itself when this process ends, however that happens."""

    def __init__(self, name: str, workdir: Path, environment: dict[str, str], content: dict[str, Any]) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        log = workdir / LOG
        with log.open("wb") as file:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "bot.dbt_child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                cwd=workdir,
                env=environment,
                start_new_session=True,
                **dbt_user.popen(content, workdir),
                text=True,
            )
        assert self._popen.stdin is not None and self._popen.stdout is not None
        super().__init__(name, log, self._popen.stdin, self._popen.stdout, content)  # type: ignore[arg-type]

    @property
    def pid(self) -> int:
        return self._popen.pid

    def stop(self) -> None:
        self._stopped = True
        with contextlib.suppress(BrokenPipeError):
            self._given.close()
        if not self._asked:  # it is still loading dbt, which takes seconds, and has nothing to interrupt
            self._popen.kill()
        end(self._popen)

    def kill(self) -> None:
        self._stopped = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()


def end(process: subprocess.Popen[Any]) -> None:
    """Wait for one that was told to end; its group is killed where it does not."""
    try:
        process.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
