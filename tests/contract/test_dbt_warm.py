"""What a child forked from the warm process runs is what plain dbt runs; and it is a process of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench import dbt_project as generated
from bot import dbt_profile
from bot.dbt_warm import Warm
from bot.wording import dbt as wording
from sandbox.incident import INCIDENT_DAY
from sandbox.world import World
from tests.contract.dbt_demo import EZ, FACT, PROJECT, deployed
from tests.contract.dbt_places import Place, built_by_plain_dbt, by_children_and_by_plain_dbt, models, place, statements

pytestmark = pytest.mark.xdist_group("dbt")

BACKFILL = {"backfill_date": INCIDENT_DAY, "backfill_columns": ["dex_volumes", "amount"]}
OTHERS = {"refresh_dates": [INCIDENT_DAY], "rebuild_ez_metrics": True, "big_warehouse": "ANALYTICS_XL"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def demo(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = place(world, PROJECT, tmp_path_factory.mktemp("demo"), state=deployed())
    yield made
    made.project.stop()


@pytest.fixture(scope="module")
def quarry(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    directory = tmp_path_factory.mktemp("quarry")
    generated.write(directory / "code", models=100, seed=3)
    made = place(world, directory / "code", directory)
    yield made
    made.project.stop()


@pytest.mark.parametrize(
    ("which", "given"), [("demo", BACKFILL), ("quarry", BACKFILL | OTHERS)], ids=["demo", "quarry"]
)
def test_every_model_is_what_plain_dbt_makes_of_it(
    which: str, given: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
):
    there: Place = request.getfixturevalue(which)
    full: list[str] = []

    seen, wanted = by_children_and_by_plain_dbt(there, "ZOE", given, tmp_path, tell=full.append)

    assert seen == wanted
    assert all(".DEV_ZOE." in relation for _, relation, *_ in seen.values())
    assert full == [], "none of them needed a full parse"


def test_every_deprecation_is_counted(quarry: Place):
    """dbt says the first of each kind, and how many there were at the end."""
    schemas = quarry.settings.dbt.project_dir.rglob("schema_*.yml")
    older_spelling = sum(file.read_text().count("accepted_values") for file in schemas)

    assert quarry.index.warnings >= older_spelling > 30


@pytest.mark.parametrize(
    ("unique_id", "given", "full_refresh"),
    [(FACT, OTHERS, True), (EZ, BACKFILL | {"backfill_columns": ["dex_volumes"]}, False)],
    ids=["table", "backfill"],
)
def test_what_is_sent_is_what_plain_dbt_sends(
    unique_id: str, given: dict[str, Any], full_refresh: bool, demo: Place, tmp_path: Path
):
    entry = demo.index.by_id[unique_id]

    def by_child(**more: Any) -> None:
        with demo.child(unique_id, "YAN", given, full_refresh=full_refresh, **more) as child:
            child.build()

    ways: dict[str, Callable[[], None]] = {
        "plain": lambda: built_by_plain_dbt(demo, entry.name, "YAN", given, tmp_path, full_refresh=full_refresh),
        "warm": by_child,
        "cold": lambda: by_child(warm=None),
    }
    there = f"CREATE TRANSIENT TABLE DEV.DEV_YAN.{entry.name} CLONE {entry.prod}"
    sent = {way: statements(demo, there, run) for way, run in ways.items()}

    writes = "create or replace transient table" if full_refresh else "merge into"
    assert any(writes in sql for sql, _ in sent["plain"])
    assert sent["warm"] == sent["cold"] == sent["plain"]


def test_another_warehouse_is_used_warm_and_cold(demo: Place):
    """Which plain dbt has no option for."""

    def run(**more: Any) -> None:
        with demo.child(FACT, "YAN", {}, full_refresh=True, warehouse="ANALYTICS_XL", **more) as child:
            child.build()

    warm, cold = statements(demo, "SELECT 1", run), statements(demo, "SELECT 1", lambda: run(warm=None))
    assert warm == cold
    assert ("ANALYTICS_XL",) in {(place,) for sql, place in warm if "create or replace transient table" in sql}


def test_a_child_is_killed_alone_and_another_answers_for_it(demo: Place, tmp_path: Path):
    told: list[str] = []
    with demo.child(EZ, "UMA", {}) as other, demo.child(FACT, "UMA", {}, tell=told.append) as child:
        before = child.compile()
        os.kill(child._running.pid, signal.SIGKILL)
        assert child.compile() == before
        assert str(other.compile().relation) == "DEV.DEV_UMA.EZ_ETHEREUM_METRICS"
        assert told == [wording.parsing_in_full(wording.child_was_stuck())]

    assert demo.warm.alive
    assert 0 < demo.warm.megabytes() < demo.settings.dbt.warm_mb


def test_many_at_once_each_run_their_own(demo: Place):
    asked = [(e.unique_id, f"PERSON_{n}") for n, e in enumerate(models(demo)[:6])]

    def compiled(one: tuple[str, str]) -> tuple[str, str, int]:
        with demo.child(*one, {}) as child:
            found = child.compile().relation
            return found.schema, found.name, child._running.pid

    with ThreadPoolExecutor(max_workers=3) as pool:
        seen = list(pool.map(compiled, asked))

    names = [demo.index.by_id[uid].name.upper() for uid, _ in asked]
    assert [s[:2] for s in seen] == [(f"DEV_PERSON_{n}", name) for n, name in enumerate(names)]
    assert len({pid for *_, pid in seen}) == len(asked)


def test_without_the_warm_process_the_child_starts_cold(demo: Place, tmp_path: Path):
    gone = Warm(tmp_path / "gone", dbt_profile.environment(demo.settings), {})
    os.kill(gone.pid, signal.SIGKILL)

    with demo.child(FACT, "VIC", {}, warm=gone) as child:
        assert str(child.compile().relation) == "DEV.DEV_VIC.FACT_ETHEREUM_DAILY_DEX_VOLUMES"

    gone.stop()
    assert not gone.alive


def test_one_that_still_reads_the_project_is_ended_at_once(demo: Place, tmp_path: Path):
    reading = Warm(tmp_path / "reading", dbt_profile.environment(demo.settings), {})

    reading.stop()

    assert reading._popen.returncode == -signal.SIGKILL, "it was not waited for"
