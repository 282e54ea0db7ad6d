"""The dbt project as the bot sees it: an index of its models, the production manifest, its version.

dbt itself gives every name. It runs in children that know no credential but the builder's; production's names come
from the deployed manifest (`[dbt] state`) or from a parse with the prod target and no way to log in.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import threading
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from bot import dbt_profile
from bot.dbt_code import Code
from bot.dbt_manifest import Names, build_index
from bot.dbt_process import ChildFailed, Process, as_refresh_error, setup
from bot.dbt_warm import Warm
from bot.errors import RefreshError
from bot.index import Index
from bot.settings import Settings, scrubbed_environ
from bot.wording import dbt as wording

log = structlog.get_logger()

_BEAT = 1.0  # seconds
_PARSE_WITHIN = 900.0  # seconds; a project of 3,000 models takes about one minute
_DOWNLOAD_WITHIN = 60.0


class Project:
    """Reads one dbt project. Everything it writes is under `workdir`; the project directory is never written to."""

    def __init__(self, settings: Settings, workdir: Path, *, warm: bool = False) -> None:
        """`warm` keeps the process that parsed the project, to fork the children of refreshes from; `stop` ends it."""
        if settings.dbt.target == settings.dbt.prod_target:
            raise RefreshError(wording.same_target(settings.dbt.target))
        self._settings, self._workdir = settings, workdir.resolve()
        self._keep_warm = warm and settings.dbt.warm_mb > 0
        self._now: tuple[Settings, Warm | None] = settings, None
        self._code = Code(settings, self._workdir / "code") if settings.dbt.repository else None
        self._commit = ""  # of the repository, as indexed
        self._deployed: dict[str, str] | None = None  # the code of every node in production's manifest
        self._indexing = threading.Lock()

    @property
    def state_dir(self) -> Path:
        """Where the production manifest is, for --defer --favor-state --state; filled by `index()`."""
        return self._workdir / "state"

    @property
    def now(self) -> tuple[Settings, Warm | None]:
        """What a child that starts now is given: settings with the directory of the indexed code, and the process that
        has exactly this code parsed (None before the first index, without one, or when it has ended)."""
        settings, warm = self._now
        return settings, warm if warm is not None and warm.alive else None

    def moved_on(self) -> bool:
        """Fetch; whether the branch has another commit than was indexed. False without a repository."""
        return self._code is not None and self._code.fetch() != self._commit

    @property
    def lost_warm(self) -> bool:
        """Whether the warm process ended by itself: a new index starts the next one."""
        warm = self._now[1]
        return warm is not None and not warm.alive

    def stop(self) -> None:
        """End the warm process; children forked from it go on."""
        (settings, warm) = self._now
        self._now = settings, None
        if warm is not None:
            warm.stop()

    def index(self, beat: Callable[[], object] = lambda: None) -> Index:
        """Read the whole project with dbt. Takes seconds; raises RefreshError with dbt's message in plain words.

        `beat` is called every second or so meanwhile.
        """
        while not self._indexing.acquire(timeout=_BEAT):
            beat()
        try:
            return self._index(beat)
        finally:
            self._indexing.release()

    def _index(self, beat: Callable[[], object]) -> Index:
        settings, commit = self._settings, ""
        if self._code is not None:
            commit = self._code.fetch()
            settings = self._code.at(commit)
        self._workdir.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._workdir, prefix="parse-") as place, ExitStack() as running:
            state = self._fetch_state(Path(place)) if settings.dbt.state else None
            dev = self._start("dev", settings, Path(place) / "dev", running)
            prod = None if state else self._start("prod", settings, Path(place) / "prod", running)
            for child in filter(None, (dev, prod)):
                self._finish(child, beat)
            self._keep_state(state or _written(Path(place) / "prod"))
            content = json.loads(_written(Path(place) / "dev").read_text())
            warm = self._kept(dev, running) if isinstance(dev, Warm) else None
            before, self._now, self._commit = self._now[1], (settings, warm), commit
            if before is not None:
                before.stop()
        code, dirty = self.version()
        return build_index(
            content,
            self._manifest(),
            Names(date_var=settings.dbt.date_var, columns_var=settings.dbt.columns_var),
            code=code,
            dirty=dirty,
            made_at=datetime.now(UTC),
            from_state=bool(settings.dbt.state),
        )

    def _kept(self, warm: Warm, running: ExitStack) -> Warm | None:
        """The process that has parsed, to fork children from; None when it is larger than allowed."""
        warm.use_state(self.state_dir)
        megabytes = warm.megabytes()
        if megabytes > self._settings.dbt.warm_mb:
            log.warning("the warm dbt process is too large: builds start cold", megabytes=round(megabytes))
            return None
        running.pop_all()  # nobody stops it now; the child that only parsed has ended
        log.info("dbt is warm", megabytes=round(megabytes))
        return warm

    def version(self) -> tuple[str, bool]:
        """The commit (short) and whether the project's files differ from it; ("", False) outside of git."""
        commit = self._git("rev-parse", "--short", "HEAD")
        if not commit:
            return "", False
        if self._code is not None:
            return commit.strip(), False  # laid out from the commit, and nobody works in it
        return commit.strip(), bool(self._git("status", "--porcelain", "--", "."))

    def fingerprint(self) -> str:
        """Changes with the project's files, its commit and the deployed manifest: an index is made again only then.

        Raises RefreshError when the repository does not answer.
        """
        if self._code is not None:
            return f"{self._code.fetch()} {self._state_mark()}"
        root = self._now[0].dbt.project_dir
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
        if self._deployed is None:
            nodes = self._manifest()["nodes"].items()
            self._deployed = {uid: node.get("compiled_code") or node.get("raw_code") or "" for uid, node in nodes}
        there = self._deployed
        return {uid: there[uid] for uid in unique_ids if uid in there}

    def _start(self, which: str, settings: Settings, workdir: Path, running: ExitStack) -> Process | Warm:
        """A child that parses the project with the dev target, or with prod's names."""
        write, target = {
            "dev": (dbt_profile.write_dev, settings.dbt.target),
            "prod": (dbt_profile.write_prod, settings.dbt.prod_target),
        }[which]
        profiles = write(settings, workdir / "profiles")
        content = setup(settings, workdir, profiles, target, dbt_profile.profile_name(settings)) | {"write": True}
        environment = dbt_profile.environment(settings)
        if which == "dev" and self._keep_warm:
            started: Process | Warm = Warm(workdir, environment, content)
        else:
            started = Process("the project", workdir, environment, content)
        running.callback(started.stop)
        return started

    def _finish(self, process: Process | Warm, beat: Callable[[], object]) -> None:
        def never() -> bool:
            beat()
            return False

        try:
            if isinstance(process, Warm):
                process.ready(_PARSE_WITHIN, beat)
            else:
                process.ask({"do": "parse"}, within=_PARSE_WITHIN, cancelled=never)
                process.stop()
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
        self._deployed = None

    def _manifest(self) -> dict[str, Any]:
        path = self.state_dir / "manifest.json"
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise RefreshError(wording.no_state(str(path)), str(error)) from error

    def _git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self._now[0].dbt.project_dir), *arguments]
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
