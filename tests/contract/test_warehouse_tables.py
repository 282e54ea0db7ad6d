"""A table as the gateway sees it: columns, keys, kind, token, content; what is refused is unknown."""

from __future__ import annotations

import pytest

from bot import inspection
from bot.model import Column, Kind, Relation
from bot.warehouse import NotVisible
from tests.contract.warehouses import ORDERS, World


def test_a_table_as_the_catalog_describes_it(shop: World) -> None:
    with shop.warehouse.promoter("t") as session:
        table = session.table(ORDERS)
        assert session.table(ORDERS.renamed("ORDER_")) is None
        assert session.table(ORDERS.renamed("orders")) is None
    assert table is not None
    assert (table.kind, table.owner, table.row_count) == (Kind.TRANSIENT, "TRANSFORMER", 2)
    assert table.columns == (
        Column(name="DAY", type="DATE", nullable=False),
        Column(name="AMOUNT", type="NUMBER(38,2)"),
        Column(name="NOTE", type="VARCHAR(40)", comment="free text"),
    )
    assert table.grants == ("SELECT to ROLE BI", "SELECT to ROLE REFRESH_BUILDER")
    assert table.created.tzinfo is not None
    assert table.retention == 1
    assert (table.change_tracking, table.search_optimization) == (False, False)
    assert (table.policies, table.tags, table.streams, table.dynamic_tables) == ((), (), (), ())
    assert (table.keys, table.referenced_by, table.metric_functions) == ((), (), ())
    assert table.views == ("SHOP.PROD.READS_IT",)


def test_keys_and_metric_functions_are_seen_on_the_table_and_from_others(shop: World) -> None:
    shop.nightly(
        "ALTER TABLE SHOP.PROD.ORDERS ADD CONSTRAINT K PRIMARY KEY (DAY, NOTE) RELY",
        "ALTER TABLE SHOP.PROD.ORDERS ADD UNIQUE (AMOUNT)",
        "CREATE TABLE SHOP.PROD.LINES (D DATE, N VARCHAR, FOREIGN KEY (D, N) REFERENCES SHOP.PROD.ORDERS (DAY, NOTE))",
        "ALTER TABLE SHOP.PROD.ORDERS SET DATA_METRIC_SCHEDULE = '5 MINUTE'",
        "ALTER TABLE SHOP.PROD.ORDERS ADD DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON (AMOUNT)",
    )
    refers = 'FOREIGN KEY ("D", "N") REFERENCES "SHOP"."PROD"."ORDERS" ("DAY", "NOTE")'
    with shop.warehouse.promoter("t") as session:
        orders, lines = session.table(ORDERS), session.table(ORDERS.renamed("LINES"))
    assert orders is not None and lines is not None
    assert orders.keys == ('PRIMARY KEY ("DAY", "NOTE") RELY', 'UNIQUE ("AMOUNT")')
    assert orders.referenced_by == (f"SHOP.PROD.LINES {refers}",)
    assert orders.metric_functions == ('SNOWFLAKE.CORE.NULL_COUNT ON ("AMOUNT") SCHEDULE 5 MINUTE',)
    assert (lines.keys, lines.referenced_by, lines.metric_functions) == ((refers,), (), ())


def test_a_copy_of_ours_is_looked_at_without_what_reads_or_guards_it(shop: World) -> None:
    with shop.warehouse.builder("t") as session:
        table = session.table(ORDERS, alone=True)
    assert table is not None
    assert (table.tags, table.keys, table.change_tracking) == ((), (), False)
    assert (table.grants, table.streams, table.views, table.referenced_by) == (None,) * 4


def test_a_columns_default_is_seen(shop: World) -> None:
    shop.nightly("CREATE TABLE SHOP.PROD.FILLED (A INT DEFAULT 7, B INT)")
    with shop.warehouse.promoter("t") as session:
        assert [bool(c.default) for c in session.columns(ORDERS.renamed("FILLED"))] == [True, False]
    identity = {"column_name": "A", "data_type": "NUMBER", "is_identity": "YES"}
    assert inspection.column(identity).default == "AUTOINCREMENT"


def test_recorded_changes_are_seen(shop: World) -> None:
    with shop.sandbox.admin() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {ORDERS.sql} SET CHANGE_TRACKING = TRUE")
    with shop.warehouse.promoter("t") as session:
        table = session.table(ORDERS)
    assert table is not None
    assert table.change_tracking is True


def test_kinds(shop: World) -> None:
    with shop.warehouse.promoter("t") as session:
        kinds = [session.table(ORDERS.renamed(name)) for name in ("ORDERS", "FOREVER", "READS_IT")]
    assert [t and t.kind for t in kinds] == [Kind.TRANSIENT, Kind.PERMANENT, Kind.VIEW]


def test_what_is_refused_is_unknown_not_empty(shop: World) -> None:
    for what in (
        "SHOW GRANTS",
        "POLICY_REFERENCES",
        "TAG_REFERENCES",
        "SHOW STREAMS",
        "SHOW DYNAMIC",
        "SHOW VIEWS",
        "SHOW TABLES",
        "SHOW UNIQUE KEYS",
        "SHOW EXPORTED KEYS",
        "DATA_METRIC_FUNCTION_REFERENCES",
    ):
        shop.sandbox.inject(what, "fail", code="003001", message="Insufficient privileges")
    with shop.warehouse.promoter("t") as session:
        table = session.table(ORDERS)
    assert table is not None
    unseen = (table.grants, table.policies, table.tags, table.streams, table.dynamic_tables, table.views)
    unseen += (table.keys, table.referenced_by, table.metric_functions)
    assert (*unseen, table.change_tracking) == (None,) * 10


def test_a_database_out_of_sight_is_an_error(shop: World) -> None:
    with shop.warehouse.builder("t") as session, pytest.raises(NotVisible):
        session.table(Relation("ELSEWHERE", "PROD", "ORDERS"))


def test_a_token_moves_with_every_change_and_only_then(shop: World) -> None:
    with shop.warehouse.builder("t") as session:
        first, again = session.token(ORDERS), session.token(ORDERS)
        assert first is not None
        assert first == again
        assert (first.row_count, first.owner, first.kind) == (2, "TRANSFORMER", Kind.TRANSIENT)
        shop.nightly("UPDATE SHOP.PROD.ORDERS SET AMOUNT = 3 WHERE DAY = '2026-04-08'")
        assert session.token(ORDERS) != first
        assert session.token(ORDERS.renamed("NOT_THERE")) is None


def test_content_is_order_free_and_by_column_name(shop: World) -> None:
    shop.nightly(
        "CREATE TRANSIENT TABLE SHOP.PROD.TURNED AS SELECT NOTE, DAY, AMOUNT FROM SHOP.PROD.ORDERS ORDER BY DAY DESC",
        "CREATE TRANSIENT TABLE SHOP.PROD.TWICE AS SELECT * FROM SHOP.PROD.ORDERS UNION ALL SELECT * FROM SHOP.PROD.ORDERS",
        "CREATE TRANSIENT TABLE SHOP.PROD.NONE_LEFT AS SELECT * FROM SHOP.PROD.ORDERS WHERE FALSE",
    )
    with shop.warehouse.builder("t") as session:
        content = session.content(ORDERS)
        assert content.rows == 2
        assert session.content(ORDERS.renamed("TURNED")) == content
        twice = session.content(ORDERS.renamed("TWICE"))
        assert (twice.rows, twice.hash == content.hash) == (4, False)
        assert session.content(ORDERS.renamed("NONE_LEFT")).rows == 0
        assert session.content(ORDERS, ["DAY"]) == session.content(ORDERS.renamed("TURNED"), ["DAY"])
