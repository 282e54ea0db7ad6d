"""`make bench-dbt`: how long people wait for dbt on a large project, plain `dbt` beside ours, in one run.

A generated project (`bench.dbt_project`), the sandboxes for Snowflake and Slack, the real bot and the real dbt.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench import dbt_project
from bot import dbt_profile, logs, lookup
from bot.index import Entry, Index
from bot.model import DRIVEN, Refresh, State
from bot.service import Service
from bot.settings import Settings
from bot.store.codec import dumps, loads
from sandbox.people import Incident
from sandbox.world import World

_BUILDS = "create or replace"
_TYPED = ("ez", "amber fees", "fact basalt", "prod swaps", "dim_", "ez_chalk", "core loans", "0042", "slate users", "x")
_REPEAT = 3
_MANY = 20  # refreshes asked for at once
_WITHIN = 1800.0
_COLUMNS = "current_date() as date, 'amber' as chain, 1.0 as amount"


@dataclass(frozen=True, kw_only=True)
class Bench:
    world: World
    settings: Settings
    directory: Path

    def plain(self, name: str, user: str) -> float:
        """Seconds from starting `dbt run -s` to its first build statement at the warehouse."""
        profiles = plain_profiles(self.settings, self.directory / "profiles")
        place = str(self.settings.dbt.project_dir)
        command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "run", "-s", name, "--quiet"]
        command += ["--project-dir", place, "--profiles-dir", str(profiles), "--target-path", str(self.directory / "t")]
        command += ["--log-path", str(self.directory / "log")]
        seen, began = len(self.world.snowflake.log), time.monotonic()
        started = subprocess.Popen(
            command,
            env=dbt_profile.environment(self.settings, user),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.first_build(seen)
        took = time.monotonic() - began
        started.wait()
        return took

    def first_build(self, seen: int) -> float:
        """Wait until the builder's first build statement arrives; when it did (monotonic)."""

        def built(log: Any) -> bool:
            return any(
                s.user == "REFRESH_BUILDER_SVC" and _BUILDS in s.sql and '"app": "dbt"' in s.sql for s in log[seen:]
            )

        self.world.snowflake.wait(built, _WITHIN, "a build by dbt")
        return time.monotonic()


def plain_profiles(settings: Settings, directory: Path) -> Path:
    """The profiles of our children with the builder's key in it, which plain dbt is not given in another way."""
    file = dbt_profile.write_dev(settings, directory) / "profiles.yml"
    profiles = yaml.safe_load(file.read_text())
    output = profiles[dbt_profile.profile_name(settings)]["outputs"][settings.dbt.target]
    output["private_key_path"] = str(settings.secrets.snowflake_builder_key_file)
    file.write_text(yaml.safe_dump(profiles))
    return directory


def main() -> None:
    """Measure and print; `--json` prints one object."""
    parser = argparse.ArgumentParser(prog="make bench-dbt")
    parser.add_argument("--models", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--ordinary", action="store_true", help="a project without a `ref` of its own")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=("ours", "plain"), help="leave the other out")
    given = parser.parse_args()
    logs.configure(as_json=False)  # to where they do not stand beside the figures
    with tempfile.TemporaryDirectory(prefix="bench-dbt-") as place:
        directory = Path(place)
        made = dbt_project.write(
            directory / "project", models=given.models, seed=given.seed, own_ref=not given.ordinary
        )
        with _bench(directory) as bench:
            figures: dict[str, Any] = {"models": len(made)}
            if given.only != "plain":
                figures |= _ours(bench)
            if given.only != "ours":
                figures |= _plain(bench, _chosen_name(made))
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.write("".join(f"{name:20} {value}\n" for name, value in figures.items()))


@contextlib.contextmanager
def _bench(directory: Path) -> Iterator[Bench]:
    world = World(directory / "world")
    world.start()
    try:
        settings = Settings.load(world.environ())
        dbt = {
            "project_dir": directory / "project",
            "profiles_dir": directory / "project",
            "env": {"DEV_USER": "{user}"},
        }
        databases = (*(dbt_project.chain(n).upper() for n in range(dbt_project.DATABASES)), "ANALYTICS")
        settings = settings.model_copy(
            update={
                "dbt": settings.dbt.model_copy(update=dbt),
                "warehouse": settings.warehouse.model_copy(update={"prod_databases": databases}),
                "worker": settings.worker.model_copy(update={"sweep_seconds": 0.2}),
            }
        )
        yield Bench(world=world, settings=settings, directory=directory)
    finally:
        world.stop()


def _chosen_name(made: list[dbt_project.Model]) -> str:
    """An ordinary model in the middle: a table that reads one or more others."""
    usual = [m for m in made if m.kind == "fact" and m.parents and not m.name.startswith("fact_shared")]
    return usual[len(usual) // 2].name


def _plain(bench: Bench, name: str) -> dict[str, float]:
    return {
        "dbt_cold_s": round(bench.plain(name, "ANNA"), 2),
        "dbt_warm_s": round(bench.plain(name, "ANNA"), 2),
        "dbt_new_user_s": round(bench.plain(name, "BERT"), 2),
    }


def _ours(bench: Bench) -> dict[str, Any]:
    service = Service(bench.settings, gap=0.0)
    try:
        service.start_worker()
        began = time.monotonic()
        service.listen()
        bench.world.slack.control.wait_connected()
        index = _awaited(lambda: service.store.index() if service.services.project.now[1] else None)
        indexed = time.monotonic() - began
        usual = [e for e in index.entries if e.materialized == "table" and e.name.startswith("fact_") and e.parents]
        usual = [e for e in usual if e.language == "sql" and e.package == index.project]
        middle = len(usual) // 2
        chosen, crowd = usual[middle : middle + 3], usual[middle + 3 : middle + 3 + _MANY]
        for entry in (*chosen, *crowd):
            _make_tables(bench.world, entry, index)
        plans = [_timed_plan(bench, chosen[0].name) for _ in range(_REPEAT)]
        people = ("alice", "bob", "carol")  # nobody has built before: each has a schema that was never parsed
        firsts = [_timed_build(bench, service, e.name, who) for e, who in zip(chosen, people, strict=True)]
        return {
            "plan_s": round(statistics.median(plans), 2),
            "typeahead_ms": round(_typeahead(service), 1),
            "first_statement_s": round(statistics.median(firsts), 2),
            **many_at_once(bench, service, [e.name for e in crowd]),
            "index_s": round(indexed, 1),
            "index_load_s": round(_load(index), 2),
            "index_mb": round(len(dumps(index)) / 1e6, 1),
            "warm_mb": round(warm.megabytes()) if (warm := service.services.project.now[1]) else 0,
        }
    finally:
        service.stop(drain_seconds=0.0)


def _awaited(look: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + _WITHIN
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.2)
    raise TimeoutError("the project was never read")


def _timed_plan(bench: Bench, name: str) -> float:
    slack = bench.world.slack.control
    before, began = len(slack.private("alice")), time.monotonic()
    slack.command("alice", f"plan {name}", "C0INCIDENTS")
    slack.wait(lambda: len(slack.private("alice")) >= before + 2, 300.0, "the plan")
    return time.monotonic() - began


def _timed_build(bench: Bench, service: Service, name: str, who: str) -> float:
    """From the command, which the worker picks up at once, to dbt's first build statement; alone."""
    seen, began = len(bench.world.snowflake.log), time.monotonic()
    bench.world.slack.control.command(who, name, "C0INCIDENTS")
    took = bench.first_build(seen) - began
    _awaited(lambda: all(r.state not in DRIVEN for r in service.store.live()))
    return took


def many_at_once(bench: Bench, service: Service, names: list[str]) -> dict[str, Any]:
    """Everything asked at once: how long until the last waits for people, how many built at a time, cards that are true."""
    slack, store = bench.world.slack.control, service.store
    last = max((r.id for r in store.recent(1)), default=0)
    began, most = time.monotonic(), 0
    for number, name in enumerate(names):
        slack.command(("alice", "bob", "carol")[number % 3], name, "C0INCIDENTS")

    def settled() -> list[Refresh]:
        nonlocal most
        ours = [r for r in store.recent(2 * _MANY) if r.id > last]
        most = max(most, sum(r.state is State.BUILDING for r in ours))
        return ours if len([r for r in ours if r.state not in DRIVEN]) == len(names) else []

    asked = _awaited(settled)
    took = time.monotonic() - began
    for refresh in asked:  # as the card says it, of the right model
        said = Incident(slack, refresh.ref).wait_card("waiting for approval", 30.0)
        if refresh.name not in said.splitlines()[0]:
            raise AssertionError(f"{refresh.ref} is {refresh.name}: {said}")
    return {"many": len(asked), "many_s": round(took, 1), "many_builds_at_once": most}


def _typeahead(service: Service) -> float:
    """The 99th percentile, in milliseconds, of one look into the index as a listener does it."""
    times = []
    for _ in range(20):
        for typed in _TYPED:
            began = time.perf_counter()
            index = service.store.index()
            assert index is not None
            lookup.options(index, typed)
            times.append(1000 * (time.perf_counter() - began))
    return statistics.quantiles(times, n=100)[98]


def _load(index: Index) -> float:
    body = dumps(index)
    began = time.perf_counter()
    loads(Index, body)
    return time.perf_counter() - began


def _make_tables(world: World, entry: Entry, index: Index) -> None:
    """Production as the nightly left it, for one model and what it reads, readable for the builder."""
    read = [index.by_id[p].prod for p in entry.parents if p in index.by_id]
    relations = [r for r in [entry.prod, *read, *(index.sources.get(p) for p in entry.parents)] if r is not None]
    connect = world.snowflake.connect
    with connect("DBT_NIGHTLY", "nightly") as connection, connection.cursor() as cursor:
        for relation in dict.fromkeys(relations):
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS {relation.database}")
            cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {relation.database}.{relation.schema}")
            cursor.execute(f"CREATE TRANSIENT TABLE IF NOT EXISTS {relation} AS SELECT {_COLUMNS}")
            cursor.execute(f"GRANT USAGE ON DATABASE {relation.database} TO ROLE REFRESH_BUILDER")
            cursor.execute(f"GRANT USAGE ON SCHEMA {relation.database}.{relation.schema} TO ROLE REFRESH_BUILDER")
            cursor.execute(f"GRANT SELECT ON TABLE {relation} TO ROLE REFRESH_BUILDER")


if __name__ == "__main__":
    main()
