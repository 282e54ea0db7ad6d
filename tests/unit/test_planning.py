"""Every refusal with its way out, and the vars that dbt gets: from values alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bot import planning
from bot.commands import parse
from bot.errors import Refusal
from bot.index import Entry
from bot.model import Column, Kind, Relation, Request, Table
from bot.settings import (
    Settings,
)
from tests.unit.projects import BACKFILL, DAY, DEV, FULL, NOW, PROD, SOURCE, TODAY, index_of, model, settings


def refused(entry: Entry, request: Request, *others: Entry, using: Settings | None = None) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        planning.refuse(entry, request, index_of(entry, *others), using or settings(), TODAY)
    for offer in refusal.value.offers:
        parse(offer, TODAY)  # what is offered can be asked for
    return refusal.value


@pytest.mark.parametrize("request_", [FULL, BACKFILL, replace(BACKFILL, columns=("fees",))])
def test_what_makes_sense_is_not_refused(request_: Request):
    planning.refuse(model(), request_, index_of(model()), settings(), TODAY)


FACT = model(unique_id="model.onchain.fact", name="fact", materialized="table", children=("model.onchain.ez",))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"enabled": False, "prod": None, "dev": None}, "is disabled in dbt"),
        ({"language": "python"}, "Python model"),
        ({"materialized": "view", "parents": ("model.onchain.fact",)}, "Refresh what it reads: `fact`"),
        ({"materialized": "ephemeral", "prod": None, "children": ("model.onchain.fact",)}, "is built from it: `fact`"),
        ({"materialized": "seed"}, "correct the file"),
        ({"materialized": "snapshot"}, "by hand"),
        ({"materialized": "dynamic_table"}, "materialized as `dynamic_table`"),
        ({"prod": None}, "deploy it first"),
        ({"prod": Relation("OTHER", "PROD", "X")}, "an operator can add `OTHER` to `prod_databases`"),
        ({"dev": PROD}, "right in production"),
        ({"dev": SOURCE}, "production table of `source.onchain.dune`"),
    ],
)
def test_models_that_cannot_be_refreshed(changes: dict[str, Any], words: str):
    assert words in refused(model(**changes), FULL, FACT).user_text


def test_a_view_offers_the_one_table_it_reads():
    view = model(materialized="view", parents=("model.onchain.fact",))

    assert refused(view, FULL, FACT).offers == ("fact",)


def test_only_allowed_warehouses():
    text = refused(model(), replace(FULL, warehouse="HUGE")).user_text

    assert text == "`HUGE` is not a warehouse I may use: write `ANALYTICS_XL`, or leave `warehouse=` out."
    planning.refuse(model(), replace(FULL, warehouse="analytics_xl"), index_of(model()), settings(), TODAY)
    none = settings(warehouse=settings().warehouse.model_copy(update={"warehouses": ()}))
    assert "leave `warehouse=` out" in refused(model(), replace(FULL, warehouse="HUGE"), using=none).user_text


def test_days_to_come():
    assert "lies in the future" in refused(model(), replace(FULL, at=(date(2027, 1, 1),))).user_text


def test_a_literal_full_refresh_false_offers_the_backfill():
    refusal = refused(model(full_refresh=False), replace(FULL, at=(DAY,), warehouse="ANALYTICS_XL", reason="why"))

    assert refusal.user_text == (
        "`ez` sets `full_refresh: false`, so dbt would ignore a full refresh. It honours `backfill_date`: "
        "`/dbt-refresh ez backfill 2026-04-08 warehouse=ANALYTICS_XL`."
    )
    assert refusal.offers == ('ez backfill 2026-04-08 warehouse=ANALYTICS_XL reason="why"',)


def test_a_literal_full_refresh_false_without_a_wrong_date_leaves_the_date_to_the_asker():
    refusal = refused(model(full_refresh=False), FULL)

    assert refusal.user_text.endswith("It honours `backfill_date`: `/dbt-refresh ez backfill &lt;date&gt;`.")
    assert refusal.offers == ()


def test_a_literal_full_refresh_false_without_a_way_back():
    refusal = refused(model(full_refresh=False, reads_date=False), FULL)

    assert "targeted `UPDATE`" in refusal.user_text
    assert refusal.offers == ()


def test_full_refresh_as_a_var_is_set_and_on_a_table_it_means_nothing():
    by_var = model(full_refresh=False, full_refresh_var="rebuild")
    table = model(materialized="table", full_refresh=False)

    for entry in (by_var, table):
        planning.refuse(entry, FULL, index_of(entry), settings(), TODAY)
    assert planning.variables(by_var, FULL, settings()) == {"rebuild": True}
    assert planning.variables(table, FULL, settings()) == {}


@pytest.mark.parametrize(
    ("changes", "words", "offers"),
    [
        ({"materialized": "table"}, "is a `table`", ("ez at=2026-04-08",)),
        ({"unique_key": ()}, "add its rows a second time", ("ez at=2026-04-08",)),
        ({"reads_date": False}, "never reads `backfill_date`", ("ez at=2026-04-08",)),
        ({"reads_date": False, "full_refresh": False}, "a targeted `UPDATE` by hand", ()),
        ({"reads_columns": False}, "never reads `backfill_columns`", ("ez backfill 2026-04-08",)),
    ],
)
def test_backfills_that_would_repair_nothing(changes: dict[str, Any], words: str, offers: tuple[str, ...]):
    refusal = refused(model(**changes), replace(BACKFILL, columns=("fees",)))

    assert words in refusal.user_text
    assert refusal.offers == offers


def test_the_vars_of_a_backfill():
    columns = replace(BACKFILL, columns=("a", "b"), at=(date(2026, 4, 9),))

    assert planning.variables(model(), BACKFILL, settings()) == {
        "backfill_date": "2026-04-08",
        "refresh_dates": ["2026-04-08"],
    }, "no columns: an empty list would mean all of them to some projects and none to others"
    assert planning.variables(model(), columns, settings()) == {
        "backfill_date": "2026-04-08",
        "backfill_columns": ["a", "b"],
        "refresh_dates": ["2026-04-09"],
    }


def test_whose_dev_schema_it_is():
    entry = model(dev=Relation("DEV", f"DEV_{planning.ANY_USER}", "EZ"))

    assert planning.dev_relation(entry, "ALICE") == Relation("DEV", "DEV_ALICE", "EZ")
    assert planning.dev_relation(model(), "ALICE") == DEV


# -- the warehouse ----------------------------------------------------------------------------------------------------


def table(**changes: Any) -> Table:
    usual: dict[str, Any] = {
        "relation": PROD,
        "kind": Kind.TRANSIENT,
        "owner": "TRANSFORMER",
        "columns": (Column(name="DATE", type="DATE"), Column(name="FEES", type="NUMBER(38,2)")),
        "row_count": 3,
        "created": NOW,
        "last_altered": NOW,
    }
    return Table(**(usual | changes))


def refused_table(prod: Table | None, entry: Entry | None = None, request: Request = FULL, **known: Any) -> str:
    with pytest.raises(Refusal) as refusal:
        planning.refuse_table(entry or model(), request, prod, settings(), dev=DEV, **known)
    return refusal.value.user_text


def test_a_table_that_can_be_replaced():
    planning.refuse_table(model(), replace(BACKFILL, columns=("fees",)), table(), settings(), dev=DEV)
    permanent = table(kind=Kind.PERMANENT)
    planning.refuse_table(model(), BACKFILL, permanent, settings(), dev=DEV, dev_schema_owner="REFRESH_BUILDER")
    planning.refuse_table(model(transient=False), FULL, permanent, settings(), dev=DEV)


@pytest.mark.parametrize(
    ("prod", "known", "words"),
    [
        (None, {}, "a first deployment of `ez` is not a refresh"),
        (table(kind=Kind.VIEW), {}, "is a view"),
        (table(kind=Kind.ICEBERG), {}, "is an Iceberg table"),
        (table(kind=Kind.DYNAMIC), {}, "is a dynamic table"),
        (table(owner="SOMEONE"), {}, "belongs to role `SOMEONE`, and I promote as `TRANSFORMER`"),
        (table(), {"dev_schema_owner": "ALICE"}, "The dev schema `DEV.DEV_REFRESH_BOT` belongs to role `ALICE`"),
        (table(), {"dev_owner": "ALICE"}, "`DEV.DEV_REFRESH_BOT.EZ_ETHEREUM_METRICS` belongs to role"),
        (table(kind=Kind.PERMANENT), {"dev_schema_transient": True}, "Use a permanent dev schema"),
        (table(kind=Kind.PERMANENT), {}, "set `transient: false` in the model"),
    ],
)
def test_tables_that_cannot_be_replaced(prod: Table | None, known: dict[str, Any], words: str):
    assert words in refused_table(prod, **known)


def test_a_builder_that_may_write_to_production_starts_nothing():
    held = table(grants=("INSERT to ROLE LOADER",), container_grants=("OWNERSHIP on SCHEMA A.B to ROLE LOADER",))
    planning.refuse_table(model(), FULL, held, settings(), dev=DEV, builder_roles=("REFRESH_BUILDER", "PUBLIC"))
    planning.refuse_table(model(), FULL, held, settings(), dev=DEV, builder_roles=None)  # for safety to say
    text = refused_table(held, builder_roles=("REFRESH_BUILDER", "LOADER"))
    assert text.startswith("dbt builds as `REFRESH_BUILDER`, which may write to `")
    assert "FROM ROLE LOADER;` `GRANT OWNERSHIP ON SCHEMA A.B TO ROLE … COPY CURRENT GRANTS;`" in text
    assert " Run `REVOKE INSERT ON TABLE " in text
    assert text.endswith(", or take the role from `REFRESH_BUILDER` and its user; then ask again.")
    assert "which may write to" in refused_table(table(grants=("DELETE to ROLE PUBLIC",)))


def test_columns_that_are_not_there():
    text = refused_table(table(), request=replace(BACKFILL, columns=("fee", "date")))

    assert text == "`fee` is not a column of `ez`. Did you mean `fees`? Its columns are `date` and `fees`."
