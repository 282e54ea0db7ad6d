"""The user of this machine that dbt runs as: code of the project then reads its own directory, not what the bot keeps."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bot.errors import RefreshError
from bot.wording import dbt as wording

_READ = 0o444
_ENTER = 0o111


def popen(content: dict[str, Any], workdir: Path) -> dict[str, Any]:
    """Hand the directory over, and say what `Popen` needs to start the child as `[dbt] run_as`; {} where that is unset.

    Raises RefreshError where there is no such user, or where this process may not become it.
    """
    if not content.get("run_as"):
        return {}
    user = _user(content["run_as"])
    hand_over(content, workdir)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def hand_over(content: dict[str, Any], workdir: Path) -> None:
    """Give the child's directory to its user, and let it read the code and production's manifest that the bot keeps."""
    if not content.get("run_as"):
        return
    user, data_dir = _user(content["run_as"]), Path(content["data_dir"])
    for path in (workdir, *workdir.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
    kept = [Path(content[name]) for name in ("project_dir", "state_dir") if content[name]]
    for path in (path for path in kept if data_dir in path.parents):
        _open((path, *path.rglob("*")), _READ)
    for path in (workdir, *kept):
        _open((above for above in path.parents if above == data_dir or data_dir in above.parents), 0)


def home(name: str) -> dict[str, str]:
    """Its HOME, for the child's environment: the bot's own it may not read."""
    return {"HOME": _user(name).pw_dir} if name else {}


def _open(paths: Iterable[Path], read: int) -> None:
    for path in paths:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | read | (_ENTER if path.is_dir() else 0))


def _user(name: str) -> pwd.struct_passwd:
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        raise RefreshError(wording.no_such_user(name)) from None
    if os.geteuid() not in (0, found.pw_uid):
        raise RefreshError(wording.may_not_become(name))
    return found
