"""The dbt project as the bot sees it: an index of its models, the production manifest, its version.

dbt itself gives every name. It runs in children that know no credential but the builder's; production's names come
from the deployed manifest (`[dbt] state`) or from a parse with the prod target and no way to log in.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot import dbt_profile
from bot.dbt_manifest import Names, build_index
from bot.dbt_process import ChildFailed, Process, as_refresh_error, setup
from bot.errors import RefreshError
from bot.index import Index
from bot.settings import Settings, scrubbed_environ
from bot.wording import dbt as wording

_PARSE_WITHIN = 900.0  # seconds; a project of 3,000 models takes about one minute
_DOWNLOAD_WITHIN = 60.0


class Project:
    """Reads one dbt project. Everything it writes is under `workdir`; the project directory is never written to."""

    def __init__(self, settings: Settings, workdir: Path) -> None:
        if settings.dbt.target == settings.dbt.prod_target:
            raise RefreshError(wording.same_target(settings.dbt.target))
        self._settings, self._workdir = settings, workdir.resolve()

    @property
    def state_dir(self) -> Path:
        """Where the production manifest is, for --defer --favor-state --state; filled by `index()`."""
        return self._workdir / "state"

    def index(self) -> Index:
        """Read the whole project with dbt. Takes seconds; raises RefreshError with dbt's message in plain words."""
        code, dirty = self.version()
        self._workdir.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._workdir, prefix="parse-") as place, ExitStack() as running:
            prod = self._fetch_state(Path(place)) if self._settings.dbt.state else None
            targets = ("dev",) if prod else ("dev", "prod")
            for child in [self._start(which, Path(place) / which, running) for which in targets]:
                self._finish(child)
            self._keep_state(prod or _written(Path(place) / "prod"))
            dev = json.loads(_written(Path(place) / "dev").read_text())
        return build_index(
            dev,
            self._manifest(),
            Names(date_var=self._settings.dbt.date_var, columns_var=self._settings.dbt.columns_var),
            code=code,
            dirty=dirty,
            made_at=datetime.now(UTC),
            from_state=bool(self._settings.dbt.state),
        )

    def version(self) -> tuple[str, bool]:
        """The commit (short) and whether the project's files differ from it; ("", False) outside of git."""
        commit = self._git("rev-parse", "--short", "HEAD")
        if not commit:
            return "", False
        return commit.strip(), bool(self._git("status", "--porcelain", "--", "."))

    def fingerprint(self) -> str:
        """Changes with the project's files, its commit and the deployed manifest: an index is made again only then."""
        root = self._settings.dbt.project_dir
        found = hashlib.sha256(f"{self.version()} {self._state_mark()}\n".encode())
        for path in sorted(root.rglob("*")):
            inside = path.relative_to(root).parts
            if not path.is_file() or inside[0] in ("target", "logs") or any(p.startswith(".") for p in inside):
                continue
            stat = path.stat()
            found.update(f"{path.relative_to(root)}:{stat.st_size}:{stat.st_mtime_ns}\n".encode())
        return found.hexdigest()[:16]

    def _state_mark(self) -> str:
        """What changes when production is deployed anew; "" without `[dbt] state`, or where its server does not say."""
        where = self._settings.dbt.state
        if not where:
            return ""
        if not where.startswith(("https://", "http://")):
            path = self._manifest_path(where)
            return f"{path.stat().st_mtime_ns}" if path.exists() else ""
        request = urllib.request.Request(_manifest_url(where), method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_DOWNLOAD_WITHIN) as answer:
                return str(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        except (urllib.error.URLError, TimeoutError):
            return ""

    @staticmethod
    def _manifest_path(where: str) -> Path:
        return Path(where) if where.endswith(".json") else Path(where) / "manifest.json"

    def sql(self, unique_ids: Iterable[str]) -> dict[str, str]:
        """The code of these nodes in production's manifest, compiled where it has that; for "who reads this column"."""
        nodes = self._manifest()["nodes"]
        there = ((uid, nodes[uid]) for uid in unique_ids if uid in nodes)
        return {uid: node.get("compiled_code") or node.get("raw_code") or "" for uid, node in there}

    def _start(self, which: str, workdir: Path, running: ExitStack) -> Process:
        """A child that parses the project with the dev target, or with prod's names."""
        settings = self._settings
        write, target = {
            "dev": (dbt_profile.write_dev, settings.dbt.target),
            "prod": (dbt_profile.write_prod, settings.dbt.prod_target),
        }[which]
        profiles = write(settings, workdir / "profiles")
        content = setup(settings, workdir, profiles, target, dbt_profile.profile_name(settings)) | {"write": True}
        process = Process("the project", workdir, dbt_profile.environment(settings), content)
        running.callback(process.stop)
        return process

    def _finish(self, process: Process) -> None:
        try:
            process.ask({"do": "parse"}, within=_PARSE_WITHIN)
        except ChildFailed as failure:
            raise as_refresh_error(failure, wording.cannot_read_project) from failure

    def _fetch_state(self, place: Path) -> Path:
        """The deployed manifest: a file in the directory, or downloaded from the URL (with or without its name)."""
        where = self._settings.dbt.state
        if not where.startswith(("https://", "http://")):
            return self._manifest_path(where)
        url = _manifest_url(where)
        downloaded = place / "manifest.json"
        try:
            with urllib.request.urlopen(url, timeout=_DOWNLOAD_WITHIN) as answer, downloaded.open("wb") as file:
                shutil.copyfileobj(answer, file)
        except (urllib.error.URLError, TimeoutError) as error:
            raise RefreshError(wording.no_state(url), str(error)) from error
        return downloaded

    def _keep_state(self, manifest: Path) -> None:
        """A copy of our own, replaced in one step: a running build reads it while a new one comes in."""
        self.state_dir.mkdir(parents=True, exist_ok=True)
        fresh = self.state_dir / f"manifest.json.{uuid.uuid4().hex}"
        try:
            shutil.copyfile(manifest, fresh)
        except OSError as error:
            raise RefreshError(wording.no_state(str(manifest)), str(error)) from error
        fresh.replace(self.state_dir / "manifest.json")

    def _manifest(self) -> dict[str, Any]:
        path = self.state_dir / "manifest.json"
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise RefreshError(wording.no_state(str(path)), str(error)) from error

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self._settings.dbt.project_dir), *arguments]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=20, env=scrubbed_environ(), check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        return done.stdout if done.returncode == 0 else ""


def _written(workdir: Path) -> Path:
    return workdir / "target" / "manifest.json"


def _manifest_url(where: str) -> str:
    return where if where.endswith(".json") else where.rstrip("/") + "/manifest.json"
