"""The dbt project's code from a git repository: fetched, and laid out in a directory of its own for each commit.

A refresh in flight keeps the directory it began with when the branch moves on. Packages come from the lock file.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot import dbt_profile
from bot.errors import RefreshError, Unfetched
from bot.patience import Alive, turn, turn_on_host
from bot.settings import Settings, scrubbed_environ
from bot.wording import dbt as wording
from bot.wording.text import without_credentials

_FETCH_WITHIN = 120.0  # seconds
_NO_BRANCH = "find remote ref"  # git's words; an answer, that asking again does not change
_BEAT = 1.0  # seconds
_PACKAGES_WITHIN = 600.0
_PACKAGE_FILES = ("packages.yml", "dependencies.yml")
_LOCK = "package-lock.yml"
_KEEP_LONGER = 3600.0  # seconds that a directory outlives the longest build


class Code:
    """`[dbt] repository` and `branch`; everything is under `workdir`."""

    def __init__(self, settings: Settings, workdir: Path) -> None:
        self._settings, self._workdir = settings, workdir.resolve()
        self._mirror = self._workdir / "repository.git"
        self._fetching = threading.Lock()
        self._url = without_credentials(settings.dbt.repository)
        self._environment = _git_environment(settings.dbt.repository)

    def fetch(self, beat: Alive = lambda: None) -> str:
        """The newest commit of the branch. Raises Unfetched when the repository does not answer, and RefreshError when
        it has no such branch. `beat` is called every second or so meanwhile; what it raises ends the fetch.
        """
        dbt = self._settings.dbt
        self._workdir.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--bare", str(self._mirror))  # again changes nothing
        branch = f"refs/heads/{dbt.branch}"
        mirror = ("--git-dir", str(self._mirror))
        with turn(self._fetching, beat):
            try:
                self._git(*mirror, "fetch", "--quiet", "--", self._url, f"+{branch}:{branch}", beat=beat)
            except RefreshError as error:
                if _NO_BRANCH in error.detail:
                    raise
                raise Unfetched(error.user_text, error.detail) from error
            return self._git(*mirror, "rev-parse", branch).strip()

    def at(self, commit: str, beat: Alive = lambda: None) -> Settings:
        """Settings whose `project_dir` holds this commit, packages installed. Raises RefreshError; `beat` as above."""
        place = self._place(commit)
        ready = place.with_suffix(".ready")  # a start that died in the middle has left none
        with turn_on_host(self._workdir / "laying-out", beat):
            if not ready.exists():
                shutil.rmtree(place, ignore_errors=True)
                self._git("--git-dir", str(self._mirror), "worktree", "prune")
                self._git("--git-dir", str(self._mirror), "worktree", "add", "--quiet", "--detach", str(place), commit)
                settings = self._with(place)
                self._install(settings.dbt.project_dir, settings, beat)
                ready.touch()
        os.utime(place)
        return self._with(place)

    def leave(self, commit: str) -> None:
        """Nothing new begins from this commit; its directory stays for what has begun, as long as a build can take."""
        with suppress(FileNotFoundError):
            os.utime(self._place(commit))
        self._forget()

    def _place(self, commit: str) -> Path:
        return self._workdir / "commits" / commit[:12]

    def _with(self, place: Path) -> Settings:
        dbt = self._settings.dbt
        folders = {
            "project_dir": place / dbt.project_dir,
            "profiles_dir": place / (dbt.profiles_dir or dbt.project_dir),
        }
        return self._settings.model_copy(update={"dbt": dbt.model_copy(update=folders)})

    def _install(self, project: Path, settings: Settings, beat: Alive) -> None:
        if not any((project / name).exists() for name in _PACKAGE_FILES):
            return
        lock = project / _LOCK
        locked = lock.read_bytes() if lock.exists() else None
        if locked is None:
            raise RefreshError(wording.no_lock_file(_LOCK))
        command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "deps", "--quiet"]
        command += ["--project-dir", str(project), "--log-path", str(self._workdir / "deps-log")]
        _run(command, dbt_profile.environment(settings), _PACKAGES_WITHIN, wording.no_packages, beat)
        if lock.read_bytes() != locked:
            raise RefreshError(wording.old_lock_file(_LOCK))

    def _forget(self) -> None:
        """Directories that were left so long ago that no refresh can be using them."""
        oldest = time.time() - self._settings.dbt.build_timeout.total_seconds() - _KEEP_LONGER
        for ready in (self._workdir / "commits").glob("*.ready"):
            place = ready.with_suffix("")
            if place.stat().st_mtime < oldest:
                ready.unlink()
                shutil.rmtree(place, ignore_errors=True)

    def _git(self, *arguments: str, beat: Alive = lambda: None) -> str:
        say = wording.no_repository
        return _run(
            ["git", *arguments], self._environment, _FETCH_WITHIN, lambda why: say(self._settings.dbt.branch, why), beat
        )


def _git_environment(url: str) -> dict[str, str]:
    """Credentials of the URL are given here, where no list of processes shows them."""
    given = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh"}
    if (bare := without_credentials(url)) != url:
        given |= {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{url}.insteadOf", "GIT_CONFIG_VALUE_0": bare}
    return scrubbed_environ() | given


def _run(command: list[str], environment: dict[str, str], within: float, say: Callable[[str], str], beat: Alive) -> str:
    try:
        done = _done(command, environment, within, beat)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RefreshError(say(type(error).__name__), str(error)) from error
    if done.returncode:
        said = without_credentials((done.stderr or done.stdout).strip())
        raise RefreshError(say(_reason(said)), said)
    return done.stdout


def _reason(said: str) -> str:
    """One line of what git or dbt said: git's first fatal one, after which it only gives advice."""
    lines = said.splitlines() or ["no reason given"]
    return next((line for line in lines if line.startswith("fatal: ")), lines[-1]).removeprefix("fatal: ")


def _done(
    command: list[str], environment: dict[str, str], within: float, beat: Alive
) -> subprocess.CompletedProcess[str]:
    """Run it to its end, which is at once when `beat` raises. Raises TimeoutExpired."""
    deadline, pipe = time.monotonic() + within, subprocess.PIPE
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=pipe,
        stderr=pipe,
        text=True,
        env=environment,
        start_new_session=True,  # ended with its helpers; and ssh finds no terminal to ask on
    ) as process:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    said = process.communicate(timeout=_BEAT)
                    return subprocess.CompletedProcess(command, process.returncode, *said)
                beat()
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired(command, within)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
