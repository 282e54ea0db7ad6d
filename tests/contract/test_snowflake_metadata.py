"""What is known about a table: change markers, the information schema, its kind."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.contract.snowflake_world import World, listed

MARKER = "SELECT SYSTEM$LAST_CHANGE_COMMIT_TIME('PROD.CORE.T')"


@pytest.mark.parametrize(
    ("sql", "moves"),
    [
        ("UPDATE PROD.CORE.T SET V = V + 1 WHERE ID = 1", True),
        ("DELETE FROM PROD.CORE.T WHERE ID = 1", True),
        ("INSERT INTO PROD.CORE.T (ID) VALUES (77)", True),
        ("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS", True),
        ("COMMENT ON TABLE PROD.CORE.T IS 'x'", True),
        ("SELECT COUNT(*) FROM PROD.CORE.T", False),
        ("CREATE TRANSIENT TABLE PROD.BACKUPS.T CLONE PROD.CORE.T", False),
        ("SHOW TABLES IN SCHEMA PROD.CORE", False),
    ],
)
def test_the_change_marker_moves_with_changes_only(world: World, sql: str, moves: bool) -> None:
    before, through_view = world.builder.value(MARKER), world.dashboard.value(MARKER.replace(".T'", ".V'"))
    assert isinstance(before, int)
    world.promoter.run(sql)
    assert (world.builder.value(MARKER) != before) == moves
    assert (world.dashboard.value(MARKER.replace(".T'", ".V'")) != through_view) == moves


def test_information_schema_tells_replacing_from_changing(world: World) -> None:
    def seen() -> dict[str, object]:
        sql = "SELECT * FROM PROD.INFORMATION_SCHEMA.TABLES WHERE TABLE_SCHEMA = 'CORE' AND TABLE_NAME = 'T'"
        return world.builder.rows(sql)[0]

    first = seen()
    assert (first["IS_TRANSIENT"], first["TABLE_OWNER"], first["ROW_COUNT"]) == ("YES", "TRANSFORMER", 20)
    assert (first["TABLE_TYPE"], first["IS_DYNAMIC"], first["IS_ICEBERG"], first["IS_HYBRID"]) == (
        "BASE TABLE",
        "NO",
        "NO",
        "NO",
    )
    assert isinstance(first["CREATED"], dt.datetime)
    assert first["CREATED"].tzinfo is not None
    world.promoter.run("DELETE FROM PROD.CORE.T WHERE ID < 5")
    changed = seen()
    assert (changed["CREATED"], changed["LAST_DDL"], changed["ROW_COUNT"]) == (first["CREATED"], first["LAST_DDL"], 15)
    world.promoter.run("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS")
    replaced = seen()
    assert replaced["CREATED"] > first["CREATED"]  # type: ignore[operator]
    assert replaced["LAST_DDL"] > first["LAST_DDL"]  # type: ignore[operator]


def test_information_schema_columns_and_views(world: World) -> None:
    sql = "SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, IS_NULLABLE "
    columns = world.promoter.run(
        sql + "FROM PROD.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'LASTING' ORDER BY ORDINAL_POSITION"
    )
    assert columns == [
        ("ID", "NUMBER", None, 38, 0, "NO"),
        ("NAME", "TEXT", 30, None, None, "YES"),
        ("PRICE", "NUMBER", None, 20, 2, "YES"),
    ]
    ctas = world.promoter.run(sql + "FROM PROD.INFORMATION_SCHEMA.COLUMNS WHERE TABLE_NAME = 'T' AND COLUMN_NAME = 'S'")
    assert ctas == [("S", "TEXT", 10, None, None, "YES")]
    views = world.dashboard.rows("SHOW VIEWS IN SCHEMA PROD.CORE")
    assert [(v["name"], v["owner"]) for v in views] == [("V", "TRANSFORMER")]
    assert "FROM PROD.CORE.T" in str(views[0]["text"])
    assert world.dashboard.value("SELECT VIEW_DEFINITION FROM PROD.INFORMATION_SCHEMA.VIEWS") == views[0]["text"]


def test_a_table_can_be_shown_as_another_kind(world: World) -> None:
    world.sandbox.show_as("PROD.CORE.T", "DYNAMIC")
    assert listed(world, "PROD.CORE.T")["is_dynamic"] == "Y"
    sql = "SELECT IS_DYNAMIC, IS_HYBRID FROM PROD.INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'T'"
    assert world.builder.run(sql) == [("YES", "NO")]
