"""A dbt project with mistakes in it: what dbt would really run decides, not what the code looks like (design 2.2, 2.4)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.dbt_project import Project
from bot.settings import Settings
from bot.wording.plan import not_compiled
from sandbox.world import ROOT
from tests.stories import acts
from tests.stories import conftest as stages
from tests.stories.conftest import FACT, Stage

pytestmark = pytest.mark.xdist_group("mistakes")  # dbt reads their project once

PROJECT = ROOT / "sandbox" / "project"
SOLANA = "ANALYTICS.PROD.FACT_SOLANA_DAILY_DEX_VOLUMES"
HOOK = "delete from analytics.prod.fact_ethereum_gas where gas_gwei is null"

# File, what stands there, and the mistake instead.
MISTAKES = {
    "a read of dev": (
        "macros/names.sql",
        "{%- do return(builtins.ref(*varargs, **kwargs).quote(database=false, schema=false, identifier=false)) -%}",
        """{%- set found = builtins.ref(*varargs, **kwargs).quote(database=false, schema=false, identifier=false) -%}
    {%- if target.name == 'dev' and varargs[0] == 'fact_solana_market' -%}
        {%- do return(found.replace_path(database='dev', schema='DEV_refresh_bot')) -%}
    {%- endif -%}
    {%- do return(found) -%}""",
    ),
    "a database that is the same everywhere": (
        "macros/names.sql",
        "{%- if target.name == 'dev' -%}\n        {{ target.database }}",
        "{%- if node.name == 'dim_chains' -%}\n        analytics\n"
        "    {%- elif target.name == 'dev' -%}\n        {{ target.database }}",
    ),
    "a schema that is the same everywhere": (
        "macros/names.sql",
        "{%- if target.name == 'dev' -%}\n        DEV_",
        "{%- if node.name == 'dim_chains' -%}\n        PROD\n    {%- elif target.name == 'dev' -%}\n        DEV_",
    ),
    "a date that is read and not used": (
        "models/facts/fact_ethereum_gas.sql",
        "{% if is_incremental() %}",
        "{% set since = var('backfill_date', none) %}{% if is_incremental() %}",
    ),
    "columns that are read and not used": (
        "models/facts/fact_ethereum_bridge_transfers.sql",
        "{{ config(materialized='incremental', incremental_strategy='append') }}",
        "{{ config(materialized='incremental', incremental_strategy='merge', unique_key=['date', 'bridge']) }}\n"
        "{% set columns = var('backfill_columns', []) %}",
    ),
    "a hook into production": (
        "models/facts/fact_solana_daily_dex_volumes.sql",
        "select\n    date,",
        f'{{{{ config(post_hook="{HOOK}") }}}}\n\nselect\n    date,',
    ),
    "a build that changes history": (
        "models/core/ez_ethereum_metrics.sql",
        'post_hook="{{ latest_view(this) }}"',
        """post_hook="update {{ this }} set fees = fees + 1 where date < '2018-01-14'\"""",
    ),
}


@pytest.fixture(scope="module")
def project(project: stages.Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[stages.Parts]:
    """The same world with a changed copy of the demo project, read once for all stories of this file."""
    home = tmp_path_factory.mktemp("mistakes")
    shutil.copytree(PROJECT, home / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    for name, right, wrong in MISTAKES.values():
        path = home / "dbt" / name
        text = path.read_text(encoding="utf-8")
        assert right in text
        path.write_text(text.replace(right, wrong), encoding="utf-8")
    places = {"project_dir": home / "dbt", "profiles_dir": home / "dbt"}
    settings = Settings.load(project.world.environ())
    settings = settings.model_copy(update={"dbt": settings.dbt.model_copy(update=places)})
    changed = Project(settings, home / "project", warm=True)
    yield replace(project, project=changed, index=changed.index(), data=home, dbt=places)
    changed.stop()


@pytest.mark.settings(policy={"hooks": "refuse"})
def test_what_dbt_would_run_is_refused_with_what_works_instead(stage: Stage) -> None:
    assert stage.told("alice", "dim_chains") == (
        "dbt would build `dim_chains` right in production (`ANALYTICS.PROD.DIM_CHAINS`) with the dev target: "
        "repair the project's name macros or `[dbt.env]` first."
    )
    assert acts.refused(stage, "fact_ethereum_gas backfill 2026-04-08") == (
        "`fact_ethereum_gas` compiles to the same SQL with `backfill_date = 2026-04-08` and without it: a backfill would "
        "repair nothing. What works: a full refresh, `/dbt-refresh fact_ethereum_gas at=2026-04-08`."
    )
    assert acts.refused(stage, "fact_ethereum_bridge_transfers backfill 2026-04-08 columns=amount") == (
        "`amount` would not arrive in `merge_update_columns` of `fact_ethereum_bridge_transfers`, so dbt would write other "
        "columns than the ones named. Without `columns=` all are written: "
        "`/dbt-refresh fact_ethereum_bridge_transfers backfill 2026-04-08`."
    )
    assert acts.refused(stage, "ez_solana_metrics") == (
        "`ez_solana_metrics` would read `DEV.DEV_REFRESH_BOT.FACT_SOLANA_MARKET`: neither production's tables nor declared "
        "sources. Declare them as sources; where it is a dev table, the project's own `ref` overrides dbt's: repair it."
    )
    assert acts.refused(stage, "fact_solana_daily_dex_volumes") == (
        "A hook that runs with `fact_solana_daily_dex_volumes` would write to `ANALYTICS.PROD.FACT_ETHEREUM_GAS`, "
        "and a build may only write to dev: "
        f'`{HOOK}`. Write it with `this`, or let an operator set `hooks = "skip"` in `[policy]`.'
    )
    assert not [s for s in stage.world.snowflake.log if " CLONE " in s.sql]


@pytest.mark.settings(policy={"spot_check": "optional"})
def test_a_hook_into_production_is_left_out_and_listed(stage: Stage) -> None:
    stage.nightly_writes(SOLANA, f"UPDATE {SOLANA} SET trades = trades + 1 WHERE date = '2026-03-09'")
    incident = acts.waiting(stage, "fact_solana_daily_dex_volumes")
    assert (
        "Left out, since they write outside dev or it is not known what they write; run them by hand after the promotion: "
        f"`{HOOK}`."
    ) in incident.replies[0]
    assert not [s for s in stage.world.snowflake.log if "gas_gwei is null" in s.sql]
    assert acts.offered(incident) == {"approve", "reject"}


def test_a_build_that_reaches_further_than_asked_is_never_approved(stage: Stage) -> None:
    """Whether the date itself gets better or not."""
    incident = stage.asks("ez_ethereum_metrics backfill 2026-04-08")
    incident.wait_card("nothing would change")
    assert acts.text_of(incident.wait_button("close")) == (
        "*2026-04-08 would not change.* It is as in production and still holds 11,290,000,000,000,000, "
        "while other rows would change, and parity fails: close this.\nNotified: <@U0ALICE>."
    )
    incident.click("alice", "close")
    incident.wait_card("cancelled")
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET daily_volume = 1676204911.20 WHERE date = '2026-04-08'")
    incident = acts.waiting(stage, "ez_ethereum_metrics backfill 2026-04-08", ref="R2")
    assert acts.failed(incident) == [
        "*Parity: fail.* 12 rows before 2026-04-08 differ in fees: the backfill reached further than asked."
    ]
    assert "Nobody may waive it: rebuild it, or reject." in "\n".join(incident.replies)
    assert acts.opening(incident).startswith("*Cannot be approved as it is*")
    assert "approve" not in acts.offered(incident)
    assert "waive" not in acts.offered(incident)


def test_a_plan_does_not_wait_until_dbt_has_read_the_project(stage: Stage) -> None:
    new = stage.parts.dbt["project_dir"] / "models" / "new.sql"
    new.write_text("select 1 as one", encoding="utf-8")  # what was parsed is not what is there
    try:
        said = acts.refused(stage, "plan ecosystem_overview")
    finally:
        new.unlink()
    assert "dev `DEV.DEV_REFRESH_BOT.ECOSYSTEM_OVERVIEW`" in said
    assert f"\n{not_compiled()}\n" in said
    assert not [s for s in stage.world.snowflake.log if '"app": "dbt"' in s.sql]
    assert not_compiled() not in acts.refused(stage, "plan ecosystem_overview")
