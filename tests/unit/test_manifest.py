"""What the index takes from the manifest of dbt."""

from __future__ import annotations

from typing import Any

import pytest

from bot.dbt_manifest import Names, build_index
from bot.index import Entry, Version
from bot.model import Relation
from tests.unit.projects import NOW


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


def test_what_a_model_is_known_by_besides_its_name():
    found = entry_of(node("a", tags=["hourly"], columns={"date": {"name": "date"}, "fees": {"name": "fees"}}))
    assert (found.tags, found.columns) == (("hourly",), ("date", "fees"))


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
