"""Which kind clones to which, and what travels with a clone or a rename: columns, keys, grants."""

from __future__ import annotations

import pytest

from tests.contract.snowflake_world import World, listed


def readers(world: World, table: str) -> set[object]:
    rows = world.admin.rows(f"SHOW GRANTS ON TABLE {table}")
    return {row["grantee_name"] for row in rows if row["privilege"] != "OWNERSHIP"}


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


# What travels -------------------------------------------------------------------------------------------------------


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
