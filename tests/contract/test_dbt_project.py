"""The index of a real dbt project: names from dbt itself, read without a credential and without touching the project."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from bot import dbt_profile, planning
from bot.dbt_deployed import Deployed
from bot.dbt_project import Project
from bot.errors import RefreshError
from bot.index import Index, Version
from bot.model import Exposure, Relation
from sandbox.incident import PRODUCTION
from tests.contract.dbt_demo import BEFORE, EZ, FACT, PROJECT, changed_project, contents, git, read_once, unreachable

pytestmark = pytest.mark.xdist_group("dbt")


@pytest.fixture(scope="module")
def project() -> Project:
    return read_once()[0]


@pytest.fixture(scope="module")
def index() -> Index:
    return read_once()[1]


def test_every_name_is_dbts_own(index: Index):
    ez = index.by_id[EZ]

    assert str(ez.prod) == "ETHEREUM.PROD_CORE.EZ_METRICS"
    assert str(ez.dev) == "DEV.DEV_REFRESH_BOT.EZ_ETHEREUM_METRICS"
    for name, (relation, _kind) in PRODUCTION.items():
        assert str(index.by_id[f"model.onchain.{name}"].prod) == relation
    assert index.sources["source.onchain.dune.dex_volumes"] == Relation("RAW", "DUNE", "DEX_VOLUMES")
    assert not {e.dev for e in index.entries if e.dev} & set(index.relations)


def test_what_a_model_says_of_itself(index: Index):
    ez, solana, fact = index.by_id[EZ], index.by_id["model.onchain.ez_solana_metrics"], index.by_id[FACT]

    assert (ez.materialized, ez.unique_key) == ("incremental", ("date",))
    assert (ez.reads_date, ez.reads_columns) == (True, True), "the date is read by a macro"
    assert (ez.full_refresh, ez.full_refresh_var) == (False, "")
    assert (solana.full_refresh, solana.full_refresh_var) == (False, "rebuild_ez_metrics")
    assert ez.hooks == ("{{ latest_view(this) }}",)
    assert ez.grain_claims == (("unique_key", ("date",)), ("uniqueness test", ("date",)))
    assert (ez.warehouse, ez.owner) == ("ETHEREUM", "data-platform")
    assert fact.tags == ("fact",)
    assert ez.meta["clock"] == ["created_on", "modified_on"]
    assert ez.exclude_columns == ("created_on",)
    assert "ez_ethereum_metrics_is_never_negative" in ez.tests
    assert len(ez.checksum) == 64
    assert (fact.reads_date, fact.transient, fact.mentions_target) == (False, None, False)
    assert index.by_id["model.onchain.dim_chains"].transient is False


def test_every_kind_of_node_is_known(index: Index):
    kinds = {e.name: (e.materialized, e.language, e.enabled) for e in index.entries}

    assert kinds["dex_share"] == ("view", "sql", True)
    assert kinds["stg_dune_dex_volumes"] == ("ephemeral", "sql", True)
    assert kinds["fact_address_labels"] == ("table", "python", True)
    assert kinds["chains"][0] == "seed"
    assert kinds["ez_ethereum_metrics_legacy"][2] is False
    assert index.by_id["model.onchain.ez_ethereum_metrics_legacy"].prod is None
    page = (EZ, "model.onchain.ecosystem_overview")
    assert index.exposures == (Exposure(name="ethereum_page", type="dashboard", owner="Frontend", reads=page),)
    assert set(index.analyses) == {"spot_dex_volumes", "spot_ez_dex_volumes"}


def test_who_is_downstream(index: Index, project: Project):
    below = planning.readers(index, FACT, ("daily_volume",), project.sql(e.unique_id for e in index.entries))
    of_ez = planning.readers(index, EZ, ("dex_volumes",), project.sql(index.by_id[EZ].children))

    assert [(r.name, r.depth, r.uses_columns) for r in below] == [
        ("dex_share", 1, True),
        ("ez_ethereum_metrics", 1, True),
        ("ecosystem_overview", 2, None),
    ]
    assert [r.honours_date for r in below] == [False, True, False]
    assert [(r.name, r.uses_columns) for r in of_ez] == [("ecosystem_overview", False)]
    assert planning.siblings(index, FACT) == ("fact_solana_daily_dex_volumes",)


def test_the_project_is_only_read_and_nothing_but_the_state_is_kept(index: Index, project: Project):
    assert contents(PROJECT) == BEFORE
    assert [p.name for p in project.state_dir.parent.iterdir()] == ["state"]
    assert [p.name for p in project.state_dir.iterdir()] == ["manifest.json"]


def test_a_child_gets_one_output_and_prods_cannot_log_in(tmp_path: Path):
    settings = unreachable(tmp_path)
    dev = yaml.safe_load((dbt_profile.write_dev(settings, tmp_path / "1", "a:tag") / "profiles.yml").read_text())
    prod = yaml.safe_load((dbt_profile.write_prod(settings, tmp_path / "2") / "profiles.yml").read_text())

    assert set(dev["onchain"]["outputs"]) == {"dev"}
    output = dev["onchain"]["outputs"]["dev"]
    assert (output["user"], output["role"], output["query_tag"]) == ("REFRESH_BUILDER_SVC", "REFRESH_BUILDER", "a:tag")
    assert output["database"] == "dev"
    assert set(prod["onchain"]["outputs"]) == {"prod"}
    output = prod["onchain"]["outputs"]["prod"]
    assert (output["user"], output["account"], output["database"]) == ("nobody", "nowhere", "analytics")
    assert "env_var" not in json.dumps(prod)


def test_a_child_sees_nothing_of_the_bots_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    monkeypatch.setenv("DBT_FULL_REFRESH", "1")
    settings = unreachable(tmp_path, env={"DEV_USER": "{user}", "OTHER": "x"})

    seen = dbt_profile.environment(settings, "ALICE")

    assert (seen["DEV_USER"], seen["OTHER"]) == ("ALICE", "x")
    assert not {"SLACK_BOT_TOKEN", "DBT_FULL_REFRESH"} & set(seen)
    assert seen["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


def test_the_fingerprint_changes_with_the_project_and_with_what_the_bot_was_told_of_it(tmp_path: Path):
    settings = changed_project(unreachable(tmp_path), tmp_path / "copy")
    project = Project(settings, tmp_path / "work")
    first = project.fingerprint()

    for told in ({"env": {"DEV_USER": "somebody"}}, {"prod_target": "live"}, {"date_var": "since"}):
        other = settings.model_copy(update={"dbt": settings.dbt.model_copy(update=told)})
        assert Project(other, tmp_path / "work").fingerprint() != first, told
    assert Project(settings, tmp_path / "work").fingerprint() == first
    with (tmp_path / "copy" / "dbt_project.yml").open("a") as own:
        own.write('target-path: "build/{{ target.name }}"\n')
    second = project.fingerprint()
    for output in ("build/dev", "logs"):  # somebody runs dbt here
        (tmp_path / "copy" / output).mkdir(parents=True)
        (tmp_path / "copy" / output / "dbt.log").write_text("ran")
    assert project.fingerprint() == second != first
    (tmp_path / "copy" / "models" / "new.sql").write_text("select 1 as one")
    assert project.fingerprint() != second


def test_a_manifest_that_is_none_leaves_the_copy_as_it_is(project: Project, tmp_path: Path):
    deployed = Deployed(str(tmp_path), tmp_path / "state")
    good = (project.state_dir / "manifest.json").read_text()
    (tmp_path / "manifest.json").write_text(good)
    assert FACT in deployed.keep(deployed.fetch(tmp_path))["nodes"]

    for text in (good[: len(good) // 2], "<html>Log in</html>", "[]", '{"nodes": {}}'):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(RefreshError) as wrong:
            deployed.keep(deployed.fetch(tmp_path))
        assert "no production manifest" in wrong.value.user_text
    assert [p.read_text() for p in deployed.directory.iterdir()] == [good]


def test_the_code_that_a_child_starts_from_is_told_as_it_is(tmp_path: Path):
    """A directory that somebody works in: also between two looks at it."""
    settings = changed_project(unreachable(tmp_path), tmp_path / "copy")
    code = tmp_path / "copy"
    project = Project(settings, tmp_path / "work")
    assert project.now.version == Version()
    git(code, "init", "--quiet")
    git(code, "add", "-A")
    git(code, "commit", "--quiet", "-m", "first")
    commit = git(code, "rev-parse", "--short", "HEAD")

    assert project.now.version == Version(commit, dirty=False)
    (code / "models" / "new.sql").write_text("select 1 as one")
    assert project.now.version == Version(commit, dirty=True)


@pytest.fixture(scope="module")
def deployed(index: Index, project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A web server with a manifest in which one model's code is another one than here."""
    directory = tmp_path_factory.mktemp("deployed")
    manifest = json.loads((project.state_dir / "manifest.json").read_text())
    manifest["nodes"][FACT]["checksum"]["checksum"] = "older"
    (directory / "manifest.json").write_text(json.dumps(manifest))
    handler = partial(_Quiet, directory=str(directory))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing is printed in tests."""


def test_a_deployed_manifest_tells_which_code_runs_and_a_dev_schema_may_be_the_askers(deployed: str, tmp_path: Path):
    project = Project(unreachable(tmp_path, state=deployed, env={"DEV_USER": "{user}"}), tmp_path / "work")

    index = project.index()

    ez = index.by_id[EZ]
    assert planning.code_in_prod(index.by_id[FACT]) is False
    assert planning.code_in_prod(ez) is True
    assert str(planning.dev_relation(ez, "ALICE")) == "DEV.DEV_ALICE.EZ_ETHEREUM_METRICS"


def test_a_broken_project_is_told_with_file_and_line(index: Index, project: Project, tmp_path: Path):
    broken = "version: 2\n\nmodels:\n  - name: fact_ethereum_gas\n   columns: []\n"
    state = str(project.state_dir)
    settings = changed_project(unreachable(tmp_path, state=state), tmp_path / "copy", models__models=broken)

    with pytest.raises(RefreshError) as wrong:
        Project(settings, tmp_path / "work").index()

    assert "models.yml" in wrong.value.user_text
    assert "line 5" in wrong.value.user_text


def test_settings_that_cannot_work_are_told(tmp_path: Path):
    missing = unreachable(tmp_path, state=str(tmp_path / "nowhere"))
    with pytest.raises(RefreshError, match=r"nowhere/manifest\.json"):
        Project(missing, tmp_path / "1").index()
    with pytest.raises(RefreshError, match="both"):
        Project(unreachable(tmp_path, target="prod"), tmp_path / "2")
    with pytest.raises(RefreshError, match="there: `dev`, `prod`"):
        Project(unreachable(tmp_path, target="ci"), tmp_path / "3").index()


def test_a_variable_that_the_project_needs_is_named(index: Index, project: Project, tmp_path: Path):
    needs = (
        (PROJECT / "macros/names.sql").read_text().replace("env_var('DEV_USER', 'ANALYST')", "env_var('DEV_SCHEMA')")
    )
    state = str(project.state_dir)
    settings = changed_project(unreachable(tmp_path, state=state), tmp_path / "copy", macros__names=needs)

    with pytest.raises(RefreshError) as missing:
        Project(settings, tmp_path / "work").index()

    assert "`DEV_SCHEMA`: add it to `[dbt.env]`" in missing.value.user_text
