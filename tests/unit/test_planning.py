"""Every refusal with its way out, the vars that dbt gets, comparison settings, readers: from values alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import planning
from bot.commands import parse
from bot.compiled import Analysis, Compiled
from bot.dbt_manifest import Names, build_index
from bot.errors import Refusal
from bot.hooks import foreign_databases
from bot.index import Entry, Index, Version
from bot.model import Column, Exposure, Kind, Mode, Origin, Relation, Request, Table
from bot.settings import (
    DbtSection,
    ModelSection,
    PolicySection,
    Secrets,
    Settings,
    SlackSection,
    UserSection,
    WarehouseSection,
    WorkerSection,
)

TODAY = date(2026, 4, 22)
DAY = date(2026, 4, 8)
NOW = datetime(2026, 4, 22, tzinfo=UTC)
PROD = Relation("ETHEREUM", "PROD_CORE", "EZ_METRICS")
DEV = Relation("DEV", "DEV_REFRESH_BOT", "EZ_ETHEREUM_METRICS")
SOURCE = Relation("RAW", "DUNE", "DEX_VOLUMES")


def settings(**changes: Any) -> Settings:
    warehouse = WarehouseSection(
        account="sandbox",
        builder=UserSection(user="B", role="REFRESH_BUILDER", warehouse="ETHEREUM"),
        promoter=UserSection(user="P", role="TRANSFORMER", warehouse="ETHEREUM"),
        prod_databases=("ANALYTICS", "ethereum"),
        warehouses=("ANALYTICS_XL",),
    )
    parts = {
        "secrets": Secrets(),
        "slack": SlackSection(),
        "policy": PolicySection(),
        "people": {},
        "dbt": DbtSection(project_dir=Path()),
        "warehouse": warehouse,
        "worker": WorkerSection(),
        "models": (),
    }
    return Settings(**(parts | changes))


def model(**changes: Any) -> Entry:
    """An incremental model that honours everything."""
    usual: dict[str, Any] = {
        "unique_id": "model.onchain.ez",
        "name": "ez",
        "package": "onchain",
        "materialized": "incremental",
        "prod": PROD,
        "dev": DEV,
        "unique_key": ("date",),
        "reads_date": True,
        "reads_columns": True,
        "parents": ("source.onchain.dune",),
    }
    return Entry(**(usual | changes))


def index_of(*entries: Entry) -> Index:
    return Index(
        code="3f9c2e1",
        dirty=False,
        made_at=NOW,
        project="onchain",
        entries=entries,
        exposures=(),
        sources={"source.onchain.dune": SOURCE},
        analyses={},
    )


def refused(entry: Entry, request: Request, *others: Entry, using: Settings | None = None) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        planning.refuse(entry, request, index_of(entry, *others), using or settings(), TODAY)
    for offer in refusal.value.offers:
        parse(offer, TODAY)  # what is offered can be asked for
    return refusal.value


FULL = Request(model="ez")
BACKFILL = Request(model="ez", mode=Mode.BACKFILL, since=DAY)


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


def test_columns_that_are_not_there():
    text = refused_table(table(), request=replace(BACKFILL, columns=("fee", "date")))

    assert text == "`fee` is not a column of `ez`. Did you mean `fees`? Its columns are `date` and `fees`."


# -- compiled SQL -----------------------------------------------------------------------------------------------------


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


def test_a_hook_into_another_database_is_refused_or_left_out():
    hook = "grant usage on database ETHEREUM to role X"
    skip = settings(policy=PolicySection(hooks="skip"))

    assert "names `ETHEREUM`, and a build may only touch `DEV`" in refused_compiled(compiled(hooks=(hook,))).user_text
    planning.refuse_compiled(model(), BACKFILL, compiled(hooks=(hook,)), index_of(model()), skip)
    assert planning.foreign_hooks(compiled(hooks=("select 1", hook)), index_of(model()), skip) == (hook,)


@pytest.mark.parametrize("reads", [PROD, DEV])
def test_a_spot_check_that_would_compare_the_model_with_itself(reads: Relation):
    made = compiled(analyses={"spot": Analysis(sql="", reads=(SOURCE, reads))})

    assert "The spot check `spot` reads" in refused_compiled(made).user_text


@pytest.mark.parametrize(
    ("sql", "named"),
    [
        ("create view dev.s.v as select t.a from DEV.s.t t", ()),
        ("insert into prod.s.t select 1", ("PROD",)),
        ('insert into "Prod".s.t select 1', ("Prod",)),
        ("call prod.s.p()", ("PROD",)),
        ("grant usage on schema ethereum.core to role r", ("ETHEREUM",)),
        ("execute immediate 'drop table ethereum.core.t'", ("ETHEREUM",)),
        ("drop database if exists other", ("OTHER",)),
        ("select 'www.example.com' -- prod.s.t", ()),
        ("/* prod.s.t */ select s.t from dev.s.t", ()),
    ],
)
def test_databases_in_hooks(sql: str, named: tuple[str, ...]):
    assert foreign_databases(sql, "DEV", {"ETHEREUM"}) == named


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


# -- comparison settings ----------------------------------------------------------------------------------------------

COLUMNS = (
    Column(name="DATE", type="DATE"),
    Column(name="CHAIN", type="VARCHAR(100)"),
    Column(name="FEES", type="NUMBER(38,2)"),
    Column(name="MODIFIED_ON", type="TIMESTAMP_NTZ(9)"),
)


def test_meta_comes_before_patterns_and_patterns_before_claims():
    entry = model(
        meta={"sanity": {"fees": {"min": 0, "max": "1.0e12"}}, "outliers": {"top": 5}},
        grain_claims=(("unique_key", ("missing",)), ("uniqueness test", ("date", "chain"))),
    )
    section = ModelSection(
        match="e*", grain=("Date",), clock=("modified_on",), outliers={"top": 9, "explain_over": 0.2}, quorum=2
    )

    plain = planning.rules(entry, settings(), COLUMNS)
    matched = planning.rules(entry, settings(models=(section,)), COLUMNS)

    assert plain.grain == Origin(columns=("DATE", "CHAIN"), source="uniqueness test")
    assert plain.date_column == Origin(columns=("DATE",), source="uniqueness test")
    assert plain.sanity == {"FEES": {"min": 0.0, "max": 1e12}}, "YAML reads 1.0e12 as text"
    assert (plain.top, plain.explain_over, plain.quorum) == (5, 0.05, None)
    assert matched.grain == Origin(columns=("DATE",), source="refresh.toml")
    assert matched.clock == ("MODIFIED_ON",)
    assert (matched.top, matched.explain_over, matched.quorum) == (5, 0.2, 2)


def test_spot_checks_are_known_before_the_table_is():
    by_pattern = settings(models=(ModelSection(match="e*", spot_check=("a", "b")),))

    assert planning.spot_checks(model(meta={"spot_check": "one"}), by_pattern) == ("one",)
    assert planning.spot_checks(model(), by_pattern) == ("a", "b")


def test_without_a_claim_the_grain_is_not_guessed_here():
    rules = planning.rules(
        model(date_claims=(("cluster_by", "chain"), ("recency test", "modified_on"))), settings(), COLUMNS
    )

    assert rules.grain == Origin(columns=(), source="none")
    assert rules.date_column == Origin(columns=("MODIFIED_ON",), source="recency test")


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"grain": ["day"]}, "`grain` in the refresh settings of `ez` names `day`"),
        ({"sanity": {"fee": {"max": 1}}}, "names `fee`"),
        ({"sanity": {"fees": {"max": "a lot"}}}, "`sanity.fees.max` in the refresh settings of `ez` must be a number"),
        ({"sanity": ["fees"]}, "has the wrong shape"),
        ({"metrics": {"fees": 1}}, "has the wrong shape"),
    ],
)
def test_settings_that_mean_nothing_are_told(meta: dict[str, Any], words: str):
    with pytest.raises(Refusal, match=words):
        planning.rules(model(meta=meta), settings(), COLUMNS)


# -- readers ----------------------------------------------------------------------------------------------------------


def chain(*links: tuple[str, str]) -> Index:
    """Models by edges, "parent", "child"."""
    names = list(dict.fromkeys(name for link in links for name in link))
    return index_of(
        *(
            model(
                unique_id=name,
                name=name,
                materialized="table",
                prod=Relation("ETHEREUM", "PROD", name.upper()),
                parents=tuple(p for p, c in links if c == name) or ("source.onchain.dune",),
                children=tuple(c for p, c in links if p == name),
            )
            for name in names
        )
    )


def test_who_reads_a_changed_column():
    index = chain(
        ("a", "yes"), ("a", "no"), ("a", "star"), ("yes", "far"), ("no", "safe"), ("star", "safe"), ("no", "dead")
    )
    sql = {
        "yes": "select fees from a",
        "no": "select date from a",
        "star": "select * from a",
        "far": "select renamed from yes",
        "safe": "select x from no",
        "dead": "select fees from no",
    }

    found = {r.name: (r.depth, r.uses_columns) for r in planning.readers(index, "a", ("FEES",), sql)}

    assert found == {
        "yes": (1, True),
        "no": (1, False),
        "star": (1, None),
        "far": (2, None),
        "safe": (2, None),
        "dead": (2, False),
    }
    assert {r.uses_columns for r in planning.readers(index, "a", (), sql)} == {None}


def test_exposures_of_the_model_and_of_what_may_use_the_change():
    on = {"own": ("a",), "below": ("yes", "no"), "unclear": ("star",), "unused": ("no",), "other": ("z",)}
    shown = tuple(Exposure(name=n, type="dashboard", owner="", reads=reads) for n, reads in on.items())
    index = replace(chain(("a", "yes"), ("a", "no"), ("a", "star")), exposures=shown)
    sql = {"yes": "select fees from a", "no": "select date from a", "star": "select * from a"}

    found = planning.exposures(index, "a", planning.readers(index, "a", ("FEES",), sql))

    assert [e.name for e in found] == ["own", "below", "unclear"]


def test_siblings_share_a_source_and_are_neither_above_nor_below():
    index = chain(("a", "b"), ("c", "d"))

    assert planning.siblings(index, "b") == ("c",)
    assert planning.siblings(index, "a") == ("c",)


# -- the manifest -----------------------------------------------------------------------------------------------------


def node(name: str, **changes: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "unique_id": f"model.p.{name}",
        "resource_type": "model",
        "name": name,
        "package_name": "p",
        "original_file_path": f"models/{name}.sql",
        "relation_name": f"db.Sch.{name}",
        "config": {"materialized": "table"},
        "raw_code": "select 1",
        "depends_on": {"nodes": [], "macros": []},
        "checksum": {"checksum": name},
    }
    return usual | changes


def entry_of(found: dict[str, Any], *others: dict[str, Any], macros: dict[str, Any] | None = None) -> Entry:
    manifest = {
        "metadata": {"project_name": "p"},
        "nodes": {n["unique_id"]: n for n in (found, *others)},
        "sources": {},
        "macros": macros or {},
    }
    names = Names(date_var="backfill_date", columns_var="backfill_columns")
    index = build_index(manifest, manifest, names, version=Version(), made_at=NOW, from_state=False)
    return index.by_id[found["unique_id"]]


def a_test(name: str, of: str, **changes: Any) -> dict[str, Any]:
    return node(name, unique_id=f"test.p.{name}", resource_type="test", attached_node=of) | {
        "depends_on": {"nodes": [of], "macros": []},
        **changes,
    }


def test_a_literal_name_in_a_macro_is_an_edge_unless_the_compiled_code_says_otherwise():
    macros = {
        "macro.p.fees": {"name": "fees", "package_name": "p", "macro_sql": "db.sch.b", "depends_on": {"macros": []}}
    }
    by_macro = {"raw_code": "select * from {{ fees() }}", "depends_on": {"nodes": [], "macros": ["macro.p.fees"]}}

    assert entry_of(node("a", **by_macro), node("b"), macros=macros).by_name == ("model.p.b",)
    assert entry_of(node("b"), node("a", **by_macro), macros=macros).children == ("model.p.a",)
    assert entry_of(node("a", **by_macro, compiled_code="select 1"), node("b"), macros=macros).by_name == ()


def test_names_are_folded_unless_the_manifest_quotes():
    assert entry_of(node("a")).prod == Relation("DB", "SCH", "A")
    assert entry_of(node("a", relation_name='"db".Sch."a"')).prod == Relation("db", "SCH", "a")


def test_claims_of_grain_and_date_in_their_order():
    metadata = {"name": "unique_combination_of_columns", "kwargs": {"combination_of_columns": ["x", "y"]}}
    entry = entry_of(
        node(
            "a",
            config={"materialized": "incremental", "unique_key": ["d", "e"], "cluster_by": ["to_date(t)"]},
            constraints=[{"type": "primary_key", "columns": ["id"]}],
        ),
        a_test("combination", "model.p.a", test_metadata=metadata, config={}),
        a_test("some", "model.p.a", test_metadata={"name": "unique"}, column_name="z", config={"where": "z > 1"}),
        a_test("recent", "model.p.a", test_metadata={"name": "recency", "kwargs": {"field": "seen"}}, config={}),
    )

    assert entry.grain_claims == (("unique_key", ("d", "e")), ("primary key", ("id",)), ("uniqueness test", ("x", "y")))
    assert entry.date_claims == (("recency test", "seen"), ("cluster_by", "t"))
    assert set(entry.tests) == {"combination", "some", "recent"}


def test_an_expression_is_no_grain_and_a_test_over_later_models_does_not_run():
    entry = entry_of(
        node("a", config={"materialized": "incremental", "unique_key": "a || b"}),
        node("later", depends_on={"nodes": ["model.p.a"], "macros": []}),
        a_test("both", "model.p.a", depends_on={"nodes": ["model.p.a", "model.p.later"], "macros": []}),
    )

    assert entry.grain_claims == ()
    assert entry.unique_key == ("a || b",)
    assert entry.tests == ()


def test_vars_and_target_are_found_through_macros():
    macros = {
        "macro.p.outer": {
            "name": "outer",
            "package_name": "p",
            "macro_sql": "{{ inner() }}",
            "depends_on": {"macros": ["macro.p.inner"]},
        },
        "macro.p.inner": {
            "name": "inner",
            "package_name": "p",
            "macro_sql": "{{ var('backfill_date', none) }} {% if target.name == 'dev' %} limit 9 {% endif %}",
            "depends_on": {"macros": ["macro.p.outer"]},
        },
    }
    using = entry_of(node("a", depends_on={"nodes": [], "macros": ["macro.p.outer"]}), macros=macros)
    alias = entry_of(node("a", raw_code="select target.x from t as target"))

    assert (using.reads_date, using.reads_columns, using.mentions_target) == (True, False, True)
    assert alias.mentions_target is False


@pytest.mark.parametrize(
    ("raw_code", "unrendered", "name"),
    [
        ("{{ config(full_refresh=var('rebuild', false)) }}", False, "rebuild"),
        ("select 1", "{{ var('rebuild') }}", "rebuild"),
        ("{{ config(full_refresh=false) }} {{ var('other') }}", False, ""),
    ],
)
def test_full_refresh_as_a_var(raw_code: str, unrendered: object, name: str):
    found = entry_of(node("a", raw_code=raw_code, unrendered_config={"full_refresh": unrendered}))

    assert found.full_refresh_var == name
