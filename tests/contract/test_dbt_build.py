"""The dbt child against real dbt and the local Snowflake: it builds in dev what was asked for, or says why not."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from bot import planning
from bot.dbt_build import DbtChild
from bot.errors import BuildFailed, Cancelled, RefreshError, Refusal
from bot.model import Mode, Relation, Request
from bot.settings import Settings
from sandbox.incident import BAD, INCIDENT_DAY, TRUE
from tests.contract.dbt_demo import BEFORE, EZ, FACT, PROJECT, Demo, changed_project, contents, demo

pytestmark = pytest.mark.xdist_group("dbt")

DEV = "DEV.DEV_REFRESH_BOT"
PROD_EZ = "ETHEREUM.PROD_CORE.EZ_METRICS"
SCHEMA = f"CREATE SCHEMA IF NOT EXISTS {DEV}"
COPY_EZ = f"CREATE OR REPLACE TRANSIENT TABLE {DEV}.EZ_ETHEREUM_METRICS CLONE {PROD_EZ}"
DEV_EZ = "dev.DEV_refresh_bot.ez_ethereum_metrics"  # as dbt writes it
BACKFILL = {"backfill_date": INCIDENT_DAY, "backfill_columns": ["dex_volumes", "total_economic_activity"]}
FULL = Request(model="fact_ethereum_daily_dex_volumes")
REQUEST = Request(
    model="ez_ethereum_metrics",
    mode=Mode.BACKFILL,
    since=date.fromisoformat(INCIDENT_DAY),
    columns=("dex_volumes", "total_economic_activity"),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo")) as made:
        yield made


@pytest.fixture
def there(shared: Demo) -> Demo:
    """The demo as seeded."""
    shared.snowflake.clear_faults()
    shared.snowflake.restore(shared.saved)
    return shared


def test_a_table_is_built_in_dev_by_the_builder_with_the_warehouse_that_was_asked_for(there: Demo, tmp_path: Path):
    told: list[str] = []
    prod = there.snowflake.census({"ANALYTICS", "ETHEREUM", "RAW"})

    with there.child(
        FACT,
        tmp_path,
        vars={"refresh_dates": [INCIDENT_DAY]},
        warehouse="ANALYTICS_XL",
        full_refresh=True,
        analyses=("spot_dex_volumes",),
    ) as child:
        compiled = child.compile()
        build = child.build(lambda text, _share: told.append(text))

    assert compiled.relation == Relation("DEV", "DEV_REFRESH_BOT", "FACT_ETHEREUM_DAILY_DEX_VOLUMES")
    assert compiled.reads == (Relation("RAW", "DUNE", "DEX_VOLUMES"),)
    assert compiled.sql.count("__dbt__cte__stg_dune_dex_volumes as (") == 1
    assert build.compiled_sql == compiled.sql
    assert f"to_date('{INCIDENT_DAY}')" in build.spot_checks["spot_dex_volumes"]
    assert compiled.analyses["spot_dex_volumes"].reads == compiled.reads
    assert sorted(t.name for t in build.tests) == sorted(compiled.tests)
    assert {t.status for t in build.tests} == {"pass"}
    assert build.rows_affected is None
    assert told[-1] == "Testing in dev, 3 of 3"
    value = f"SELECT daily_volume FROM {compiled.relation} WHERE date = '{INCIDENT_DAY}'"
    assert there.rows(value) == [(Decimal(TRUE),)]

    ours = [s for s in there.snowflake.log if s.user == "REFRESH_BUILDER_SVC"]
    assert {s.role for s in ours} == {"REFRESH_BUILDER"}
    assert {s.tag for s in ours} == {"dbt-refresh:test"}
    (made,) = [s for s in ours if s.sql.lstrip().startswith("create or replace transient table")]
    assert made.warehouse == "ANALYTICS_XL"
    assert made.query_id in build.query_ids
    assert there.snowflake.census({"ANALYTICS", "ETHEREUM", "RAW"}) == prod
    assert contents(PROJECT) == BEFORE


def test_a_backfill_merges_the_named_columns_into_the_copy_of_production(there: Demo, tmp_path: Path):
    there.as_nightly(
        f"UPDATE ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES SET DAILY_VOLUME = {TRUE} WHERE DATE = '{INCIDENT_DAY}'"
    )
    stale = f"{DEV}.FACT_ETHEREUM_ACTIVITY"
    there.as_builder(SCHEMA, f"CREATE TABLE {stale} AS SELECT * FROM ANALYTICS.PROD.FACT_ETHEREUM_ACTIVITY LIMIT 5")

    with there.child(EZ, tmp_path, vars=BACKFILL, analyses=("spot_ez_dex_volumes",)) as child:
        compiled = child.compile(incremental=True)
        bare = child.compile(without_vars=True, incremental=True)
        with pytest.raises(BuildFailed, match="from scratch"):
            child.build()
        there.as_builder(COPY_EZ)
        build = child.build()

    assert f"to_date('{INCIDENT_DAY}')" in compiled.sql
    assert "dateadd('day', -3" in bare.sql
    assert {str(r) for r in compiled.reads} == {
        "ANALYTICS.PROD.FACT_ETHEREUM_ACTIVITY",
        "ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES",
        "ANALYTICS.PROD.FACT_ETHEREUM_MARKET",
    }
    assert compiled.update_columns == ("dex_volumes", "total_economic_activity")
    assert build.rows_affected == 14
    planning.refuse_compiled(there.index.by_id[EZ], REQUEST, compiled, there.index, there.settings, bare_sql=bare.sql)
    dev = f"{DEV}.EZ_ETHEREUM_METRICS"
    changed = there.rows(
        f"SELECT p.dex_volumes, d.dex_volumes, d.total_economic_activity FROM {PROD_EZ} p JOIN {dev} d ON p.date = d.date"
        " WHERE p.dex_volumes IS DISTINCT FROM d.dex_volumes"
    )
    assert changed == [(Decimal(BAD), Decimal(TRUE), Decimal("5778204911.20"))]
    others = there.rows(
        f"SELECT COUNT(*) FROM {PROD_EZ} p FULL JOIN {dev} d ON p.date = d.date WHERE p.price IS DISTINCT FROM d.price"
        " OR p.fees IS DISTINCT FROM d.fees OR p.modified_on IS DISTINCT FROM d.modified_on"
    )
    assert others == [(0,)]


def test_the_honour_test_sees_a_model_that_ignores_the_date(there: Demo, tmp_path: Path):
    uid = "model.onchain.fact_ethereum_gas"
    with there.child(uid, tmp_path, vars={"backfill_date": INCIDENT_DAY}) as child:
        compiled = child.compile(incremental=True)
        bare = child.compile(without_vars=True, incremental=True)
        first_build = child.compile()

    assert compiled.sql == bare.sql != first_build.sql
    request = Request(model="fact_ethereum_gas", mode=Mode.BACKFILL, since=date.fromisoformat(INCIDENT_DAY))
    with pytest.raises(Refusal, match="same SQL"):
        planning.refuse_compiled(
            there.index.by_id[uid], request, compiled, there.index, there.settings, bare_sql=bare.sql
        )


def test_a_full_refresh_that_the_project_allows_by_a_var_builds_from_scratch(there: Demo, tmp_path: Path):
    entry = there.index.by_id["model.onchain.ez_solana_metrics"]
    given = planning.variables(entry, Request(model=entry.name), there.settings)
    there.as_builder(SCHEMA, f"CREATE TRANSIENT TABLE {entry.dev} CLONE {entry.prod}", f"DELETE FROM {entry.dev}")

    with there.child(entry.unique_id, tmp_path, vars=given, full_refresh=True) as child:
        child.build()

    count = "SELECT COUNT(*) FROM {}"
    assert given == {"rebuild_ez_metrics": True}
    assert there.rows(count.format(entry.dev)) == there.rows(count.format(entry.prod))


def test_failing_tests_are_results_and_a_failing_model_is_told_without_its_rows(there: Demo, tmp_path: Path):
    there.as_nightly(f"UPDATE RAW.DUNE.DEX_VOLUMES SET VOLUME_USD = NULL WHERE BLOCK_DATE = '{INCIDENT_DAY}'")
    secret = "Duplicate row detected during DML action\nRow Values: [2026-04-08, 4711.5]"

    with there.child(FACT, tmp_path, full_refresh=True) as child:
        build = child.build()
        there.snowflake.inject("create or replace transient table", "fail", code="100090", message=secret)
        with pytest.raises(BuildFailed) as failed:
            child.build()

    (failing,) = [t for t in build.tests if t.status == "fail"]
    assert (failing.name, failing.failures) == ("not_null_fact_ethereum_daily_dex_volumes_daily_volume", 1)
    assert (failing.fail_calc, failing.limit) == ("count(*)", None)
    assert "Duplicate row detected" in failed.value.user_text
    assert "4711.5" not in str(failed.value.user_text) + failed.value.detail
    assert "compiled code at" not in failed.value.user_text
    assert "__dbt__cte__" in failed.value.compiled_sql


def test_a_hook_that_writes_to_another_database_is_found_and_can_be_left_out(there: Demo, tmp_path: Path):
    model = (PROJECT / "models/core/ez_ethereum_metrics.sql").read_text()
    theirs = "create or replace view ETHEREUM.PROD_CORE.HOOKED as select * from {{ this }}"
    settings = changed_project(
        there.settings,
        tmp_path / "copy",
        core__ez_ethereum_metrics=model.replace(
            'post_hook="{{ latest_view(this) }}"', f"post_hook=['{{{{ latest_view(this) }}}}', '{theirs}']"
        ),
    )
    there.as_builder(SCHEMA, COPY_EZ)

    with there.child(EZ, tmp_path / "work", vars=BACKFILL, settings=settings) as child:
        compiled = child.compile(incremental=True)
        foreign = planning.foreign_hooks(compiled, there.index)
        with pytest.raises(Refusal, match="HOOKED"):
            planning.refuse_compiled(there.index.by_id[EZ], REQUEST, compiled, there.index, refusing(settings))
        child.build(skip_hooks=foreign)

    assert foreign == (f"create or replace view ETHEREUM.PROD_CORE.HOOKED as select * from {DEV_EZ}",)
    assert len(compiled.hooks) == 2
    assert not [s for s in there.snowflake.log if "HOOKED" in s.sql]
    assert there.rows(f"SELECT COUNT(*) FROM {DEV}.EZ_ETHEREUM_METRICS_LATEST") == [(1,)]


AUDIT = """
{% macro upload_manifest() %}
merge into {{ ref('dim_chains') }} t using (select chain from {{ ref('dim_chains') }}) s on t.chain = s.chain
when matched then update set t.name = 'uploaded'
{% endmacro %}
{% macro count_by_hand() %}{% do run_query('delete from ' ~ ref('dim_chains')) %}select 1{% endmacro %}
"""
RUN_HOOKS = """
on-run-start:
  - "create table if not exists {{ target.schema }}.audit_log (day date)"
  - "create table if not exists {{ ref('dim_chains') }}_log (day date)"
on-run-end:
  - "{{ upload_manifest() }}"
  - "{% for schema in schemas %}grant usage on schema dev.{{ schema }} to role transformer{% endfor %}"
  - "select count(*) from {{ ref('dim_chains') }}"
  - "{% for result in results %}insert into {{ ref('dim_chains') }} select 1{% endfor %}"
  - "{{ count_by_hand() }}"
"""


def test_hooks_of_the_run_that_write_outside_dev_are_left_out_before_anything_starts(there: Demo, tmp_path: Path):
    """As a public package does: its `ref` goes to production, since the build defers to it."""
    copy = changed_project(there.settings, tmp_path / "copy")
    (tmp_path / "copy/macros/audit.sql").write_text(AUDIT, encoding="utf-8")
    with (tmp_path / "copy/dbt_project.yml").open("a", encoding="utf-8") as project:
        project.write(RUN_HOOKS)
    there.as_builder(SCHEMA)
    prod = there.snowflake.census({"ANALYTICS", "ETHEREUM", "RAW"})

    with there.child(FACT, tmp_path / "work", full_refresh=True, settings=copy) as child:
        compiled = child.compile()
        foreign = planning.foreign_hooks(compiled, there.index)
        with pytest.raises(Refusal, match=r"DIM_CHAINS_LOG`, and a build may only write to dev"):
            planning.refuse_compiled(there.index.by_id[FACT], FULL, compiled, there.index, refusing(copy))
        assert not [s for s in there.snowflake.log if s.user == "REFRESH_BUILDER_SVC" and "audit_log" in s.sql]
        build = child.build(skip_hooks=foreign)

    assert [" ".join(hook.split())[:60] for hook in foreign] == [
        "create table if not exists analytics.PROD.dim_chains_log (da",
        "merge into analytics.PROD.dim_chains t using (select chain f",
        "{% for result in results %}insert into {{ ref('dim_chains') ",
        "{{ count_by_hand() }}",
    ]
    assert len(build.hooks) == 3
    sent = [s.sql.lower() for s in there.snowflake.log if s.user == "REFRESH_BUILDER_SVC"]
    assert not [sql for sql in sent if "merge into" in sql or "insert into" in sql or "delete from" in sql]
    assert [sql for sql in sent if "audit_log" in sql]
    assert there.snowflake.census({"ANALYTICS", "ETHEREUM", "RAW"}) == prod


def test_a_statement_that_writes_outside_dev_is_never_sent(there: Demo, tmp_path: Path):
    """Wherever it comes from: a hook that was not left out, one that turns out otherwise, the model itself."""
    model = (PROJECT / "models/facts/fact_ethereum_daily_dex_volumes.sql").read_text()
    copy = changed_project(
        there.settings,
        tmp_path / "copy",
        facts__fact_ethereum_daily_dex_volumes=model
        + "{% if execute %}{% do run_query('delete from analytics.PROD.dim_chains') %}{% endif %}",
    )
    there.as_builder(SCHEMA)
    with (
        there.child(FACT, tmp_path / "work", full_refresh=True, settings=copy) as child,
        pytest.raises(
            RefreshError,
            match=r"it would write to ANALYTICS\.PROD\.DIM_CHAINS, which is outside dev, so it was not sent",
        ),
    ):
        child.compile()
    with (tmp_path / "copy/dbt_project.yml").open("a", encoding="utf-8") as project:
        project.write("on-run-end: ['{{ log(\"\") }} call analytics.prod.load()']")
    (tmp_path / "copy/models/facts/fact_ethereum_daily_dex_volumes.sql").write_text(model, encoding="utf-8")
    with (
        there.child(FACT, tmp_path / "work", full_refresh=True, settings=copy) as child,
        pytest.raises(BuildFailed, match="it is not known what this hook would write"),
    ):
        child.build()
    assert not [s for s in there.snowflake.log if "delete from analytics" in s.sql or "call " in s.sql]


def refusing(settings: Settings) -> Settings:
    return settings.model_copy(update={"policy": settings.policy.model_copy(update={"hooks": "refuse"})})


def test_a_project_whose_own_ref_reads_dev_is_refused_with_the_list(there: Demo, tmp_path: Path):
    names = (PROJECT / "macros/names.sql").read_text()
    kept = names[: names.index("{%- do return(builtins.ref")]
    own = (
        "{%- do builtins.ref(*varargs) -%}"
        "{%- do return(api.Relation.create(database='DEV', schema='DEV_REFRESH_BOT', identifier=varargs[0])) -%}"
        "{% endmacro %}"
    )
    settings = changed_project(there.settings, tmp_path / "copy", macros__names=kept + own)

    with there.child(EZ, tmp_path / "work", vars=BACKFILL, settings=settings) as child:
        compiled = child.compile(incremental=True)

    with pytest.raises(Refusal, match=r"DEV\.DEV_REFRESH_BOT\.FACT_ETHEREUM_ACTIVITY"):
        planning.refuse_compiled(there.index.by_id[EZ], REQUEST, compiled, there.index, settings)


def test_models_in_a_folder_of_its_name_are_left_alone(there: Demo, tmp_path: Path):
    settings = changed_project(there.settings, tmp_path / "copy")
    inside = tmp_path / "copy" / "models" / "facts" / "fact_ethereum_daily_dex_volumes" / "inside.sql"
    inside.parent.mkdir()
    inside.write_text("select 1 as one")

    with there.child(FACT, tmp_path / "work", settings=settings, full_refresh=True) as child:
        assert len(child.build().tests) == 3


def test_cancel_ends_the_child_and_its_statement(there: Demo, tmp_path: Path):
    there.snowflake.inject("create or replace transient table", "hang", seconds=120)
    building = threading.Event()

    with there.child(FACT, tmp_path, full_refresh=True) as child:
        with pytest.raises(Cancelled):
            child.build(lambda _text, _share: building.set(), building.is_set)
        with pytest.raises(RefreshError) as gone:
            child.compile()

    assert "ended unexpectedly" in gone.value.user_text

    (hung,) = [s for s in there.snowflake.log if s.sql.lstrip().startswith("create or replace transient table")]
    assert hung.error
    assert there.rows(f"SHOW TABLES LIKE 'FACT_ETHEREUM_DAILY_DEX_VOLUMES' IN SCHEMA {DEV}") == []


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs a way to wait for a process that is not our child")
def test_the_child_does_not_outlive_a_parent_that_is_killed(there: Demo, tmp_path: Path):
    program = (
        "import sys; from pathlib import Path; from bot.dbt_process import Process, setup\n"
        "from bot.settings import Settings, scrubbed_environ\n"
        "import os, signal\n"
        "p = Process('x', Path(sys.argv[1]), scrubbed_environ() | {'PYTHONPATH': sys.argv[2]}, {})\n"
        "print(p.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    parent = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(PROJECT.parent.parent)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(PROJECT.parent.parent)},
    )
    try:
        handle = os.pidfd_open(int(parent.stdout))
    except ProcessLookupError:
        return  # gone already
    try:
        assert select.select([handle], [], [], 30)[0], "the child is still there"
    finally:
        os.close(handle)


def test_what_cannot_be_built_is_said_in_words(there: Demo, tmp_path: Path):
    dbt = there.settings.dbt.model_copy(update={"env": {"DEV_USER": "x", "DBT_FULL_REFRESH": "1"}})
    settings = there.settings.model_copy(update={"dbt": dbt})
    with there.child(FACT, tmp_path / "1", settings=settings) as child, pytest.raises(RefreshError) as flags:
        child.compile()
    with there.child(FACT, tmp_path / "2", analyses=("spot_typo",)) as child, pytest.raises(RefreshError) as analysis:
        child.compile()
    with pytest.raises(RefreshError, match=r"\[people\]"):
        there.child(FACT, tmp_path / "4", env_user='x"; drop')

    assert "remove `DBT_FULL_REFRESH`" in flags.value.user_text
    assert "`spot_typo` is not an analysis" in analysis.value.user_text


def test_commands_outside_of_the_context_are_a_mistake(there: Demo, tmp_path: Path):
    child = there.child(FACT, tmp_path)
    assert isinstance(child, DbtChild)
    with pytest.raises(RuntimeError):
        child.compile()
