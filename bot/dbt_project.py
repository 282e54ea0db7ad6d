"""The dbt project as the bot sees it: an index of its models, the code that builds use, a process that has it parsed.

dbt itself gives every name. It runs in children that know no credential but the builder's; production's names come
from the deployed manifest (`[dbt] state`) or from a parse with the prod target and no way to log in.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import structlog

from bot import dbt_profile, dbt_version
from bot.dbt_code import Code
from bot.dbt_deployed import Deployed
from bot.dbt_manifest import Names, build_index
from bot.dbt_process import ChildFailed, Process, as_refresh_error, setup
from bot.dbt_warm import Warm, WarmEnded
from bot.errors import RefreshError, Unreadable
from bot.index import Index, Version
from bot.patience import turn
from bot.settings import Settings
from bot.wording import dbt as wording

log = structlog.get_logger()

_PARSE_WITHIN = 900.0  # seconds; a project of 3,000 models takes about one minute
_UNKNOWN = Version()

Beat = Callable[[], object]


class Now(NamedTuple):
    """What a child that starts now is given."""

    settings: Settings  # with the directory of the indexed code
    warm: (
        Warm | None
    )  # has exactly this code parsed; None before it has, when it has ended, when a file was changed since
    version: Version


@dataclass(frozen=True, kw_only=True)
class _Look:
    """The code as it was looked at; `files` tells a directory from itself later."""

    settings: Settings
    version: Version = _UNKNOWN
    commit: str = ""  # of the repository, in full
    files: str = ""
    warm: Warm | None = None  # has exactly this parsed


class Project:
    """Reads one dbt project. Everything it writes is under `workdir`; the project directory is never written to."""

    def __init__(self, settings: Settings, workdir: Path, *, warm: bool = False) -> None:
        """`warm` keeps the process that parsed the project, to fork the children of refreshes from; `stop` ends it."""
        if settings.dbt.target == settings.dbt.prod_target:
            raise RefreshError(wording.same_target(settings.dbt.target))
        self._settings, self._workdir = settings, workdir.resolve()
        self._wants_warm = self._keep_warm = warm and settings.dbt.warm_mb > 0
        self._cold_code = ""  # fingerprint of what no process could be kept warm for
        self._now = _Look(settings=settings)
        self._how = dbt_version.told(settings)
        self._code = Code(settings, self._workdir / "code") if settings.dbt.repository else None
        self._fetched = ""
        self._unreadable: dict[str, Unreadable] = {}  # by fingerprint, the newest only
        self._deployed = Deployed(settings.dbt.state, self._workdir / "state")
        self._reading = threading.Lock()
        self._stopped = False

    @property
    def state_dir(self) -> Path:
        """Where the production manifest is, for --defer --favor-state --state; filled by `index()`."""
        return self._deployed.directory

    @property
    def now(self) -> Now:
        """Asked before each child: files of a directory may have changed since they were read."""
        now = self._now
        if self._code is None and dbt_version.files(self._settings) != now.files:
            return Now(now.settings, None, dbt_version.of_directory(now.settings))
        return Now(now.settings, now.warm if now.warm is not None and now.warm.alive else None, now.version)

    @property
    def ready(self) -> bool:
        """Whether a child answers as soon as it ever will; else the project is being read, or will be in a moment."""
        return self.now.warm is not None or not self._keep_warm

    @property
    def has_code(self) -> bool:
        """Whether a build can start; before the first index there is nothing of a repository."""
        return self._code is None or bool(self._now.commit)

    def behind(self, fingerprint: str) -> bool:
        """Whether children do not start from this code yet, or start cold: `warm_up` sees to both."""
        return self._now.version.fingerprint != fingerprint or self._cold

    @property
    def _cold(self) -> bool:
        """Whether the warm process is not there yet, or has ended by itself."""
        warm = self._now.warm
        return self._keep_warm and (warm is None or not warm.alive)

    def moved_on(self, beat: Beat = lambda: None) -> bool:
        """Fetch; whether the branch has another commit than was indexed, and not one that dbt cannot read.

        False without a repository. Raises Unfetched when that does not answer.
        """
        if self._code is None:
            return False
        self._fetched = self._code.fetch(beat)
        return not self.newest and self._fingerprint(self._fetched, "") not in self._unreadable

    @property
    def newest(self) -> bool:
        """Whether `moved_on` has seen that the indexed commit is the branch's newest."""
        return self._code is not None and self._fetched == self._now.commit

    def knows(self, index: Index | None, fingerprint: str) -> bool:
        """Whether the index is of this code, and all is there that builds need beside it.

        Raises Unreadable where dbt has failed to read exactly this: it would again.
        """
        if known := self._unreadable.get(fingerprint):
            raise Unreadable(known.user_text, known.detail)
        return index is not None and index.fingerprint == fingerprint and self._deployed.there

    def stop(self) -> None:
        """End the warm process, also one that is just being started; children forked from it go on."""
        self._stopped = True
        self._use(replace(self._now, warm=None))

    def index(self, beat: Beat = lambda: None, known: Callable[[], Index | None] = lambda: None) -> Index:
        """Read the whole project with dbt. Takes seconds; raises Unreadable with dbt's message in plain words.

        `beat` is called every second or so meanwhile. `known` tells the index that is there: it may have been made of
        this code while this call waited for its turn. Raises RefreshError where code or manifest cannot be fetched.
        """
        with turn(self._reading, beat):
            newest, there = self._begin(beat), known()
            if self.knows(there, newest.version.fingerprint) and self._now.version == newest.version:
                assert there is not None
                return there
            return self._index(newest, beat)

    def warm_up(self) -> None:
        """Start from code that is indexed already, and the warm process for it. Raises as `index`."""
        with turn(self._reading, lambda: None):
            newest = self._begin(lambda: None)
            if not self.behind(newest.version.fingerprint):
                return
            self._use(newest)
            if not self._keep_warm:
                return
            with self._children() as (place, running):
                dev = self._start("dev", newest.settings, place / "dev", running)
                try:
                    self._finish(dev, newest, lambda: None)
                    self._take(newest, dev, running)
                except WarmEnded as error:
                    self._do_without_warm(newest, problem=error.user_text, detail=error.detail)

    @contextmanager
    def _children(self) -> Iterator[tuple[Path, ExitStack]]:
        """A place for children that parse, who end with the block."""
        self._workdir.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=self._workdir, prefix="parse-") as place, ExitStack() as running:
            yield Path(place), running

    def _index(self, newest: _Look, beat: Beat) -> Index:
        dbt = newest.settings.dbt
        with self._children() as (place, running):
            state = self._deployed.fetch(place) if dbt.state else None
            prod = None if state else self._start("prod", newest.settings, place / "prod", running)
            dev, warnings = self._dev(newest, place, running, beat)
            if prod is not None:
                self._finish(prod, newest, beat)
            production = self._deployed.keep(state or _written(place / "prod"))
            content = json.loads(_written(place / "dev").read_text())
            self._take(newest, dev, running)
        index = build_index(
            content,
            production,
            Names(date_var=dbt.date_var, columns_var=dbt.columns_var),
            version=newest.version,
            made_at=datetime.now(UTC),
            from_state=bool(dbt.state),
        )
        return replace(index, warnings=warnings)

    def _dev(self, look: _Look, place: Path, running: ExitStack, beat: Beat) -> tuple[Process | Warm, int]:
        """The project parsed with the dev target; by a child that ends, where one that stays could not do it."""
        dev = self._start("dev", look.settings, place / "dev", running)
        try:
            return dev, self._finish(dev, look, beat)
        except WarmEnded as error:
            self._do_without_warm(look, problem=error.user_text, detail=error.detail)
        return self._dev(look, place, running, beat)

    def _do_without_warm(self, look: _Look, **why: str | int) -> None:
        log.warning("no dbt is kept warm: builds start cold", **why)
        self._keep_warm, self._cold_code = False, look.version.fingerprint

    def _take(self, newest: _Look, dev: Process | Warm, running: ExitStack) -> None:
        """From now on children are of this code; who was forked before goes on."""
        self._use(replace(newest, warm=self._kept(dev, newest, running) if isinstance(dev, Warm) else None))

    def _use(self, now: _Look) -> None:
        before, self._now = self._now, now
        if before.warm is not None:
            before.warm.stop()
        if self._code is not None and before.commit != now.commit:
            self._code.leave(before.commit)
        if self._stopped and now.warm is not None:
            self._now = replace(now, warm=None)
            now.warm.stop()

    def _kept(self, warm: Warm, look: _Look, running: ExitStack) -> Warm | None:
        """The process that has parsed, to fork children from; None when it is larger than allowed, or has ended."""
        try:
            warm.use_state(self.state_dir)
        except WarmEnded as error:
            return self._do_without_warm(look, problem=error.user_text, detail=error.detail)
        megabytes = warm.megabytes()
        if megabytes > self._settings.dbt.warm_mb:
            return self._do_without_warm(look, megabytes=round(megabytes), allowed=self._settings.dbt.warm_mb)
        running.pop_all()  # nobody stops it now; the child that only parsed has ended
        log.info("dbt is warm", megabytes=round(megabytes))
        return warm

    def fingerprint(self) -> str:
        """Changes with the project's files, its commit, the deployed manifest, the settings and how an index is made: it is
        made again only then. Raises Unfetched when the repository does not answer.
        """
        if self._code is not None:
            return self._fingerprint(self._code.fetch(), "")
        version = dbt_version.of_directory(self._settings)
        return self._fingerprint(f"{version.commit} {version.dirty}", dbt_version.files(self._settings))

    def _begin(self, beat: Beat) -> _Look:
        """What is to be read; code that it was not tried for is another try to keep dbt warm."""
        newest = self._newest(beat)
        self._keep_warm = self._wants_warm and newest.version.fingerprint != self._cold_code
        return newest

    def _newest(self, beat: Beat) -> _Look:
        if self._code is not None:
            commit = self._code.fetch(beat)
            settings = self._code.at(commit, beat)
            version = Version(dbt_version.commit(settings), fingerprint=self._fingerprint(commit, ""))
            return _Look(settings=settings, commit=commit, version=version)
        files = dbt_version.files(self._settings)  # before anything is read: what changes meanwhile is seen afterwards
        version = dbt_version.of_directory(self._settings)
        fingerprint = self._fingerprint(f"{version.commit} {version.dirty}", files)
        return _Look(settings=self._settings, files=files, version=version._replace(fingerprint=fingerprint))

    def _fingerprint(self, commit: str, files: str) -> str:
        return hashlib.sha256(f"{commit} {self._deployed.mark()} {files} {self._how}".encode()).hexdigest()[:16]

    def sql(self, unique_ids: Iterable[str]) -> dict[str, str]:
        """The code of these nodes in production's manifest, compiled where it has that; for "who reads this column"."""
        return self._deployed.code(unique_ids)

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

    def _finish(self, process: Process | Warm, newest: _Look, beat: Beat) -> int:
        """Wait until the project is parsed; how many warnings dbt had."""

        def never() -> bool:
            beat()
            return False

        try:
            if isinstance(process, Warm):
                return process.ready(_PARSE_WITHIN, beat)
            done = process.ask({"do": "parse"}, within=_PARSE_WITHIN, cancelled=never)
            process.stop()
            return int(done["warnings"])
        except ChildFailed as failure:
            error = as_refresh_error(failure, wording.cannot_read_project)
            unreadable = Unreadable(error.user_text, error.detail)
            self._unreadable = {newest.version.fingerprint: unreadable}
            raise unreadable from failure


def _written(workdir: Path) -> Path:
    return workdir / "target" / "manifest.json"
