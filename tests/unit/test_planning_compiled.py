"""What is refused once the SQL that dbt would run is known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot import planning
from bot.compiled import Analysis, Compiled
from bot.errors import Refusal
from bot.model import Relation
from bot.settings import (
    PolicySection,
    Settings,
)
from tests.unit.projects import BACKFILL, DEV, PROD, SOURCE, index_of, model, settings


def compiled(**changes: Any) -> Compiled:
    usual: dict[str, Any] = {
        "sql": "select 1 where date >= '2026-04-08'",
        "relation": DEV,
        "reads": (SOURCE,),
        "materialized": "incremental",
        "update_columns": ("fees",),
    }
    return Compiled(**(usual | changes))


def refused_compiled(made: Compiled, *, bare: str | None = None, using: Settings | None = None) -> Refusal:
    request = replace(BACKFILL, columns=("FEES",))
    with pytest.raises(Refusal) as refusal:
        planning.refuse_compiled(model(), request, made, index_of(model()), using or settings(), bare_sql=bare)
    return refusal.value


def test_what_dbt_would_run_is_as_asked():
    made = compiled(hooks=("grant select on DEV.DEV_REFRESH_BOT.EZ_ETHEREUM_METRICS to role x",))

    planning.refuse_compiled(
        model(), replace(BACKFILL, columns=("FEES",)), made, index_of(model()), settings(), bare_sql="select 1"
    )


def test_the_honour_test():
    refusal = refused_compiled(compiled(), bare=compiled().sql)

    assert "same SQL with `backfill_date = 2026-04-08` and without it" in refusal.user_text
    assert refusal.offers == ("ez at=2026-04-08",)


@pytest.mark.parametrize("arrived", [None, (), ("revenue",)])
def test_columns_that_do_not_arrive(arrived: tuple[str, ...] | None):
    refusal = refused_compiled(compiled(update_columns=arrived))

    assert "`FEES` would not arrive in `merge_update_columns`" in refusal.user_text
    assert refusal.offers == ("ez backfill 2026-04-08",)


def test_reading_anything_but_production_and_sources():
    stale = Relation("DEV", "DEV_REFRESH_BOT", "FACT")

    assert "would read `DEV.DEV_REFRESH_BOT.FACT`" in refused_compiled(compiled(reads=(SOURCE, stale))).user_text


def test_a_hook_that_writes_outside_dev_is_left_out_or_refused():
    hook = "grant select on ETHEREUM.PROD_CORE.EZ_METRICS to role X"
    reads = "create or replace view DEV.DEV_REFRESH_BOT.EZ_ETHEREUM_METRICS_V as select * from ETHEREUM.PROD_CORE.EZ_METRICS"
    made = compiled(hooks=("select 1", hook, reads, "call ETHEREUM.PROD_CORE.LOAD()"))
    refuse = settings(policy=PolicySection(hooks="refuse"))

    planning.refuse_compiled(model(), BACKFILL, made, index_of(model()), settings())
    assert planning.foreign_hooks(made, index_of(model())) == (hook, "call ETHEREUM.PROD_CORE.LOAD()")
    assert "would write to `ETHEREUM.PROD_CORE.EZ_METRICS`, and a build may only write to dev" in (
        refused_compiled(made, using=refuse).user_text
    )
    unknown = compiled(hooks=("{{ upload(results) }}",))
    assert "`ez` may write anywhere, and" in refused_compiled(unknown, using=refuse).user_text


@pytest.mark.parametrize("reads", [PROD, DEV])
def test_a_spot_check_that_would_compare_the_model_with_itself(reads: Relation):
    made = compiled(analyses={"spot": Analysis(sql="", reads=(SOURCE, reads))})

    assert "The spot check `spot` reads" in refused_compiled(made).user_text


@pytest.mark.parametrize(
    ("columns", "excluded", "kept"),
    [
        (("fees",), (), ("CREATED_ON", "MODIFIED_ON")),
        (("fees",), ("created_on",), ("MODIFIED_ON",)),
        (("fees", "modified_on"), ("created_on",), ()),
        ((), ("created_on",), ()),
    ],
)
def test_clocks_that_keep_the_value_of_production(columns: tuple[str, ...], excluded: tuple[str, ...], kept: Any):
    """Only with `columns=`, and never one that an ordinary run leaves alone too."""
    request = replace(BACKFILL, columns=columns)
    assert planning.kept_clocks(model(exclude_columns=excluded), request, ("CREATED_ON", "MODIFIED_ON")) == kept
