"""Kinds, clones, grants that travel, metadata, and the statements dbt sends."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.snowflake_world import World

pytest_plugins = ["tests.contract.snowflake_world"]


def readers(world: World, table: str) -> set[object]:
    rows = world.admin.rows(f"SHOW GRANTS ON TABLE {table}")
    return {row["grantee_name"] for row in rows if row["privilege"] != "OWNERSHIP"}


def listed(world: World, table: str) -> dict[str, object]:
    database, schema, name = table.split(".")
    return world.admin.rows(f"SHOW TABLES LIKE '{name}' IN SCHEMA {database}.{schema}")[0]


# Kinds --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "to", "code"),
    [
        ("PROD.CORE.T", "TABLE", "002120"),
        ("PROD.CORE.T", "TRANSIENT TABLE", None),
        ("PROD.CORE.T", "TEMPORARY TABLE", None),
        ("PROD.CORE.LASTING", "TABLE", None),
        ("PROD.CORE.LASTING", "TRANSIENT TABLE", None),
        ("PROD.CORE.LASTING", "TEMPORARY TABLE", None),
    ],
)
def test_which_kind_clones_to_which(world: World, source: str, to: str, code: str | None) -> None:
    sql = f"CREATE {to} DEV.BOT.X CLONE {source}"
    if code:
        assert world.builder.refused(sql) == code
        return
    world.builder.run(sql)
    row = world.builder.rows("SHOW TABLES LIKE 'X' IN SCHEMA DEV.BOT")[0]
    assert row["kind"] == to.split(" ")[0]
    transient = "SELECT IS_TRANSIENT FROM DEV.INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'X'"
    assert world.builder.value(transient) == ("YES" if "TRANSIENT" in to else "NO")


def test_everything_in_a_transient_schema_is_transient(world: World) -> None:
    world.builder.run("CREATE TRANSIENT SCHEMA DEV.BRIEF")
    world.builder.run("CREATE TABLE DEV.BRIEF.X CLONE PROD.CORE.LASTING")
    assert listed(world, "DEV.BRIEF.X")["kind"] == "TRANSIENT"
    assert world.builder.refused("CREATE TABLE DEV.BOT.X CLONE DEV.BRIEF.X") == "002120"
    options = {r["name"]: r["options"] for r in world.builder.rows("SHOW SCHEMAS IN DATABASE DEV")}
    assert (options["BRIEF"], options["BOT"]) == ("TRANSIENT", "MANAGED ACCESS")


def test_a_clone_carries_columns_and_metadata_but_not_reclustering(world: World) -> None:
    world.promoter.run("ALTER TABLE PROD.CORE.LASTING CLUSTER BY (ID, NAME)")
    world.promoter.run("COMMENT ON TABLE PROD.CORE.LASTING IS 'prices'")
    world.promoter.run("ALTER TABLE PROD.CORE.LASTING SET DATA_RETENTION_TIME_IN_DAYS = 3")
    world.builder.run("CREATE TABLE DEV.BOT.X CLONE PROD.CORE.LASTING")
    row = listed(world, "DEV.BOT.X")
    assert (row["cluster_by"], row["automatic_clustering"]) == ("LINEAR(ID, NAME)", "OFF")
    assert (row["comment"], row["retention_time"], row["rows"]) == ("prices", "3", 2)
    described = world.builder.rows("DESCRIBE TABLE DEV.BOT.X")
    assert described == world.builder.rows("DESCRIBE TABLE PROD.CORE.LASTING")
    assert [(c["name"], c["type"], c["null?"]) for c in described] == [
        ("ID", "NUMBER(38,0)", "N"),
        ("NAME", "VARCHAR(30)", "Y"),
        ("PRICE", "NUMBER(20,2)", "Y"),
    ]
    world.builder.run("ALTER TABLE DEV.BOT.X RESUME RECLUSTER")
    assert listed(world, "DEV.BOT.X")["automatic_clustering"] == "ON"
    assert world.builder.refused("INSERT INTO DEV.BOT.X (NAME) VALUES ('no id')") == "100072"
    world.builder.run("INSERT INTO DEV.BOT.X (ID) VALUES (9)")
    assert world.builder.value("SELECT NAME FROM DEV.BOT.X WHERE ID = 9") == "nobody"


# Grants that travel ---------------------------------------------------------------------------------------------------


def keys(world: World, which: str, table: str) -> list[tuple[object, ...]]:
    rows = world.promoter.rows(f"SHOW {which} KEYS IN TABLE {table}")
    foreign = ("fk_table_name", "fk_column_name", "pk_table_name", "pk_column_name")
    columns = foreign if which in ("IMPORTED", "EXPORTED") else ("column_name", "key_sequence", "rely")
    return [tuple(row[column] for column in columns) for row in rows]


def test_keys_travel_with_a_clone_and_those_of_others_go_with_the_table(world: World) -> None:
    run = world.promoter.run
    run(
        "CREATE TABLE PROD.CORE.P (ID INT, A INT UNIQUE, B INT, CONSTRAINT P_KEY PRIMARY KEY (ID, A) RELY, UNIQUE (A, B))"
    )
    run("CREATE TABLE PROD.CORE.CHILD (ID INT, P INT, Q INT REFERENCES PROD.CORE.P (ID))")
    run("ALTER TABLE PROD.CORE.CHILD ADD CONSTRAINT TO_P FOREIGN KEY (P, Q) REFERENCES PROD.CORE.P")
    both = [("CHILD", "Q", "P", "ID"), ("CHILD", "P", "P", "ID"), ("CHILD", "Q", "P", "A")]
    run("CREATE TABLE PROD.CORE.COPY CLONE PROD.CORE.P")
    for table in ("PROD.CORE.P", "PROD.CORE.COPY"):
        assert keys(world, "PRIMARY", table) == [("ID", 1, "true"), ("A", 2, "true")]
        assert keys(world, "UNIQUE", table) == [("A", 1, "false"), ("A", 1, "false"), ("B", 2, "false")]
    assert keys(world, "IMPORTED", "PROD.CORE.CHILD") == keys(world, "EXPORTED", "PROD.CORE.P") == both
    assert keys(world, "EXPORTED", "PROD.CORE.COPY") == keys(world, "IMPORTED", "PROD.CORE.P") == []
    run("ALTER TABLE PROD.CORE.P RENAME TO PROD.CORE.R")
    assert keys(world, "EXPORTED", "PROD.CORE.R")[0] == ("CHILD", "Q", "R", "ID")
    run("CREATE OR REPLACE TABLE PROD.CORE.R CLONE PROD.CORE.COPY")
    assert keys(world, "EXPORTED", "PROD.CORE.R") == keys(world, "IMPORTED", "PROD.CORE.CHILD") == []
    run("ALTER TABLE PROD.CORE.R DROP CONSTRAINT P_KEY")
    assert keys(world, "PRIMARY", "PROD.CORE.R") == []
    run("CREATE OR REPLACE TABLE PROD.CORE.R AS SELECT * FROM PROD.CORE.COPY")
    assert keys(world, "UNIQUE", "PROD.CORE.R") == []
    run("ALTER TABLE PROD.CORE.R ADD PRIMARY KEY (ID)")
    assert world.promoter.refused("ALTER TABLE PROD.CORE.R ADD PRIMARY KEY (A)") == "002271"
    run("ALTER TABLE PROD.CORE.R DROP PRIMARY KEY")
    assert world.promoter.refused("ALTER TABLE PROD.CORE.R DROP PRIMARY KEY") == "002003"


def test_a_row_filter_hides_rows_from_its_role_and_from_no_metadata(world: World) -> None:
    world.sandbox.filter_rows("PROD.CORE.T", "BUILDER", "ID < 5")
    world.builder.run("CREATE TRANSIENT TABLE DEV.BOT.X CLONE PROD.CORE.T")
    known = "SELECT ROW_COUNT FROM {}.INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = '{}'"
    for table, (database, name) in {"PROD.CORE.T": ("PROD", "T"), "DEV.BOT.X": ("DEV", "X")}.items():
        assert world.builder.value(f"SELECT COUNT(*) FROM {table} AS t WHERE t.ID >= 0") == 5
        assert world.builder.value(f"SELECT MAX(x.ID) FROM {table} y JOIN {table} x ON x.ID = y.ID") == 4
        assert world.builder.value(known.format(database, name)) == 20
    assert world.promoter.value("SELECT COUNT(*) FROM PROD.CORE.T") == 20
    world.builder.run("CREATE TRANSIENT TABLE DEV.BOT.Y AS SELECT * FROM PROD.CORE.T")
    assert world.builder.value(known.format("DEV", "Y")) == 5
    world.sandbox.filter_rows("PROD.CORE.T", "BUILDER", "")
    assert world.builder.value("SELECT COUNT(*) FROM PROD.CORE.T") == 20


def test_a_clone_has_no_data_metric_functions(world: World) -> None:
    listed_by = (
        "SELECT METRIC_DATABASE_NAME, METRIC_NAME, REF_ARGUMENTS, SCHEDULE, LEVEL FROM TABLE(PROD.INFORMATION_SCHEMA."
        "DATA_METRIC_FUNCTION_REFERENCES(REF_ENTITY_NAME => '{}', REF_ENTITY_DOMAIN => 'TABLE'))"
    )
    world.promoter.run("ALTER TABLE PROD.CORE.T SET DATA_METRIC_SCHEDULE = '5 MINUTE'")
    world.promoter.run("ALTER TABLE PROD.CORE.T ADD DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON (V)")
    world.promoter.run("CREATE TRANSIENT TABLE PROD.CORE.COPY CLONE PROD.CORE.T")
    argument = '[{"domain": "COLUMN", "name": "V"}]'
    found = [("SNOWFLAKE", "NULL_COUNT", argument, "5 MINUTE", "TABLE")]
    assert world.builder.run(listed_by.format("PROD.CORE.T")) == found
    assert world.promoter.run(listed_by.format("PROD.CORE.COPY")) == []
    assert world.builder.refused(listed_by.format("PROD.CORE.NOWHERE")) == "002003"
    world.promoter.run("ALTER TABLE PROD.CORE.T DROP DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON (V)")
    assert world.promoter.run(listed_by.format("PROD.CORE.T")) == []
    gone = "ALTER TABLE PROD.CORE.T DROP DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON (V)"
    assert world.promoter.refused(gone) == "002003"


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS", {"BUILDER", "DASHBOARD"}),
        (
            "CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS COPY TAGS",
            {"BUILDER", "DASHBOARD"},
        ),
        ("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C", {"BUILDER"}),
        ("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T COPY GRANTS AS SELECT 1 AS X", {"BUILDER", "DASHBOARD"}),
        ("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T AS SELECT 1 AS X", {"BUILDER"}),
        ("CREATE TRANSIENT TABLE PROD.CORE.NEW CLONE DEV.BOT.C COPY GRANTS", {"TRANSFORMER"}),
        ("CREATE TRANSIENT TABLE PROD.CORE.NEW CLONE DEV.BOT.C", {"BUILDER"}),
    ],
)
def test_copy_grants_keeps_the_replaced_tables_else_future_grants_apply(
    world: World, sql: str, expected: set[str]
) -> None:
    world.promoter.run(sql)
    name = "NEW" if "NEW" in sql else "T"
    assert readers(world, f"PROD.CORE.{name}") == expected
    assert listed(world, f"PROD.CORE.{name}")["owner"] == "TRANSFORMER"


def test_future_grants_of_a_schema_hide_the_databases(world: World) -> None:
    world.admin.run("GRANT SELECT ON FUTURE TABLES IN SCHEMA PROD.CORE TO ROLE DASHBOARD")
    world.promoter.run("CREATE TABLE PROD.CORE.X AS SELECT 1 AS A")
    assert readers(world, "PROD.CORE.X") == {"DASHBOARD"}
    world.admin.run("REVOKE SELECT ON FUTURE TABLES IN SCHEMA PROD.CORE FROM ROLE DASHBOARD")
    world.promoter.run("CREATE TABLE PROD.CORE.Y AS SELECT 1 AS A")
    assert readers(world, "PROD.CORE.Y") == {"BUILDER"}


def test_a_rename_keeps_grants_owner_and_birth(world: World) -> None:
    before = listed(world, "PROD.CORE.T")
    world.promoter.run("ALTER TABLE PROD.CORE.T RENAME TO PROD.BACKUPS.T2")
    after = listed(world, "PROD.BACKUPS.T2")
    assert (after["created_on"], after["owner"], after["rows"]) == (before["created_on"], "TRANSFORMER", 20)
    assert readers(world, "PROD.BACKUPS.T2") == {"BUILDER", "DASHBOARD"}
    assert world.promoter.refused("SELECT * FROM PROD.CORE.T") == "002003"
    assert world.promoter.refused("ALTER TABLE PROD.BACKUPS.T2 RENAME TO PROD.CORE.LASTING") == "002002"


# Change markers -------------------------------------------------------------------------------------------------------

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


# Comparing ------------------------------------------------------------------------------------------------------------


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


# What dbt does --------------------------------------------------------------------------------------------------------


def test_temporary_views_belong_to_their_session(world: World) -> None:
    world.builder.run(
        "CREATE OR REPLACE TEMPORARY VIEW PROD.CORE.T__DBT_TMP AS (SELECT * FROM PROD.CORE.T WHERE ID < 3)"
    )
    assert world.builder.value("SELECT COUNT(*) FROM PROD.CORE.T__DBT_TMP") == 3
    assert world.promoter.refused("SELECT COUNT(*) FROM PROD.CORE.T__DBT_TMP") == "002003"
    assert [c["name"] for c in world.builder.rows("describe table PROD.CORE.T__DBT_TMP")] == ["ID", "V", "S"]
    world.builder.run("drop view if exists PROD.CORE.T__DBT_TMP cascade")
    assert world.builder.refused("SELECT COUNT(*) FROM PROD.CORE.T__DBT_TMP") == "002003"


def test_dbts_merge_in_a_transaction(world: World) -> None:
    world.builder.run(
        "CREATE OR REPLACE TEMPORARY VIEW DEV.BOT.C__DBT_TMP AS (SELECT 3 AS ID, 0.5 AS V UNION ALL SELECT 50, 1)"
    )
    world.builder.run("BEGIN")
    done = world.builder.run(
        "merge into DEV.BOT.C as DBT_INTERNAL_DEST using DEV.BOT.C__DBT_TMP as DBT_INTERNAL_SOURCE on (DBT_INTERNAL_SOURCE.ID = DBT_INTERNAL_DEST.ID) "
        'when matched then update set "V" = DBT_INTERNAL_SOURCE."V" when not matched then insert ("ID", "V") values ("ID", "V");'
    )
    assert done == [(1, 1)]
    world.builder.run("COMMIT")
    assert world.builder.run("SELECT ID, V FROM DEV.BOT.C WHERE ID IN (3, 50) ORDER BY 1") == [
        (3, Decimal("0.5")),
        (50, Decimal("1.0")),
    ]
    twice = "MERGE INTO DEV.BOT.C D USING (SELECT 3 AS ID, 1 AS V UNION ALL SELECT 3, 2) S ON D.ID = S.ID WHEN MATCHED THEN UPDATE SET V = S.V"
    assert world.builder.refused(twice) == "100090"


def test_transactions(world: World) -> None:
    count = "SELECT COUNT(*) FROM DEV.BOT.C"
    world.builder.run("BEGIN")
    world.builder.run("BEGIN")
    world.builder.run("DELETE FROM DEV.BOT.C")
    assert (world.builder.value(count), world.promoter.value(count)) == (0, 20)
    world.builder.run("ROLLBACK")
    assert world.builder.value(count) == 20
    world.builder.run("BEGIN")
    assert world.builder.refused("SELECT NO_SUCH_COLUMN FROM DEV.BOT.C") == "000904"
    world.builder.run("DELETE FROM DEV.BOT.C WHERE ID = 1")
    world.builder.run("COMMIT")
    assert world.promoter.value(count) == 19
    assert listed(world, "DEV.BOT.C")["rows"] == 19


def test_a_lost_write_is_never_committed_in_silence(world: World) -> None:
    world.builder.run("BEGIN")
    world.builder.run("DELETE FROM DEV.BOT.C")
    assert world.builder.refused("SELECT NO_SUCH_COLUMN FROM DEV.BOT.C") == "000904"
    assert world.builder.refused("INSERT INTO DEV.BOT.C (ID) VALUES (1)") == "000002"
    assert world.builder.refused("COMMIT") == "000002"
    assert world.builder.value("SELECT COUNT(*) FROM DEV.BOT.C") == 20


def test_a_failed_replace_leaves_the_table(world: World) -> None:
    assert world.promoter.refused("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T AS SELECT 'x'::INT AS X") == "100038"
    assert world.promoter.value("SELECT COUNT(*) FROM PROD.CORE.T") == 20


def test_columns_are_added_changed_and_dropped(world: World) -> None:
    for sql in (
        "alter table DEV.BOT.C add column N NUMBER(10, 3), M VARCHAR(7)",
        'alter table DEV.BOT.C alter "M" set data type VARCHAR(12)',
        'alter table DEV.BOT.C alter "ID" COMMENT $$$$, "N" COMMENT $$a number$$;',
        "alter table DEV.BOT.C rename column S to TEXT",
        "alter table DEV.BOT.C drop column V",
    ):
        world.builder.run(sql)
    described = [(c["name"], c["type"], c["comment"]) for c in world.builder.rows("describe table DEV.BOT.C")]
    assert described == [
        ("ID", "NUMBER(38,0)", None),
        ("TEXT", "VARCHAR(10)", None),
        ("N", "NUMBER(10,3)", "a number"),
        ("M", "VARCHAR(12)", None),
    ]


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


def test_a_table_can_be_shown_as_another_kind(world: World) -> None:
    world.sandbox.show_as("PROD.CORE.T", "DYNAMIC")
    assert listed(world, "PROD.CORE.T")["is_dynamic"] == "Y"
    sql = "SELECT IS_DYNAMIC, IS_HYBRID FROM PROD.INFORMATION_SCHEMA.TABLES WHERE TABLE_NAME = 'T'"
    assert world.builder.run(sql) == [("YES", "NO")]
