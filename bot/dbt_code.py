"""The dbt project's code from a git repository: fetched, and laid out in a directory of its own for each commit.

A refresh in flight keeps the directory it began with when the branch moves on. Packages come from the lock file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bot import dbt_profile
from bot.errors import RefreshError
from bot.settings import Settings, scrubbed_environ
from bot.wording import dbt as wording

_FETCH_WITHIN = 120.0  # seconds
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

    def fetch(self) -> str:
        """The newest commit of the branch. Raises RefreshError when the repository does not answer."""
        dbt = self._settings.dbt
        self._workdir.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--bare", str(self._mirror))  # again changes nothing
        branch = f"refs/heads/{dbt.branch}"
        with self._fetching:
            self._git("--git-dir", str(self._mirror), "fetch", "--quiet", dbt.repository, f"+{branch}:{branch}")
            return self._git("--git-dir", str(self._mirror), "rev-parse", branch).strip()

    def at(self, commit: str) -> Settings:
        """Settings whose `project_dir` holds this commit, packages installed. Raises RefreshError."""
        place = self._workdir / "commits" / commit[:12]
        ready = place.with_suffix(".ready")  # a start that died in the middle has left none
        if not ready.exists():
            shutil.rmtree(place, ignore_errors=True)
            self._git("--git-dir", str(self._mirror), "worktree", "prune")
            self._git("--git-dir", str(self._mirror), "worktree", "add", "--quiet", "--detach", str(place), commit)
            settings = self._with(place)
            self._install(settings.dbt.project_dir, settings)
            ready.touch()
        os.utime(place)
        self._forget()
        return self._with(place)

    def _with(self, place: Path) -> Settings:
        dbt = self._settings.dbt
        folders = {
            "project_dir": place / dbt.project_dir,
            "profiles_dir": place / (dbt.profiles_dir or dbt.project_dir),
        }
        return self._settings.model_copy(update={"dbt": dbt.model_copy(update=folders)})

    def _install(self, project: Path, settings: Settings) -> None:
        if not any((project / name).exists() for name in _PACKAGE_FILES):
            return
        lock = project / _LOCK
        locked = lock.read_bytes() if lock.exists() else None
        if locked is None:
            raise RefreshError(wording.no_lock_file(_LOCK))
        command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "deps", "--quiet"]
        command += ["--project-dir", str(project), "--log-path", str(self._workdir / "deps-log")]
        _run(command, dbt_profile.environment(settings), _PACKAGES_WITHIN, wording.no_packages)
        if lock.read_bytes() != locked:
            raise RefreshError(wording.old_lock_file(_LOCK))

    def _forget(self) -> None:
        """Directories that no refresh can be using any more."""
        oldest = time.time() - self._settings.dbt.build_timeout.total_seconds() - _KEEP_LONGER
        for ready in (self._workdir / "commits").glob("*.ready"):
            place = ready.with_suffix("")
            if place.stat().st_mtime < oldest:
                ready.unlink()
                shutil.rmtree(place, ignore_errors=True)

    def _git(self, *arguments: str) -> str:
        environment = scrubbed_environ() | {"GIT_TERMINAL_PROMPT": "0"}
        say = wording.no_repository
        return _run(["git", *arguments], environment, _FETCH_WITHIN, lambda why: say(self._settings.dbt.branch, why))


def _run(command: list[str], environment: dict[str, str], within: float, say: Callable[[str], str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=within, env=environment, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RefreshError(say(type(error).__name__), str(error)) from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise RefreshError(say(said.splitlines()[-1] if said else "no reason given"), said)
    return done.stdout
