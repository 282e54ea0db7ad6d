"""The parent's end of the warm dbt process: start it for one code version, get a child for each refresh, stop it."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot import dbt_user
from bot.dbt_process import LOG, STOP_WITHIN, ChildFailed, Conversation, clean, end
from bot.errors import RefreshError
from bot.wording import dbt as wording

_BEAT = 1.0  # seconds
_FORK_WITHIN = 10.0  # seconds
_SILENCE = 10.0  # seconds; a child has everything loaded, so that it has always something to do
_STACK_WITHIN = 2.0  # seconds for a child that is stuck to print where it is
_LOOK = 0.1  # seconds
_MEGABYTE = 1024.0


class WarmEnded(RefreshError):
    """The process is gone, or was ended because it did not answer; its work can be done without it."""


class Warm:
    """One process that has parsed the project; `environment` and `content` are what it was parsed with.

    It ends with this process, however that ends; children that it has forked go on without it.
    """

    def __init__(self, workdir: Path, environment: dict[str, str], content: dict[str, Any]) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._log = workdir / "dbt-server.log"
        self._line, theirs = socket.socketpair()
        self._asking = threading.Lock()
        self._received = b""
        self._parsed = False
        with theirs, self._log.open("wb") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", "bot.dbt_server", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=workdir,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                **dbt_user.popen(content, workdir),
            )
        with contextlib.suppress(OSError):
            self._line.sendall(_packed(content))

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def alive(self) -> bool:
        return self._popen.poll() is None

    def ready(self, within: float, beat: Callable[[], object] = lambda: None) -> int:
        """Wait until the project is parsed; how many warnings dbt had. Raises ChildFailed and WarmEnded.

        `beat` is called every second or so meanwhile.
        """
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and not select.select([self._line], [], [], _BEAT)[0]:
            beat()
        warnings = int(self._answer(_BEAT)["warnings"])
        self._parsed = True
        return warnings

    def use_state(self, directory: Path, within: float = 60.0) -> None:
        """Keep the production manifest of this directory in memory for children forked from now on."""
        self._ask({"do": "state", "directory": str(directory)}, within)

    def fork(self, name: str, workdir: Path, environment: dict[str, str], content: dict[str, Any]) -> Forked:
        """A child of its own for one refresh. Raises WarmEnded."""
        return Forked(self, name, workdir, environment, content)

    def fork_onto(self, conversation: socket.socket, log: int) -> int:
        """Fork a child that talks over this socket; its pid."""
        return int(self._ask({"do": "fork"}, _FORK_WITHIN, [conversation.fileno(), log])["pid"])

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """Send this signal; only to a process that it has forked, and that has not ended yet."""
        with contextlib.suppress(RefreshError):
            self._ask({"do": "kill", "pid": pid, "signal": int(number)}, _FORK_WITHIN)

    def megabytes(self) -> float:
        """Memory it holds; children share it until they change it. 0.0 where the system does not tell."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) / _MEGABYTE for line in lines if line.startswith("VmRSS:")), 0.0)

    def stop(self) -> None:
        """Nobody is forked any more; what was forked goes on."""
        self._line.close()
        if not self._parsed:  # it would not look up before it has, and has nothing to finish
            self._popen.kill()
        end(self._popen)

    def _ask(self, command: dict[str, Any], within: float, descriptors: list[int] | None = None) -> dict[str, Any]:
        with self._asking:
            try:
                socket.send_fds(self._line, [_packed(command)], descriptors or [])
            except OSError as error:
                raise WarmEnded(wording.warm_ended(), clean(self._last_words())) from error
            return self._answer(within)

    def _answer(self, within: float) -> dict[str, Any]:
        try:
            self._line.settimeout(within)
            while not self._received.endswith(b"\n"):
                part = self._line.recv(65536)
                if not part:
                    raise ConnectionResetError
                self._received += part
        except OSError as error:
            self._popen.kill()  # it hangs: a late answer would be taken for that to the next question
            raise WarmEnded(wording.warm_ended(), clean(self._last_words())) from error
        reply, self._received = json.loads(self._received), b""
        if failed := reply.get("failed"):
            if failed["kind"] == "threads":
                self._popen.kill()  # there will be no fewer
                raise WarmEnded(wording.warm_ended(), failed["message"])
            raise ChildFailed(failed.pop("kind"), failed.pop("message"), failed)
        return reply["done"]

    def _last_words(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text(errors="replace")[-4000:]
        return ""


class Forked(Conversation):
    """A child forked from the warm process: as separate as one started cold, and there at once."""

    silence = _SILENCE

    def __init__(
        self, warm: Warm, name: str, workdir: Path, environment: dict[str, str], content: dict[str, Any]
    ) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self._warm = warm
        self._line, theirs = socket.socketpair()
        log = workdir / LOG
        with theirs, log.open("wb") as file, contextlib.ExitStack() as undo:
            undo.callback(self._line.close)
            dbt_user.hand_over(content, workdir)
            self._pid = warm.fork_onto(theirs, file.fileno())
            undo.pop_all()
        given = self._line.makefile("w", encoding="utf-8")
        given.write(json.dumps({"environment": environment, "workdir": str(workdir)}) + "\n")
        super().__init__(name, log, given, self._line.makefile("r", encoding="utf-8"), content)

    @property
    def pid(self) -> int:
        return self._pid

    def stop(self) -> None:
        self._stopped = True
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)
        if not self._ended.wait(STOP_WITHIN):
            self._warm.kill(self._pid)
            self._ended.wait(STOP_WITHIN)
        with contextlib.suppress(OSError, ValueError):
            self._given.close()
        self._line.close()

    def kill(self) -> None:
        first = before = self._log.stat().st_size
        self._warm.kill(self._pid, signal.SIGUSR1)
        self._warm.kill(self._pid, signal.SIGCONT)  # one that was stopped prints nothing
        deadline = time.monotonic() + _STACK_WITHIN
        while time.monotonic() < deadline:
            time.sleep(_LOOK)
            now = self._log.stat().st_size
            if first < before == now:
                break  # all of it is there
            before = now
        self._warm.kill(self._pid)
        self._ended.wait(_STACK_WITHIN)


def _packed(content: dict[str, Any]) -> bytes:
    return (json.dumps(content) + "\n").encode()
