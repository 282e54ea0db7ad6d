"""What a child forked from the warm process runs is what plain dbt runs; and it is a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench import dbt_project as generated
from bot import dbt_profile
from bot.dbt_build import DbtChild
from bot.dbt_project import Project
from bot.dbt_warm import Warm
from bot.errors import RefreshError
from bot.index import Index
from bot.settings import Settings
from sandbox.incident import INCIDENT_DAY
from sandbox.world import World
from tests.contract.dbt_demo import EZ, FACT, PROJECT, deployed

pytestmark = pytest.mark.xdist_group("dbt")

BACKFILL = {"backfill_date": INCIDENT_DAY, "backfill_columns": ["dex_volumes", "amount"]}
OTHERS = {"refresh_dates": [INCIDENT_DAY], "rebuild_ez_metrics": True, "big_warehouse": "ANALYTICS_XL"}

# Only models of which none reads another share an invocation: what runs is resolved with everything else in production.
_DEFER = ("--defer", "--favor-state", "--state")
# dbt parse knows nothing of what defers, which comes last.
_COMPILE = """
import json, sys
from dbt.cli.main import dbtRunner

*given, names = sys.argv[1:]
parsed = dbtRunner().invoke(["parse", *given[:-4]])
assert parsed.success, parsed.exception
manifest, left, found = parsed.result, json.loads(names), {}

def parents(uid):
    direct = manifest.nodes[uid].depends_on_nodes if uid in manifest.nodes else []
    return {*direct}.union(*map(parents, direct))

while left:
    together = [uid for uid in left if not parents(uid) & {*left}]
    chosen = [part for uid in together for part in ("--select", "fqn:" + ".".join(manifest.nodes[uid].fqn))]
    done = dbtRunner(manifest).invoke(["compile", *given, *chosen])
    assert done.success, done.exception
    for node in (r.node for r in done.result.results if r.node.resource_type == "model"):
        config = node.config.to_dict()
        found[node.unique_id] = {"sql": node.compiled_code, "relation": node.relation_name, "config": config}
    left = [uid for uid in left if uid not in together]
with open(given[given.index("--target-path") + 1] + ".json", "w") as file:
    json.dump(found, file, default=str)
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One project in the sandbox, parsed once for nobody in particular."""

    settings: Settings
    project: Project
    index: Index
    directory: Path
    world: World

    @property
    def warm(self) -> Warm:
        warm = self.project.now[1]
        assert warm is not None
        return warm

    def child(self, unique_id: str, user: str, given: dict[str, Any], **more: Any) -> DbtChild:
        name = self.index.by_id[unique_id].name
        workdir = self.directory / f"{name}-{user}-{len(given)}"
        return DbtChild(
            self.settings,
            unique_id=unique_id,
            name=name,
            vars=given,
            env_user=user,
            state_dir=self.project.state_dir,
            workdir=workdir,
            **{"warm": self.warm} | more,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    made.start()
    yield made
    made.stop()


def place(world: World, project_dir: Path, directory: Path, **more: str) -> Place:
    settings = Settings.load(world.environ())
    dbt = {"project_dir": project_dir, "profiles_dir": project_dir, "env": {"DEV_USER": "{user}"}, **more}
    settings = settings.model_copy(update={"dbt": settings.dbt.model_copy(update=dbt)})
    project = Project(settings, directory / "work", warm=True)
    return Place(settings=settings, project=project, index=project.index(), directory=directory, world=world)


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


def plain_options(there: Place, given: dict[str, Any], directory: Path) -> list[str]:
    """What every command of plain dbt is given, with directories of its own."""
    profiles = dbt_profile.write_dev(there.settings, directory / "profiles")
    options = ["--project-dir", str(there.settings.dbt.project_dir), "--profiles-dir", str(profiles), "--target", "dev"]
    options += ["--target-path", str(directory / "target"), "--log-path", str(directory / "log")]
    options += ["--vars", json.dumps(given)]
    return [*options, *_DEFER, str(there.project.state_dir)]


def plain_dbt(there: Place, user: str, given: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Nodes of the manifest that the dbt command itself writes after compiling everything, parsed from scratch."""
    names = [e.unique_id for e in models(there)]
    environment = dbt_profile.environment(there.settings, user)
    options = ["--no-partial-parse", "--quiet", *plain_options(there, given, directory)]
    subprocess.run(
        [sys.executable, "-c", _COMPILE, *options, json.dumps(names)],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    return json.loads((directory / "target.json").read_text())


def models(there: Place) -> list[Any]:
    usual = [e for e in there.index.entries if e.enabled and e.language == "sql"]
    found = [e for e in usual if e.materialized in ("table", "incremental", "view")]
    rare = ("ez", "dim", "fact_shared")
    return found if len(found) < 30 else [e for n, e in enumerate(found) if n % 25 == 0 or e.name.startswith(rare)]


@pytest.mark.parametrize(
    ("which", "given"), [("demo", BACKFILL), ("quarry", BACKFILL | OTHERS)], ids=["demo", "quarry"]
)
def test_every_model_is_what_plain_dbt_makes_of_it(
    which: str, given: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
):
    there: Place = request.getfixturevalue(which)
    expected = plain_dbt(there, "ZOE", given, tmp_path)
    full: list[str] = []

    seen, wanted = {}, {}
    for uid, truth in expected.items():
        with there.child(uid, "ZOE", given, tell=full.append) as child:
            compiled = child.compile()
        config = truth["config"]
        wanted[uid] = (
            truth["sql"],
            truth["relation"].replace('"', "").upper(),
            config["materialized"],
            tuple(config.get("merge_update_columns") or ()),
            tuple(config.get("merge_exclude_columns") or ()),
            config.get("transient"),
            config.get("snowflake_warehouse") or "",
        )
        seen[uid] = (
            compiled.sql,
            str(compiled.relation),
            compiled.materialized,
            compiled.update_columns or (),
            compiled.exclude_columns or (),
            compiled.transient,
            compiled.warehouse,
        )

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


def statements(there: Place, prepare: str, run: Callable[[], None]) -> list[tuple[str, str]]:
    """What the builder sends and on which warehouse; in no order, since dbt runs tests side by side.

    Looks at what is there are left out: a child compiles first, and looks once more for that.
    """
    snowflake = there.world.snowflake
    snowflake.run_script("DROP SCHEMA IF EXISTS DEV.DEV_YAN")
    login = {"private_key": there.world.private_key("builder"), "warehouse": "ETHEREUM"}
    with snowflake.connect("REFRESH_BUILDER_SVC", **login) as connection, connection.cursor() as one:
        one.execute("CREATE SCHEMA DEV.DEV_YAN")
        one.execute(prepare)
    before = len(snowflake.log)
    run()
    ours = [s for s in snowflake.log[before:] if s.user == "REFRESH_BUILDER_SVC"]
    return sorted((s.sql, s.warehouse) for s in ours if not s.sql.startswith("show "))


def built_by_plain_dbt(
    there: Place, name: str, user: str, given: dict[str, Any], directory: Path, *, full_refresh: bool
) -> None:
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "build", "--quiet", "--select", name]
    command += [*plain_options(there, given, directory), *(["--full-refresh"] if full_refresh else [])]
    command += ["--indirect-selection", "buildable", "--cache-selected-only"]
    subprocess.run(command, check=True, env=dbt_profile.environment(there.settings, user), stdout=subprocess.DEVNULL)


def test_a_child_is_killed_alone(demo: Place, tmp_path: Path):
    with demo.child(EZ, "UMA", {}) as other, demo.child(FACT, "UMA", {}) as child:
        child.compile()
        os.kill(child._running.pid, signal.SIGKILL)
        with pytest.raises(RefreshError, match="ended unexpectedly"):
            child.compile()
        assert str(other.compile().relation) == "DEV.DEV_UMA.EZ_ETHEREUM_METRICS"

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
