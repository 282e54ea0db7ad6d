"""What the catalog says of a table: its streams, what reads it, its kind."""

from __future__ import annotations

import pytest

from bot import inspection
from bot.model import Kind
from tests.refreshes import PROD


def test_a_stream_that_hides_its_table_makes_streams_unknown_in_its_database() -> None:
    row = {"name": "S", "database_name": "ETHEREUM", "schema_name": "X", "table_name": None, "base_tables": None}
    assert inspection.streams([row], PROD) is None
    assert inspection.streams([row | {"database_name": "OTHER"}], PROD) == ()
    assert inspection.streams([row | {"table_name": "ethereum.prod_core.EZ_METRICS"}], PROD) == ("ETHEREUM.X.S",)
    assert inspection.streams([row | {"base_tables": 'A.B.C,"ETHEREUM"."PROD_CORE"."EZ_METRICS"'}], PROD) == (
        "ETHEREUM.X.S",
    )
    assert inspection.streams([row | {"table_name": "A.B.C"}] * 10_000, PROD) is None  # a full page


def test_readers_are_found_by_parsing_not_by_name_alone() -> None:
    row = {"name": "V", "database_name": "ETHEREUM", "schema_name": "PROD_CORE", "is_materialized": "false"}
    by_text = {
        "create view v as select * from ez_metrics": True,
        "create view v as select * from prod_core.ez_metrics": True,
        "create view v as select * from other.ez_metrics": False,
        "create view v as select 'ethereum.prod_core.ez_metrics' as note from x": False,
        "create view v as selec ez_metrics": True,  # cannot be parsed but names it
    }
    for text, reads_it in by_text.items():
        expected = ("ETHEREUM.PROD_CORE.V",) if reads_it else ()
        assert inspection.views([row | {"text": text}], [], PROD) == expected
        assert inspection.dynamic_tables([row | {"text": text}], PROD) == expected
    materialized = row | {"text": next(iter(by_text)), "is_materialized": "true"}
    assert inspection.views([materialized], [], PROD) == ("ETHEREUM.PROD_CORE.V (materialized)",)


def test_a_dynamic_table_is_found_through_views_too() -> None:
    place = {"database_name": "ETHEREUM", "schema_name": "PROD_CORE"}
    views = [
        place | {"name": "TOP", "text": "create view top as select * from middle"},
        place | {"name": "MIDDLE", "text": "create view middle as select * from ez_metrics"},
        place | {"name": "APART", "text": "create view apart as select * from other"},
    ]
    dynamic = [
        place | {"name": name, "text": f"create dynamic table {name} as select * from {reads}"}
        for name, reads in (("D1", "top"), ("D2", "ez_metrics"), ("D3", "apart"))
    ]
    through = inspection.readers(views, PROD)
    assert through == {PROD.renamed("TOP"), PROD.renamed("MIDDLE")}
    assert inspection.dynamic_tables(dynamic, PROD, through) == ("ETHEREUM.PROD_CORE.D1", "ETHEREUM.PROD_CORE.D2")


@pytest.mark.parametrize("text", ["", None])
def test_a_reader_that_hides_its_text_is_not_counted_as_none(text: str | None) -> None:
    row = {"name": "V", "database_name": "ELSEWHERE", "schema_name": "X", "text": text, "is_materialized": "false"}
    assert inspection.dynamic_tables([row], PROD) is None
    assert inspection.views([row], [], PROD) == ("ELSEWHERE.X.V (text hidden)",)
    assert inspection.views([row | {"schema_name": "INFORMATION_SCHEMA"}], [], PROD) == ()  # Snowflake's own
    full = [row | {"text": "select 1"}] * 10_000
    assert inspection.dynamic_tables(full, PROD) is inspection.views(full, [], PROD) is None


def test_a_materialized_view_is_found_in_any_database_by_its_base_table() -> None:
    row = {"name": "M", "database_name": "ELSEWHERE", "schema_name": "X", "text": ""}
    ours = {"source_database_name": PROD.database, "source_schema_name": PROD.schema, "source_table_name": PROD.name}
    assert inspection.views([], [row | ours], PROD) == ("ELSEWHERE.X.M (materialized)",)
    assert inspection.views([], [row | ours | {"source_schema_name": "OTHER"}], PROD) == ()
    assert inspection.views([], [row | ours | {"source_table_name": None}], PROD) is None
    in_its_database = row | {"is_materialized": "true", "text": "create materialized view m as select 1"}
    assert inspection.views([in_its_database], [row | ours], PROD) == ("ELSEWHERE.X.M (materialized)",)


def test_special_tables_are_told_apart() -> None:
    base = {"table_type": "BASE TABLE", "is_transient": "NO"}
    rows = [base, base | {"is_transient": "YES"}, base | {"is_dynamic": "YES"}, base | {"is_iceberg": "Y"}]
    rows += [
        base | {"is_hybrid": "true"},
        {"table_type": "VIEW"},
        {"table_type": "EXTERNAL TABLE"},
        {"table_type": "EVENT TABLE"},
    ]
    special = [Kind.DYNAMIC, Kind.ICEBERG, Kind.HYBRID, Kind.VIEW, Kind.EXTERNAL, Kind.OTHER]
    assert [inspection.kind(r) for r in rows] == [Kind.PERMANENT, Kind.TRANSIENT, *special]
