"""What the bot writes is for its own user only: keys, logs and what dbt compiled stand in it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_BESIDE = ("-wal", "-shm", "-journal")  # what SQLite keeps next to its file


def by_default() -> None:
    """From here on new files of this process and its children are 0600, and new directories 0700."""
    os.umask(0o077)


def directory(path: Path) -> None:
    """Make it with 0700, or bring one of an earlier version to that where it is ours."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(PermissionError):
        path.chmod(0o700)


def database(path: Path) -> None:
    """Make an SQLite file and its directory with 0600 and 0700, or bring a file of an earlier version to that."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    for found in (path, *(path.with_name(path.name + end) for end in _BESIDE)):
        with suppress(FileNotFoundError, PermissionError):
            found.chmod(0o600)
