"""What queries answer: counts, hashes and sums, names of columns and tables, views of tables that changed."""

from __future__ import annotations

from decimal import Decimal

from tests.contract.snowflake_world import World


def test_count_if_of_no_rows_is_zero(world: World) -> None:
    sql = "SELECT COUNT_IF(A > 1) FROM (VALUES (1), (2), (3), (NULL)) AS X (A)"
    assert world.admin.value(sql) == 2
    assert world.admin.value(f"{sql} WHERE FALSE") == 0


def test_hash_agg_is_order_free_counts_duplicates_and_sees_every_value(world: World) -> None:
    def hashed(rows: str) -> object:
        return world.admin.value(f"SELECT HASH_AGG(A, B) FROM (VALUES {rows}) AS X (A, B)")

    one = hashed("(0, 0), (1, 2)")
    assert hashed("(1, 2), (0, 0)") == one
    assert (
        len(
            {
                one,
                hashed("(0, 0), (0, 0), (1, 2)"),
                hashed("(0, 0), (1, 3)"),
                hashed("(0, 0), (2, 1)"),
                hashed("(0, NULL), (1, 2)"),
            }
        )
        == 5
    )
    assert world.builder.value("SELECT HASH_AGG(*) FROM PROD.CORE.T WHERE FALSE") == 0
    sql = "SELECT HASH_AGG(*), HASH_AGG(ID, V, S), HASH_AGG(* EXCLUDE (V)), HASH_AGG(ID, S), COUNT(*) FROM "
    prod, dev = (world.builder.run(sql + table)[0] for table in ("PROD.CORE.T", "DEV.BOT.C"))
    assert prod[0] == prod[1] != dev[0]
    assert prod[2] == prod[3] == dev[2]
    groups = "SELECT MOD(ID, 2) AS G, HASH_AGG(ID, V) AS H FROM {} GROUP BY 1 ORDER BY 1"
    even = [
        world.builder.run(groups.format(t))[0] == world.builder.run(groups.format("PROD.CORE.T"))[0]
        for t in ("DEV.BOT.C",)
    ]
    assert even == [True]


def test_sums_are_exact_and_comparisons_null_safe(world: World) -> None:
    big = "SELECT SUM(X), MAX(X), COUNT_IF(X IS DISTINCT FROM NULL), COUNT_IF(EQUAL_NULL(X, NULL)) FROM "
    rows = "(VALUES (11290004102000000.20::NUMBER(38, 2)), (0.01), (NULL)) AS T (X)"
    total = Decimal("11290004102000000.21")
    assert world.admin.run(big + rows) == [(total, Decimal("11290004102000000.20"), 2, 1)]


def test_unnamed_columns_have_snowflakes_names(world: World) -> None:
    assert list(world.builder.rows("select count(*), max(id) from PROD.CORE.T")[0]) == ["COUNT(*)", "MAX(ID)"]


def test_results_can_be_read_again(world: World) -> None:
    world.builder.run("SHOW TABLES IN SCHEMA PROD.CORE")
    again = 'SELECT "name", "rows" FROM TABLE(RESULT_SCAN(LAST_QUERY_ID())) WHERE "rows" > 5'
    assert world.builder.run(again) == [("T", 20)]


def test_names_are_exact(world: World) -> None:
    world.builder.run('CREATE TABLE DEV.BOT."lower" AS SELECT 1 AS "x", 2 AS Y')
    assert world.builder.rows('SELECT * FROM dev.bot."lower"') == [{"x": 1, "Y": 2}]
    assert world.builder.refused("SELECT * FROM DEV.BOT.LOWER") == "002003"
    assert [r["name"] for r in world.builder.rows("SHOW TABLES LIKE 'LOW%' IN SCHEMA DEV.BOT")] == ["lower"]


def test_a_name_in_with_hides_a_table_only_where_it_is_in_scope(world: World) -> None:
    world.builder.run("USE SCHEMA PROD.CORE")
    assert world.builder.value("WITH T AS (SELECT * FROM T WHERE ID < 4) SELECT COUNT(*) FROM T") == 4
    assert world.dashboard.refused("WITH X AS (SELECT 1 AS A) SELECT * FROM X, PROD.CORE.LASTING") == "002003"


def test_a_star_view_breaks_when_the_columns_it_was_made_with_changed(world: World) -> None:
    world.promoter.run("CREATE VIEW PROD.CORE.ALL_OF_T AS SELECT * FROM PROD.CORE.T")
    world.promoter.run("CREATE VIEW PROD.CORE.DEEPER AS SELECT * FROM PROD.CORE.ALL_OF_T")
    world.promoter.run("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS")
    assert world.promoter.value("SELECT COUNT(*) FROM PROD.CORE.DEEPER") == 20
    world.promoter.run("ALTER TABLE PROD.CORE.T ADD COLUMN Z INT")
    assert world.promoter.refused("SELECT * FROM PROD.CORE.DEEPER LIMIT 0") == "002057"
    assert world.promoter.value("SELECT COUNT(*) FROM PROD.CORE.V") == 20
    world.promoter.run("DROP TABLE PROD.CORE.T")
    assert world.promoter.refused("SELECT * FROM PROD.CORE.V LIMIT 0") == "002003"
