"""The operator's commands on the demo world, as a shell would run them."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.doctor import Examined, examine, grants_for
from bot.index import Entry, Index
from bot.model import Relation, State
from bot.service import Service
from bot.settings import Settings
from bot.store import Store
from sandbox.postgres import Postgres
from sandbox.world import ROOT, World, setup_sql
from tests.contract.dbt_demo import deployed
from tests.contract.stores import bring
from tests.unit.samples import CONTEXT

pytestmark = pytest.mark.xdist_group("dbt")


@pytest.fixture(autouse=True)
def own_umask() -> Iterator[None]:
    """A command that runs in this process keeps its files private from then on."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    world.start()
    yield world
    world.stop()


@dataclass(frozen=True)
class Result:
    exit_code: int
    output: str


def run(world: World, *words: str, **changes: str) -> Result:
    """A process of its own, as in a shell. `changes` replace exact texts of refresh.toml."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "SNOWFLAKE_"))}
    environ |= world.environ()
    if changes:
        environ["REFRESH_CONFIG"] = str(world.write_settings(**changes))
    command = [sys.executable, "-m", "bot", *words]
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    return Result(done.returncode, done.stdout + (done.stderr if done.returncode else ""))


def test_doctor_finds_the_demo_world_healthy_and_proves_dev_apart_from_production(world: World) -> None:
    result = run(world, "doctor")
    assert result.exit_code == 0, result.output
    assert "ok   No dev relation is a production relation" in result.output
    assert "ok   Dev is outside the production databases" in result.output
    assert "ok   Slack app token: Socket Mode" in result.output
    assert "ok   Promoter's rights: 5 of 5 are there" in result.output
    assert "ok   Snowflake's behaviour changes: 2026_07 on, 2026_08 off" in result.output
    assert re.search(r"models, code .*; kept ready in [1-9]\d* MB of 1,500", result.output)
    assert "BAD" not in result.output


def test_doctor_names_every_problem_at_once(world: World) -> None:
    broken = {
        'approvers = ["S0DATA"]': "approvers = []",
        'channels = ["C0INCIDENTS"]': 'channels = ["C0INCIDENTS", "C0SHARED"]',
        'audit_channel = "C0AUDIT"': 'audit_channel = "C0NOWHERE"',
        'prod_databases = ["ANALYTICS", "ETHEREUM"]': 'prod_databases = ["ANALYTICS", "ETHEREUM", "RAW"]',
        'user = "REFRESH_BUILDER_SVC"': 'user = "SOMEBODY_ELSE"',
        "[dbt]": f'[dbt]\nstate = "{deployed()}"',
    }
    result = run(world, "doctor", **broken)
    bad = [line for line in result.output.splitlines() if line.startswith("BAD")]
    assert result.exit_code == 1
    for part in ("[policy] approvers", "Slack channel C0NOWHERE", "Slack channel C0SHARED", "Snowflake, builder"):
        assert any(part in line for line in bad), (part, result.output)
    assert not any("RAW.REFRESH_BACKUPS" in line for line in bad)  # no model makes a table there


# Without the last one every refresh would wait for a look at the policies.
_TAKEN = """
REVOKE USAGE ON WAREHOUSE ANALYTICS_XL FROM ROLE REFRESH_BUILDER;
REVOKE SELECT ON ALL TABLES IN DATABASE ETHEREUM FROM ROLE REFRESH_BUILDER;
REVOKE CREATE SCHEMA ON DATABASE DEV FROM ROLE REFRESH_BUILDER;
REVOKE CREATE TABLE ON SCHEMA ANALYTICS.REFRESH_BACKUPS FROM ROLE TRANSFORMER;
CREATE ROLE LOADER;
GRANT INSERT ON TABLE ANALYTICS.PROD.DIM_CHAINS TO ROLE LOADER;
GRANT ROLE LOADER TO ROLE REFRESH_BUILDER;
GRANT OWNERSHIP ON SCHEMA ANALYTICS.REFRESH_BACKUPS TO ROLE ACCOUNTADMIN COPY CURRENT GRANTS;
GRANT OWNERSHIP ON ALL TABLES IN DATABASE ETHEREUM TO ROLE DASHBOARD COPY CURRENT GRANTS;
REVOKE APPLY ROW ACCESS POLICY ON ACCOUNT FROM ROLE TRANSFORMER;
"""


def test_doctor_names_each_permission_that_is_missing_and_goes_on_after_a_bad_token(world: World) -> None:
    """In this process, so that a traceback would be one here."""
    saved = world.snowflake.save()
    settings = Settings.load(world.environ(SLACK_BOT_TOKEN="xoxb-of-nobody", SLACK_APP_TOKEN="xapp-of-nobody"))
    settings = settings.model_copy(update={"dbt": settings.dbt.model_copy(update={"state": deployed(), "warm_mb": 10})})
    try:
        world.snowflake.run_script(_TAKEN)
        found = list(examine(settings))
    finally:
        world.snowflake.restore(saved)
    bad = {e.what: e.detail for e in found if not e.good}
    assert bad.pop("Slack token") == bad.pop("Slack scopes") == bad.pop("Slack app token") == "Slack says invalid_auth"
    bad = {what: detail for what, detail in bad.items() if not what.startswith("Slack ")}
    assert bad.pop("Promoter owns production in ETHEREUM").startswith("TRANSFORMER owns none of the ")
    assert bad.pop("Builder reads ETHEREUM").endswith(
        "grant REFRESH_BUILDER USAGE on ETHEREUM and its schemas, and SELECT on its tables"
    )
    assert bad == {
        "Builder on warehouse ANALYTICS_XL": "not there or not for REFRESH_BUILDER: grant it USAGE on the warehouse",
        "Builder only reads production": "REFRESH_BUILDER may change production: revoke INSERT on ANALYTICS.PROD.DIM_CHAINS",
        "Builder builds in DEV": "grant REFRESH_BUILDER CREATE SCHEMA on database DEV",
        "Backup schema of ANALYTICS": "grant TRANSFORMER CREATE TABLE on schema ANALYTICS.REFRESH_BACKUPS",
        "Policies are visible to the promoter": "run GRANT APPLY ROW ACCESS POLICY ON ACCOUNT TO ROLE TRANSFORMER;",
    }
    good = {e.what: e.detail for e in found if e.good}
    assert good["Builder's rights"] == "3 of 7 are there"
    assert good["Promoter's rights"] == "2 of 5 are there"
    assert good["dbt project"].endswith("every build starts it from scratch ([dbt] warm_mb = 10)"), "too little for it"


def test_doctor_goes_on_where_slack_cannot_be_reached(world: World) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and never listening
        settings = Settings.load(world.environ(SLACK_API_URL=f"http://127.0.0.1:{nobody.getsockname()[1]}/api/"))
        found: dict[str, Examined] = {}
        for examined in examine(settings):
            found[examined.what] = examined
            if examined.what == "Snowflake, promoter":
                break
    assert not found["Slack token"].good
    assert not found["Slack scopes"].good
    assert found["Snowflake, builder"].good and found["Snowflake, promoter"].good


def test_settings_are_all_checked_before_anything_is_started(world: World) -> None:
    never = {"sweep_seconds = 0.5": "sweep_seconds = 0\nretry_seconds = -1"}
    result = run(world, "doctor", **{'expires_after = "24h"': 'expires_after = "soon"', "port = ": "prt = ", **never})
    assert result.exit_code == 1
    assert "[policy.expires_after]" in result.output
    assert "[warehouse.prt]" in result.output
    assert "[worker.sweep_seconds]: Input should be greater than 0" in result.output
    assert "[worker.retry_seconds]: Input should be greater than 0" in result.output


def test_grants_print_the_set_up_for_the_projects_own_databases_and_snowflake_takes_it(world: World) -> None:
    result = run(world, "grants")
    assert result.exit_code == 0, result.output
    assert {s for s in statements(setup_sql()) if s.startswith("GRANT")} <= statements(result.output)
    world.snowflake.run_script(result.output, BUILDER_PUBLIC_KEY="AAAA", PROMOTER_PUBLIC_KEY="AAAA")


def test_grants_for_hundreds_of_databases_are_a_block_for_each_that_has_models() -> None:
    databases = [f"CHAIN_{number:03d}" for number in range(302)]
    entries = [a_model("fact", "table", name) for name in databases] + [a_model("ez", "table", databases[0])]
    entries += [a_model("ez", "view", "ONLY_VIEWS")]
    index = Index(
        code="", dirty=False, made_at=datetime.now(UTC), project="x", entries=tuple(entries), exposures=(),
        sources={"source.x": Relation("RAW", "X", "EVENTS")}, analyses={},
    )  # fmt: skip
    own = CONTEXT.settings.warehouse.model_copy(update={"prod_databases": (*databases, "ONLY_VIEWS", "NO_MODELS")})
    script = grants_for(CONTEXT.settings.model_copy(update={"warehouse": own}), index)

    blocks = re.findall(r"^-- (\w+): (.*)\n((?:[^-\n].*\n?)+)", script, re.MULTILINE)
    read = {name: (says, lines.count(";")) for name, says, lines in blocks if "GRANT SELECT" in lines}
    backed_up = [name for name, _, lines in blocks if "CREATE SCHEMA" in lines]
    assert (len(read), set(read) - {*databases}) == (304, {"RAW", "ONLY_VIEWS"})
    assert read["CHAIN_000"] == ("production, 1 of 303; models: 2", 7)
    assert read["RAW"] == ("sources, 1 of 1; tables: 1", 7)
    assert backed_up == databases
    assert "databases of sources (1), then of production (303); the same 7 lines for each" in script
    assert "that has tables of models (302)" in script
    assert "NO_MODELS" not in script


def a_model(name: str, materialized: str, database: str) -> Entry:
    uid = f"model.x.{name}_{database}"
    places = {"prod": Relation(database, "PROD", name.upper()), "dev": Relation("DEV", "DEV_BOT", name.upper())}
    return Entry(unique_id=uid, name=name, package="x", materialized=materialized, **places)


def statements(script: str) -> set[str]:
    """Without comments, quotes and line breaks."""
    lines = [line for line in script.replace('"', "").splitlines() if not line.startswith("--")]
    return {" ".join(statement.split()) for statement in "\n".join(lines).split(";")}


def test_manifests_for_both_ways_to_reach_slack(world: World) -> None:
    socket_mode = json.loads(run(world, "manifest").output)
    http = json.loads(run(world, "manifest", "--http", "https://bot.example.com").output)
    assert socket_mode["settings"]["socket_mode_enabled"] is True
    assert http["settings"]["socket_mode_enabled"] is False
    assert http["settings"]["interactivity"]["request_url"] == "https://bot.example.com/slack/events"


@pytest.mark.parametrize(
    "address", ["bot.example.com", "http://bot.example.com", "https://", "https://a b", "ftp://x", "https://x/?a=1"]
)
def test_a_manifest_for_an_address_that_slack_would_not_call_is_refused(address: str) -> None:
    refused = CliRunner().invoke(main, ["manifest", "--http", address])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "such as https://bot.example.com" in refused.stderr


def test_a_comparison_that_breaks_does_not_say_that_the_tables_differ(tmp_path: Path) -> None:
    broken = CliRunner(env={"REFRESH_CONFIG": str(tmp_path)}).invoke(main, ["compare", "a.b.c", "d.e.f"])
    assert (broken.exit_code, broken.stdout) == (2, "")
    assert "IsADirectoryError" in broken.stderr


def test_compare_says_by_its_exit_code_whether_two_tables_differ(world: World) -> None:
    """In this process, so that what it prints and how it ends are click's own."""
    runner, fact = CliRunner(env=world.environ()), "ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES"
    equal = runner.invoke(main, ["compare", fact, fact.lower(), "--json"])
    assert equal.exit_code == 0, equal.output
    report = json.loads(equal.stdout)
    assert (report["result"], report["prod"]) == ("equal", fact)
    assert len(report["query_ids"]) >= report["statements"]
    other = fact.replace("ETHEREUM", "SOLANA")
    different = runner.invoke(main, ["compare", fact, other, "--grain", "date", "--where", "DATE >= '2026-04-01'"])
    assert different.exit_code == 1, different.output
    assert "Different." in different.stdout
    gone = runner.invoke(main, ["compare", fact, "ANALYTICS.PROD.NOWHERE"])
    assert (gone.exit_code, gone.stdout) == (2, "")
    assert "There is no table ANALYTICS.PROD.NOWHERE" in gone.stderr
    assert runner.invoke(main, ["compare", fact, "two.parts"]).exit_code == 2
    typed = runner.invoke(main, ["compare", fact, fact, "--grain", "dat"])
    assert (typed.exit_code, typed.stdout) == (2, "")
    assert "There is no column dat" in typed.stderr


def test_a_comparison_that_is_interrupted_does_not_say_that_the_tables_differ(world: World) -> None:
    fact = "ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES"
    world.snowflake.inject("SELECT .*FACT_ETHEREUM_DAILY_DEX_VOLUMES", "hang")
    command = [sys.executable, "-m", "bot", "compare", fact, fact]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=os.environ | world.environ(), cwd=ROOT, **pipes) as comparing:
        world.snowflake.wait(lambda log: any(s.held for s in log), what="a statement under way")
        comparing.send_signal(signal.SIGINT)
        said, _ = comparing.communicate()
    assert (comparing.returncode, said) == (2, "")


def test_an_unknown_refresh_has_no_trail(world: World) -> None:
    assert run(world, "migrate").exit_code == 0
    result = run(world, "audit", "R7")
    assert result.exit_code == 1
    assert "There is no R7" in result.output
    assert "write R42" in run(world, "audit", "seven").output


def test_web_and_worker_refuse_to_share_an_sqlite_file_unasked(world: World) -> None:
    for command in ("web", "worker"):
        result = run(world, command)
        assert result.exit_code == 1
        assert "dbt-refresh start" in result.output


def test_a_database_that_is_not_there_is_one_sentence(world: World) -> None:
    environ = world.environ(DATABASE_URL="postgresql+psycopg://somebody:secret@127.0.0.1:1/refresh")
    result = CliRunner(env=environ).invoke(main, ["migrate"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: The database does not answer: ")
    assert "Is DATABASE_URL right" in result.stderr
    assert "secret" not in result.stderr


def test_a_worker_waits_for_a_database_that_starts_later(world: World) -> None:
    with ExitStack() as ending:
        server = Postgres()
        ending.callback(server.remove)
        environ = os.environ | world.environ(DATABASE_URL=server.url)
        command = [sys.executable, "-m", "bot", "worker"]
        worker = subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        ending.callback(worker.communicate)
        ending.callback(worker.kill)
        said = iter(worker.stderr.readline, "") if worker.stderr else iter(())
        assert any("the database does not answer yet" in line for line in said)
        server.start()
        assert any("worker started" in line for line in said)
        worker.terminate()
        assert any("worker stopped" in line for line in said)
        assert worker.wait() == 0


def test_a_worker_that_is_to_end_while_no_database_answers_ends_in_order(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}/refresh?connect_timeout=2"
        environ = os.environ | world.environ(DATABASE_URL=f"postgresql+psycopg://somebody@{address}")
        command = [sys.executable, "-m", "bot", "worker"]
        with subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.PIPE, text=True) as worker:
            asked, _ = mute.accept()  # for a session, and never answers
            worker.terminate()
            with asked:
                _, said = worker.communicate()
    assert worker.returncode == 0, said


def test_a_worker_that_is_to_end_does_not_wait_for_a_timer(world: World, tmp_path: Path) -> None:
    environ = os.environ | world.environ(DATABASE_URL=f"sqlite:///{tmp_path / 'refresh.db'}")
    world.write_settings(**{"[people]": 'stale_poll = "1s"\n[people]'})
    store = Store(environ["DATABASE_URL"])
    store.migrate()
    bring(store, State.AWAITING)
    store.close()
    world.snowflake.inject("EZ_METRICS", "hang")
    command = [sys.executable, "-m", "bot", "worker", "--same-host"]
    with subprocess.Popen(command, env=environ, cwd=ROOT, stderr=subprocess.PIPE, text=True) as worker:
        world.snowflake.wait(lambda log: any(s.held and s.tag.endswith(":poll") for s in log), what="the stale poll")
        worker.terminate()
        try:
            _, said = worker.communicate(timeout=30)
        finally:
            worker.kill()
    assert "worker stopped" in said
    assert worker.returncode == 0


def test_over_http_a_command_is_answered_and_a_forged_one_is_not(world: World, tmp_path: Path) -> None:
    environ = world.environ(
        SLACK_APP_TOKEN="",
        SLACK_SIGNING_SECRET=world.slack.signing_secret,
        PORT="0",
        DATABASE_URL=f"sqlite:///{tmp_path / 'http.db'}",
    )
    service = Service(Settings.load(environ))
    service.listen()
    try:
        assert service.http is not None
        world.slack.delivery.request_url = f"http://127.0.0.1:{service.http.port}/slack/events"
        assert world.slack.control.command("alice", "help").ok
        world.slack.delivery.signing_secret = "forged"
        assert not world.slack.control.command("alice", "help").ok
    finally:
        service.stop(1.0)
        world.slack.delivery.signing_secret = world.slack.signing_secret
        world.slack.delivery.request_url = ""


@pytest.mark.parametrize(
    ("stop", "within", "said"),
    [("threading.Event().wait", 0.2, "TimeoutError"), ("dict().popitem", 60, "KeyError"), ("list", 60, "")],
)
def test_a_process_ends_in_time_whatever_its_end_waits_for(stop: str, within: float, said: str) -> None:
    code = f"import threading; from bot import __main__ as m; m._END_SECONDS = {within}; m._leave({stop})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == bool(said)
    assert said in done.stdout + done.stderr
    assert ("could not end in order" in done.stdout + done.stderr) == bool(said)
