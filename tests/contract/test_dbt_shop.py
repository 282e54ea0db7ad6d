"""An ordinary project, in the shape of the public demo shop: no macros of its own, so that dbt's parser in Rust reads it.

Each kind of model is planned and built in it as plain dbt does; what would be stuck in a forked child is not.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot import dbt_profile
from bot.dbt_process import setup
from bot.dbt_project import Project
from bot.dbt_warm import Forked, Warm, WarmEnded
from bot.wording import dbt as wording
from sandbox.world import World
from tests.contract.dbt_places import Place, by_children_and_by_plain_dbt, models, place, plain_options, statements

pytestmark = pytest.mark.xdist_group("dbt")

SHOP = Path(__file__).parent / "shop"
ORDERS = "model.shop.orders"
ORDINARY = (ORDERS, "model.shop.customers", "model.shop.regulars.v2")
PRODUCTION = """
CREATE SCHEMA RAW.TILL;
CREATE TABLE RAW.TILL.PEOPLE AS SELECT 1 AS id, 'Ann' AS name, 'Springfield' AS city;
CREATE TABLE RAW.TILL.RECEIPTS AS SELECT 1 AS id, 1 AS person, '2026-04-01'::timestamp AS paid_at, 400 AS net, 20 AS tax;
CREATE TABLE RAW.TILL.LINES AS SELECT 1 AS id, 1 AS receipt, 'food' AS kind, 400 AS price;
CREATE SCHEMA ANALYTICS.SHOP;
CREATE SCHEMA ANALYTICS.SHOP_SNAPSHOTS;
CREATE TABLE ANALYTICS.SHOP.STG_CUSTOMERS AS SELECT 1 AS customer_id, 'Ann' AS customer_name, 'Springfield' AS city;
CREATE TABLE ANALYTICS.SHOP.STG_ORDERS AS SELECT 1 AS order_id, 1 AS customer_id, '2026-04-01'::timestamp AS ordered_at,
    4 AS subtotal, 0.2 AS tax_paid, 4.2 AS order_total;
CREATE TABLE ANALYTICS.SHOP.ORDER_LINES AS SELECT 1 AS line_id, 1 AS order_id, 4 AS price, true AS is_food;
CREATE TABLE ANALYTICS.SHOP.ORDERS AS SELECT *, true AS is_food_order FROM ANALYTICS.SHOP.STG_ORDERS;
CREATE TABLE ANALYTICS.SHOP.CUSTOMERS AS SELECT *, 4.2 AS spent, 'new' AS customer_type FROM ANALYTICS.SHOP.STG_CUSTOMERS;
CREATE TABLE ANALYTICS.SHOP.REGULARS_V2 AS SELECT customer_id, customer_name, spent FROM ANALYTICS.SHOP.CUSTOMERS;
CREATE TABLE ANALYTICS.SHOP.CITY_RATES AS SELECT 'Springfield' AS city, 0.0625 AS rate;
CREATE TABLE ANALYTICS.SHOP.DAILY_SALES AS SELECT '2026-03-31'::date AS day, 1.5 AS sales;
CREATE TABLE ANALYTICS.SHOP_SNAPSHOTS.CUSTOMERS_AS_OF AS SELECT * FROM ANALYTICS.SHOP.STG_CUSTOMERS;
"""
# Each model by itself, in one process: what dbt has loaded changes nothing of what it sends.
BUILD = """
import json, sys
from dbt.cli.main import dbtRunner

*given, chosen = sys.argv[1:]
parsed = dbtRunner().invoke(["parse", *given[:-4]])
assert parsed.success, parsed.exception
for uid in json.loads(chosen):
    fqn = "fqn:" + ".".join(parsed.result.nodes[uid].fqn)
    more = ["--full-refresh", "--indirect-selection", "buildable", "--cache-selected-only"]
    more += ["--exclude-resource-type", "unit_test", "--select", fqn]
    done = dbtRunner(parsed.result).invoke(["build", *given, *more])
    assert done.success, (fqn, done.exception, [r.message for r in done.result.results])
"""
STUCK = """
import ctypes, os, sys

def never(path, mutex=ctypes.create_string_buffer(64), c=ctypes.PyDLL(None)):  # which keeps the lock that each thread needs
    while not c.pthread_mutex_lock(mutex):
        pass

if "bot.dbt_server" in sys.orig_argv:
    os.register_at_fork(after_in_child=lambda: setattr(os, "chdir", never))
"""
ONE_MORE = """
import sys, threading
if "bot.dbt_server" in sys.orig_argv:
    threading.Thread(target=threading.Event().wait, daemon=True).start()
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    made.start()
    with made.snowflake.admin() as connection, connection.cursor() as cursor:
        for sql in filter(str.strip, PRODUCTION.split(";")):
            cursor.execute(sql)
        for grant in ("USAGE ON SCHEMA {}", "SELECT ON ALL TABLES IN SCHEMA {}"):
            for schema in ("RAW.TILL", "ANALYTICS.SHOP", "ANALYTICS.SHOP_SNAPSHOTS"):
                cursor.execute(f"GRANT {grant.format(schema)} TO ROLE REFRESH_BUILDER")
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shop(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = place(world, SHOP, tmp_path_factory.mktemp("shop"))
    yield made
    made.project.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Forked, "silence", 1.5)


@pytest.mark.parametrize("full_refresh", [False, True], ids=["", "full refresh"])
def test_every_kind_of_model_is_planned_as_plain_dbt_compiles_it(shop: Place, full_refresh: bool, tmp_path: Path):
    full: list[str] = []

    seen, wanted = by_children_and_by_plain_dbt(shop, "ZOE", {}, tmp_path, full_refresh=full_refresh, tell=full.append)

    assert len(seen) == len(models(shop)) == 13
    assert seen == wanted
    assert full == [], "none of them needed a full parse, and none was stuck"


def test_every_kind_of_model_is_built_as_plain_dbt_builds_it(shop: Place, tmp_path: Path):
    names = [e.unique_id for e in models(shop)]

    def by_plain_dbt() -> None:
        command = [sys.executable, "-c", BUILD, "--quiet", *plain_options(shop, {}, tmp_path), json.dumps(names)]
        environment = dbt_profile.environment(shop.settings, "YAN")
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)

    def by_children() -> None:
        for uid in names:
            with shop.child(uid, "YAN", {}, full_refresh=True) as child:
                build = child.build()
                assert {test.status for test in build.tests} <= {"pass"}, uid

    plain = statements(shop, "SELECT 1", by_plain_dbt)
    ours = statements(shop, "SELECT 1", by_children)

    assert sum("create or replace" in sql for sql, _ in plain) == len(names)
    assert ours == plain


def test_a_backfill_merges_as_plain_dbt_does(shop: Place):
    """Into the copy of production, with a look at it that compiling needs."""

    def by_child(**more: Any) -> None:
        with shop.child("model.shop.daily_sales", "YAN", {}, **more) as child:
            child.build()

    there = "CREATE TRANSIENT TABLE DEV.DEV_YAN.DAILY_SALES AS SELECT * FROM ANALYTICS.SHOP.DAILY_SALES"
    warm, cold = (statements(shop, there, lambda more=more: by_child(**more)) for more in ({}, {"warm": None}))

    assert any("merge into" in sql for sql, _ in warm)
    assert warm == cold


def test_without_memory_for_a_warm_process_every_plan_is_answered(shop: Place, tmp_path: Path):
    dbt = shop.settings.dbt.model_copy(update={"warm_mb": 0})
    project = Project(shop.settings.model_copy(update={"dbt": dbt}), tmp_path, warm=True)
    project.warm_up()
    assert project.now.warm is None

    for uid in ORDINARY:
        with shop.child(uid, "ZOE", {}, warm=project.now.warm, full_refresh=True) as child:
            cold = child.compile()
        with shop.child(uid, "ZOE", {}, full_refresh=True) as child:
            assert child.compile() == cold


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not tell the threads of a process")
def test_the_warm_process_has_one_thread_when_it_forks(shop: Place):
    with shop.child(ORDERS, "ZOE", {}) as child:
        child.compile()
        assert isinstance(child._running, Forked)
        assert len(os.listdir(f"/proc/{shop.warm.pid}/task")) == 1


def a_warm_process(there: Place, directory: Path, customize: str) -> Warm:
    """One with this code in it from the start, as a library of the machine would have it."""
    (directory / "site").mkdir()
    (directory / "site" / "sitecustomize.py").write_text(customize)
    environment = dbt_profile.environment(there.settings)
    environment["PYTHONPATH"] = f"{directory / 'site'}:{environment['PYTHONPATH']}"
    profiles = dbt_profile.write_dev(there.settings, directory / "profiles")
    target, profile = there.settings.dbt.target, dbt_profile.profile_name(there.settings)
    return Warm(directory / "warm", environment, setup(there.settings, directory, profiles, target, profile))


def test_a_process_with_more_threads_refuses_to_be_forked(shop: Place, tmp_path: Path):
    warm = a_warm_process(shop, tmp_path, ONE_MORE)

    with pytest.raises(WarmEnded) as refused:
        warm.ready(60.0)

    assert "2 threads" in refused.value.detail
    with shop.child(ORDERS, "ZOE", {}, warm=warm) as child:
        assert str(child.compile().relation) == "DEV.DEV_ZOE.ORDERS", "cold"
    warm.stop()


def has_ended(pid: int) -> bool:
    """Also while its parent has not looked for it yet."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 0)[0])
    finally:
        os.close(handle)


@pytest.mark.usefixtures("impatient")
def test_a_child_stuck_with_pythons_lock_is_ended_and_a_cold_one_answers(shop: Place, tmp_path: Path):
    warm, told = a_warm_process(shop, tmp_path, STUCK), list[str]()
    warm.ready(60.0)

    with capture_logs() as logs, shop.child(ORDERS, "ZOE", {}, warm=warm, tell=told.append) as child:
        pid, began = child._running.pid, time.monotonic()
        compiled = child.compile()

    assert time.monotonic() - began < 30
    assert str(compiled.relation) == "DEV.DEV_ZOE.ORDERS"
    assert told == [wording.parsing_in_full(wording.child_was_stuck())]
    (gone,) = [entry for entry in logs if entry["event"] == "a dbt child is gone"]
    assert "sitecustomize.py" in gone["stack"], "where it was"
    assert has_ended(pid)
    warm.stop()


@pytest.mark.usefixtures("impatient")
def test_a_child_whose_threads_get_turns_and_that_does_nothing_is_stuck_too(shop: Place, tmp_path: Path):
    shutil.copytree(SHOP, tmp_path / "code")
    model = tmp_path / "code" / "models" / "marts" / "orders.sql"
    model.write_text(f"{model.read_text()} -- since {{{{ var('since', 'ever') }}}}\n")  # so that it is read again
    there = place(shop.world, tmp_path / "code", tmp_path / "place")
    warm, text = there.warm, model.read_text()
    model.unlink()
    os.mkfifo(model)  # reading it takes for ever: nobody writes into it

    def told(_text: str) -> None:
        model.unlink()
        model.write_text(text)

    with capture_logs() as logs, there.child(ORDERS, "ZOE", {"since": "may"}, warm=warm, tell=told) as child:
        compiled = child.compile()

    assert "-- since may" in compiled.sql
    (gone,) = [entry for entry in logs if entry["event"] == "a dbt child is gone"]
    assert "load_source_file" in gone["stack"]
    assert "from joined" not in str(logs)
    there.project.stop()


@pytest.mark.usefixtures("impatient")
def test_a_build_that_waits_for_the_warehouse_is_not_stuck(shop: Place):
    snowflake = shop.world.snowflake
    snowflake.inject("create or replace transient table", "slow", seconds=3.0)
    try:
        with capture_logs() as logs, shop.child(ORDERS, "XUE", {}, full_refresh=True) as child:
            child.build()
    finally:
        snowflake.clear_faults()

    assert not logs
