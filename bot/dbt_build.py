"""Builds one model with real dbt, in dev only, in a child process of its own.

The child reads the project once with the refresh's vars, compiles, and builds on command. Whatever dbt says about
its own success is checked: the right model, in the right relation, from the right branch, and nothing else.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import structlog

from bot import dbt_profile, inspection, key_files, queries, reads
from bot.compiled import Analysis, Compiled
from bot.dbt_process import ChildFailed, ChildGone, Conversation, Process, as_refresh_error, clean, setup
from bot.dbt_warm import Forked, Warm
from bot.errors import BuildFailed, Cancelled, RefreshError
from bot.index import Version
from bot.model import Build, Relation, TestResult
from bot.settings import Settings
from bot.wording import dbt as wording

__all__ = ["Compiled", "DbtChild"]

log = structlog.get_logger()

_TEMPORARY = "__DBT_TMP"
_WRITES = ("NodeStart", "LogHookStartLine")  # a node or a hook of the project begins
_UNKNOWN = Version()


class DbtChild:
    """One child process for one refresh; a context manager, since the child must never outlive the step.

    Parsing starts when the context is entered and is waited for by the first command.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        unique_id: str,
        name: str,
        vars: dict[str, Any],
        env_user: str,
        state_dir: Path,
        workdir: Path,
        warehouse: str = "",
        full_refresh: bool = False,
        analyses: tuple[str, ...] = (),
        production: Collection[tuple[str, str]] = (),
        tag: str = "",
        cancelled: Callable[[], bool] = lambda: False,
        warm: Warm | None = None,
        version: Version = _UNKNOWN,
        tell: Callable[[str], object] = lambda _text: None,
    ) -> None:
        """`env_user` fills {user} in `[dbt.env]`; `warehouse` overrides the model's; `full_refresh` is the mode;
        `production` is database and schema of all that no statement may write;
        `cancelled` is asked twice a second. The child is forked from `warm` where there is one; `version` is that of
        the code; `tell` hears what takes longer than people expect. Raises RefreshError when profiles or `[dbt.env]` cannot be used.
        """
        self._settings, self._unique_id, self._name, self._version = settings, unique_id, name, version
        self._full_refresh, self._workdir = full_refresh, workdir.resolve()
        self._environment = dbt_profile.environment(settings, env_user)
        profiles = dbt_profile.write_dev(settings, self._workdir / "profiles", tag)
        target, profile = settings.dbt.target, dbt_profile.profile_name(settings)
        self._setup = setup(settings, self._workdir, profiles, target, profile) | {
            "unique_id": unique_id,
            "vars": vars,
            "warehouse": warehouse,
            "full_refresh": full_refresh,
            "analyses": list(analyses),
            "production": sorted(production),
            "state_dir": str(state_dir.resolve()),
            "private_key": _builder_key(settings),
        }
        self._within = settings.dbt.build_timeout.total_seconds()
        self._cancelled, self._warm, self._say = cancelled, warm, tell
        self._process: Conversation | None = None
        self._compiled: Compiled | None = None

    def __enter__(self) -> Self:
        os.utime(self._workdir)  # the janitor goes by it, and an earlier child may have used it
        self._process = self._start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self._process.stop()

    def _start(self) -> Conversation:
        if self._warm is not None:
            try:
                return self._warm.fork(self._name, self._workdir, self._environment, self._setup)
            except (RefreshError, OSError) as error:  # cold is only slower
                log.warning("dbt starts cold", model=self._name, problem=str(error))
        return self._start_cold()

    def _start_cold(self) -> Process:
        return Process(self._name, self._workdir, self._environment, self._setup)

    def _ask(
        self, command: dict[str, Any], hear: Callable[[dict[str, Any]], None], cancelled: Callable[[], bool]
    ) -> dict[str, Any]:
        """Have the child do this; one started cold, which owes nothing to another process, where the forked one is gone.

        Raises as `Conversation.ask`, also where the model may have been written to already.
        """
        written = False

        def heard(event: dict[str, Any]) -> None:
            nonlocal written
            written |= command["do"] == "build" and event["event"] in _WRITES
            hear(event)

        running = self._running
        try:
            return running.ask(command, within=self._within, hear=heard, cancelled=cancelled)
        except ChildGone:
            log.warning("a dbt child is gone", model=self._name, pid=running.pid, stack=running.stack())
            if written or not isinstance(running, Forked):
                raise
        running.stop()
        self._say(wording.parsing_in_full(wording.child_was_stuck()))
        self._process = self._start_cold()
        return self._process.ask(command, within=self._within, hear=hear, cancelled=cancelled)

    def compile(self, *, without_vars: bool = False, incremental: bool = False) -> Compiled:
        """Compile the model, its hooks and the analyses.

        `without_vars` renders the model alone as if none were given (the honour test); `incremental` makes
        `is_incremental()` true although dev is not there yet. Raises RefreshError with dbt's message.
        """
        command = {"do": "compile", "without_vars": without_vars, "incremental": incremental}
        try:
            done = self._ask(command, self._hear, self._cancelled)
        except ChildFailed as failure:
            if failure.kind == "unknown_model":
                raise RefreshError(wording.unknown_model(self._name)) from failure
            raise as_refresh_error(failure, lambda text: wording.cannot_compile(self._name, text)) from failure
        compiled = self._read(done)
        if not without_vars:
            self._compiled = compiled
        return compiled

    def build(
        self,
        progress: Callable[[str, float | None], None] = lambda _text, _share: None,
        cancelled: Callable[[], bool] = lambda: False,
        skip_hooks: tuple[str, ...] = (),
    ) -> Build:
        """Build the model and run its own tests; failing tests are results.

        `skip_hooks` are texts out of `Compiled.hooks`. Raises BuildFailed unless exactly this model was built, where
        `compile` said it would be; Cancelled when `cancelled()` turned true.
        """
        compiled = self._compiled or self.compile(incremental=not self._full_refresh)
        numbers = [number for number, hook in enumerate(compiled.hooks) if hook in skip_hooks]
        started = datetime.now(UTC)
        try:
            hear = _Progress(self._unique_id, self._name, len(compiled.tests), progress)
            command = {"do": "build", "skip_hooks": numbers, "look": _look(compiled.relation)}
            done = self._ask(command, hear, cancelled)
        except ChildFailed as failure:
            if failure.kind == "interrupted":
                raise Cancelled(wording.cancelled(self._name)) from failure
            error = as_refresh_error(failure, lambda text: wording.build_failed(self._name, text))
            raise BuildFailed(error.user_text, error.detail, compiled.sql) from failure
        self._judge(done, compiled)
        return self._build(done, compiled, started)

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "ParsingInFull":
            self._say(wording.parsing_in_full(event["why"]))

    @property
    def _running(self) -> Conversation:
        if self._process is None:
            raise RuntimeError("the child runs inside its context only")
        return self._process

    def _read(self, done: dict[str, Any]) -> Compiled:
        relation, config = Relation.parse(done["relation"]), done["config"]
        place = (relation.database, relation.schema)
        update = config["merge_update_columns"]
        exclude = config["merge_exclude_columns"]
        return Compiled(
            sql=done["sql"],
            relation=relation,
            place=tuple(done["place"]),
            reads=tuple(r for r in self._reads(done["sql"], *place) if not _is_own(r, relation)),
            hooks=tuple(done["hooks"]),
            tests=tuple(done["tests"]),
            materialized=config["materialized"] or "",
            unique_key=_tuple(config["unique_key"]) or (),
            update_columns=_tuple(update),
            exclude_columns=_tuple(exclude),
            transient=config["transient"],
            warehouse=config["snowflake_warehouse"] or "",
            analyses={
                name: Analysis(sql=sql, reads=self._reads(sql, *place)) for name, sql in done["analyses"].items()
            },
            version=self._version,
        )

    def _reads(self, sql: str, database: str, schema: str) -> tuple[Relation, ...]:
        found = reads.relations(sql, database, schema)
        if found is None:
            raise RefreshError(wording.unreadable_sql(self._name), sql)
        return tuple(sorted(found))

    def _judge(self, done: dict[str, Any], compiled: Compiled) -> None:
        """Raise BuildFailed unless dbt did exactly what was asked for."""
        fail = _Fail(compiled.sql)
        for hook in _of_type(done, "operation"):
            if hook["status"] not in ("success", "pass"):
                raise fail(wording.hook_failed(hook["name"], clean(hook["message"])))
        built = [r for r in done["results"] if r["type"] not in ("test", "operation")]
        ours = next((r for r in built if r["id"] == self._unique_id), None)
        if ours is None or ours["status"] == "skipped":
            raise fail(wording.built_nothing(self._name))
        fail = _Fail(ours["sql"] or compiled.sql)
        if ours["status"] != "success":
            raise fail(wording.build_failed(self._name, clean(ours["message"])))
        if others := sorted(r["id"] for r in built if r["id"] != self._unique_id):
            raise fail(wording.built_others(self._name, others))
        if (written := Relation.parse(ours["relation"])) != compiled.relation:
            raise fail(wording.built_elsewhere(self._name, str(compiled.relation), str(written)))
        if compiled.materialized == "incremental" and not self._full_refresh and _created(done, compiled.relation):
            raise fail(wording.built_from_scratch(self._name))

    def _build(self, done: dict[str, Any], compiled: Compiled, started: datetime) -> Build:
        ours = next(r for r in done["results"] if r["id"] == self._unique_id)
        merged = isinstance(ours["rows"], int) and not _created(
            done, compiled.relation
        )  # else it counts the DDL's answer
        return Build(
            invocation_id=done["invocation_id"],
            started=started,
            seconds=ours["seconds"],
            query_ids=tuple(dict.fromkeys(done["query_ids"])),
            rows_affected=ours["rows"] if merged else None,
            left=inspection.token(done["left"][0]) if done["left"] else None,
            tests=tuple(
                TestResult(
                    name=r["name"],
                    status=r["status"],
                    failures=r["failures"],
                    fail_calc=r["fail_calc"],
                    limit=r["limit"],
                    message=clean(r["message"]),
                    sql=r["sql"] if r["status"] == "fail" else "",
                )
                for r in _of_type(done, "test")
            ),
            hooks=tuple(r["name"] for r in _of_type(done, "operation")),
            dbt_version=done["version"],
            compiled_sql=ours["sql"],
            spot_checks={name: analysis.sql for name, analysis in compiled.analyses.items()},
        )


def _builder_key(settings: Settings) -> str:
    """In text; empty where there is none, as for reading a project. Raises RefreshError."""
    file, passphrase = settings.secrets.builder_key
    if file is None:
        return ""
    return key_files.packed(key_files.opened(settings.warehouse.builder.user, file, passphrase))


class _Fail:
    def __init__(self, sql: str) -> None:
        self._sql = sql

    def __call__(self, text: str) -> BuildFailed:
        return BuildFailed(text, compiled_sql=self._sql)


class _Progress:
    """Turns the child's events into the words shown on the card; a share only where steps can be counted."""

    def __init__(self, unique_id: str, name: str, tests: int, tell: Callable[[str, float | None], None]) -> None:
        self._unique_id, self._name, self._total, self._tell = unique_id, name, tests, tell
        self._done = 0

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "NodeStart" and event["id"] == self._unique_id:
            self._tell(wording.building(self._name), None)
        elif event["event"] == "NodeFinished" and event["type"] == "test":
            self._done += 1
            self._tell(wording.testing(self._done, self._total), None)


def _look(relation: Relation) -> dict[str, Any]:
    """The statement that reads the table's token, for dbt's process to send."""
    binds = {"relation": relation.sql, "schema": relation.schema, "name": relation.name}
    return {"sql": queries.render("inspect/token", relation=relation), "binds": binds}


def _of_type(done: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [r for r in done["results"] if r["type"] == kind]


def _created(done: dict[str, Any], relation: Relation) -> bool:
    for text in done["created"]:
        try:
            if Relation.parse(text.rstrip("(;")) == relation:
                return True
        except ValueError:
            continue
    return False


def _is_own(read: Relation, relation: Relation) -> bool:
    return read == relation or (
        read.schema == relation.schema and read.name.upper() == relation.name.upper() + _TEMPORARY
    )


def _tuple(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
