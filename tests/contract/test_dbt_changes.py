"""The project changes, breaks and comes back while the bot runs: what is served, what is built from, what people are told."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import dbt_project, dbt_warm
from bot.compiled import Compiled
from bot.dbt_build import DbtChild
from bot.dbt_project import Project
from bot.index import Index
from bot.service import Service
from bot.settings import Settings
from tests.contract.dbt_demo import FACT, changed_project, deployed, unreachable

pytestmark = pytest.mark.xdist_group("dbt")

NEW = Path("models/facts/one_more.sql")
BROKEN = Path("models/facts/broken.yml")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return changed_project(unreachable(tmp_path, state=deployed()), tmp_path / "code")


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[[], Service]]:
    """Start the bot, again over the same data where it ran before; the worker's timers are the test's to move."""
    started: list[Service] = []

    def again() -> Service:
        for earlier in started:
            earlier.stop()
        started.append(Service(settings))
        return started[-1]

    yield again
    started[-1].stop()


def indexed(bot: Service) -> Index:
    index = bot.store.index()
    assert index is not None
    return index


def warm_processes() -> list[str]:
    """Those that this process has started and that run."""
    listed = subprocess.run(["ps", "-A", "-o", "ppid=,command="], capture_output=True, text=True, check=True).stdout
    lines = [line.split(None, 1) for line in listed.splitlines()]
    return [command for parent, command in lines if parent == str(os.getpid()) and "bot.dbt_server" in command]


def compiled(bot: Service, workdir: Path) -> tuple[Compiled, list[str]]:
    """What a refresh would build now, and what it would tell people meanwhile."""
    told: list[str] = []
    settings, warm, _ = bot.services.project.now
    child = DbtChild(
        settings,
        unique_id=FACT,
        name="fact",
        vars={},
        env_user="ANN",
        state_dir=bot.services.project.state_dir,
        workdir=workdir,
        warm=warm,
        tell=told.append,
    )
    with child:
        return child.compile(), told


def test_the_last_good_index_serves_while_the_code_is_broken(
    start: Callable[[], Service], settings: Settings, tmp_path: Path
):
    bot, code = start(), settings.dbt.project_dir
    bot.timers.refresh_index()
    good = indexed(bot)
    (code / NEW).write_text("select 1 as one")
    (code / BROKEN).write_text("version: 2\nmodels:\n  - name: one_more\n    columns: [\n")

    bot.timers.refresh_index()
    first = bot.store.problem()
    bot.timers.refresh_index()

    assert indexed(bot) is good
    assert "broken.yml" in first and "line 5" in first, "where it is"
    assert bot.store.problem() == first
    assert str(tmp_path) not in first

    (code / BROKEN).unlink()
    bot.timers.refresh_index()
    assert bot.store.problem() == ""
    assert {e.name for e in indexed(bot).entries} - {e.name for e in good.entries} == {"one_more"}


def test_a_file_that_changed_after_the_warm_process_read_it_is_built_as_it_is(
    start: Callable[[], Service], settings: Settings, tmp_path: Path
):
    bot = start()
    bot.timers.refresh_index()
    assert bot.services.project.now[1] is not None

    append(settings, "fact_ethereum_daily_dex_volumes.sql", "-- a new line")

    assert bot.services.project.now[1] is None, "what it has parsed is not what is there"
    assert "-- a new line" in compiled(bot, tmp_path / "cold")[0].sql
    bot.store.put_index(Project(settings, tmp_path / "other").index())  # another worker has seen it first
    bot.timers.refresh_index()
    assert bot.services.project.now[1] is not None
    assert "-- a new line" in compiled(bot, tmp_path / "warm")[0].sql


def test_what_dbt_wrote_is_not_kept_for_ever(start: Callable[[], Service], settings: Settings):
    bot, place = start(), settings.worker.data_dir
    for output in ("refreshes/R1/target", "refreshes/plan-0a/target", "project/parse-x/dev", "refreshes/R2/target"):
        (place / output).mkdir(parents=True)
    for old in ("refreshes/R1", "refreshes/plan-0a", "project/parse-x"):
        os.utime(place / old, (0, 0))

    bot.timers.clean_up()

    assert [p.name for p in (place / "refreshes").iterdir()] == ["R2"], "somebody may be at work there"
    assert not list((place / "project").glob("parse-*"))


def test_a_start_with_known_code_keeps_the_index_and_only_warms_up(start: Callable[[], Service]):
    bot = start()
    bot.timers.refresh_index()
    before, pid = indexed(bot), bot.services.project.now[1].pid  # type: ignore[union-attr]

    bot = start()
    assert bot.services.project.now[1] is None
    bot.timers.refresh_index()
    warm = bot.services.project.now[1]

    assert indexed(bot).made_at == before.made_at, "not made again"
    assert warm is not None and warm.pid != pid
    os.kill(warm.pid, signal.SIGKILL)
    warm.stop()
    assert bot.services.project.now[1] is None
    bot.timers.refresh_index()
    assert bot.services.project.now[1] is not None, "the next one is there"


def test_a_warm_process_that_hangs_costs_no_refresh(
    start: Callable[[], Service], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dbt_warm, "_FORK_WITHIN", 1.0)
    bot = start()
    bot.timers.refresh_index()
    warm = bot.services.project.now[1]
    assert warm is not None
    expected = compiled(bot, tmp_path / "warm")

    os.kill(warm.pid, signal.SIGSTOP)

    assert compiled(bot, tmp_path / "cold") == expected
    assert bot.services.project.now[1] is None, "nobody asks it again"


def test_a_stop_while_dbt_is_being_warmed_leaves_no_process_behind(start: Callable[[], Service]):
    bot, others = start(), warm_processes()
    reading = threading.Thread(target=bot.timers.refresh_index)
    reading.start()
    bot.services.project.stop()
    reading.join()
    assert indexed(bot).entries
    assert bot.services.project.now[1] is None
    assert warm_processes() == others


def test_an_index_needs_no_warm_process(
    start: Callable[[], Service], settings: Settings, monkeypatch: pytest.MonkeyPatch
):
    class Killed(dbt_warm.Warm):
        def __init__(self, *given: Any) -> None:
            super().__init__(*given)
            os.kill(self.pid, signal.SIGKILL)  # as the kernel does where memory is short

    monkeypatch.setattr(dbt_project, "Warm", Killed)
    bot = start()

    bot.timers.refresh_index()

    assert indexed(bot).by_id[FACT].dev is not None
    assert bot.services.project.now[1] is None
    assert not bot.services.project.behind(indexed(bot).fingerprint), "it is not tried again and again"

    monkeypatch.undo()
    append(settings, "fact_ethereum_daily_dex_volumes.sql", "-- a new line")
    bot.timers.refresh_index()
    assert bot.services.project.now[1] is not None, "other code is another try"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("fact_ethereum_daily_dex_volumes.sql", "-- {{ graph.nodes | length > 9 }}"),
        ("dbt_project.yml", "on-run-end: ['{% do graph.nodes %}']"),
    ],
    ids=["in the model", "in a hook"],
)
def test_what_looks_at_the_whole_project_is_parsed_in_full_and_says_so(
    file: str, text: str, start: Callable[[], Service], settings: Settings, tmp_path: Path
):
    append(settings, file, text)
    bot = start()
    bot.timers.refresh_index()

    found, told = compiled(bot, tmp_path / "child")

    assert len(told) == 1 and "whole project" in told[0]
    assert ("-- True" in found.sql) == (file != "dbt_project.yml")


def test_what_reads_the_clock_is_parsed_for_every_refresh(
    start: Callable[[], Service], settings: Settings, tmp_path: Path
):
    append(settings, "fact_ethereum_daily_dex_volumes.sql", "{{ config(snowflake_warehouse=invocation_id) }}")
    bot = start()
    bot.timers.refresh_index()

    seen = [compiled(bot, tmp_path / number) for number in ("1", "2")]

    assert [told for _, told in seen] == [[], []], "the file alone"
    assert len({indexed(bot).by_id[FACT].warehouse, *(found.warehouse for found, _ in seen)}) == 3


def append(settings: Settings, file: str, text: str) -> None:
    place = next(settings.dbt.project_dir.rglob(file))
    place.write_text(f"{place.read_text()}\n{text}\n")
