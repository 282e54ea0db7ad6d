"""Which code a dbt project is: its commit, its files, and what else an index of it depends on."""

from __future__ import annotations

import hashlib
import inspect
import os
import subprocess
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import yaml

import bot.index
from bot import dbt_manifest, lineage
from bot.index import Version
from bot.settings import Settings, scrubbed_environ

_WITHIN = 20.0  # seconds that git has
_OUTPUT = {"target-path": "target", "log-path": "logs"}  # dbt's own names where the project has none


def commit(settings: Settings) -> str:
    """Short; empty outside of git."""
    return _git(settings, "rev-parse", "--short", "HEAD").strip()


def of_directory(settings: Settings) -> Version:
    """The commit of a directory that people work in, and whether its files differ from it."""
    there = commit(settings)
    return Version(there, bool(there) and bool(_git(settings, "status", "--porcelain", "--", ".")))


def files(settings: Settings) -> str:
    """Changes with every file of the directory, packages and profiles included; what dbt writes itself is left out."""
    root, seen = str(settings.dbt.project_dir), set[str]()
    written, found = _written(settings.dbt.project_dir), hashlib.sha256()
    for place, folders, names in os.walk(root, followlinks=True):  # local packages are links
        known = os.path.realpath(place) in seen
        seen.add(os.path.realpath(place))
        mine = {f for f in folders if not f.startswith(".") and os.path.join(place, f) not in written}
        folders[:] = () if known else sorted(mine)
        for name in sorted(f for f in names if not f.startswith(".")):
            _note(os.path.join(place, name), found)
    _note(str((settings.dbt.profiles_dir or settings.dbt.project_dir) / "profiles.yml"), found)
    return found.hexdigest()


def told(settings: Settings) -> str:
    """What an index depends on beside the project: what the bot was told of it, dbt, and the code that makes it."""
    made_by = (inspect.getsource(part) for part in (dbt_manifest, bot.index, lineage))
    versions = (version("dbt-core"), version("dbt-snowflake"))
    return hashlib.sha256("\n".join([settings.dbt.model_dump_json(), *versions, *made_by]).encode()).hexdigest()


def _note(file: str, found: hashlib._Hash) -> None:
    with suppress(OSError):  # gone a moment ago, or a link to nothing
        stat = os.stat(file)
        found.update(f"{file}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())


def _written(project: Path) -> set[str]:
    """Where people who run dbt here have its output: up to the first part that only dbt can render."""
    own: object = None
    with suppress(OSError, yaml.YAMLError):
        own = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
    paths = [str((own if isinstance(own, dict) else {}).get(key) or usual) for key, usual in _OUTPUT.items()]
    return {str(project / first) for path in paths if (first := path.partition("{{")[0].rstrip("/"))}


def _git(settings: Settings, *arguments: str) -> str:
    command = ["git", "-C", str(settings.dbt.project_dir), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_WITHIN, env=scrubbed_environ(), check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
