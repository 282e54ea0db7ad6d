"""Default deny: every verb in both directions, with the error code."""

from __future__ import annotations

import pytest

from tests.contract.snowflake_world import World

NO_RIGHT, NOT_THERE = "003001", "002003"


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("ALTER TABLE DEV.BOT.C RENAME TO PROD.CORE.T2", NO_RIGHT),
        ("ALTER TABLE DEV.BOT.C RENAME TO PROD.BACKUPS.C", NO_RIGHT),
        ("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C", NO_RIGHT),
        ("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS", NO_RIGHT),
        ("CREATE TABLE PROD.CORE.NEW AS SELECT 1 AS X", NO_RIGHT),
        ("CREATE OR REPLACE VIEW PROD.CORE.V AS SELECT 1 AS X", NO_RIGHT),
        ("CREATE SCHEMA PROD.OWN", NO_RIGHT),
        ("DROP TABLE PROD.CORE.T", NO_RIGHT),
        ("DROP TABLE IF EXISTS PROD.CORE.T", NO_RIGHT),
        ("DROP SCHEMA PROD.CORE", NO_RIGHT),
        ("DROP DATABASE PROD", NO_RIGHT),
        ("ALTER TABLE PROD.CORE.T RENAME TO PROD.CORE.T_OLD", NO_RIGHT),
        ("ALTER TABLE PROD.CORE.T RENAME TO DEV.BOT.STOLEN", NO_RIGHT),
        ("ALTER TABLE PROD.CORE.T ADD COLUMN Z INT", NO_RIGHT),
        ("ALTER TABLE PROD.CORE.T RESUME RECLUSTER", NO_RIGHT),
        ("ALTER TABLE PROD.CORE.T SET COMMENT = 'mine'", NO_RIGHT),
        ("COMMENT ON TABLE PROD.CORE.T IS 'mine'", NO_RIGHT),
        ("INSERT INTO PROD.CORE.T SELECT * FROM DEV.BOT.C", NO_RIGHT),
        ("INSERT OVERWRITE INTO PROD.CORE.T SELECT * FROM DEV.BOT.C", NO_RIGHT),
        ("UPDATE PROD.CORE.T SET V = 1", NO_RIGHT),
        ("DELETE FROM PROD.CORE.T", NO_RIGHT),
        ("TRUNCATE TABLE PROD.CORE.T", NO_RIGHT),
        ("MERGE INTO PROD.CORE.T D USING DEV.BOT.C S ON D.ID = S.ID WHEN MATCHED THEN UPDATE SET V = S.V", NO_RIGHT),
        ("GRANT SELECT ON TABLE PROD.CORE.T TO ROLE DASHBOARD", NO_RIGHT),
        ("GRANT OWNERSHIP ON TABLE PROD.CORE.T TO ROLE BUILDER COPY CURRENT GRANTS", NO_RIGHT),
        ("GRANT ROLE TRANSFORMER TO USER BUILDER", NO_RIGHT),
        ("GRANT SELECT ON FUTURE TABLES IN SCHEMA PROD.CORE TO ROLE BUILDER", NO_RIGHT),
        ("CREATE ROLE MINE", NO_RIGHT),
        ("CREATE USER MINE", NO_RIGHT),
        ("CREATE DATABASE MINE", NO_RIGHT),
        ("SELECT * FROM PROD.CORE.V", NOT_THERE),
        ("CREATE VIEW DEV.BOT.V AS SELECT * FROM PROD.CORE.V", NOT_THERE),
        ("CREATE TABLE DEV.BOT.X CLONE PROD.CORE.NOWHERE", NOT_THERE),
        ("USE ROLE TRANSFORMER", "003013"),
        ("USE ROLE ACCOUNTADMIN", "003013"),
        ("USE WAREHOUSE COMPUTE_WH", "002043"),
        ("SHOW TABLES IN SCHEMA PROD.NOWHERE", "002043"),
    ],
)
def test_the_builder_can_not(world: World, sql: str, code: str) -> None:
    before = world.sandbox.census({"PROD", "DEV"})
    assert world.builder.refused(sql) == code
    assert world.sandbox.census({"PROD", "DEV"}) == before


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRANSIENT TABLE DEV.BOT.B CLONE PROD.CORE.T",
        "CREATE TABLE DEV.BOT.B CLONE PROD.CORE.LASTING",
        "CREATE OR REPLACE TRANSIENT TABLE DEV.BOT.C CLONE PROD.CORE.T",
        "CREATE TABLE DEV.BOT.B AS SELECT COUNT(*) AS N FROM PROD.CORE.T",
        "CREATE VIEW DEV.BOT.B AS SELECT ID FROM PROD.CORE.T",
        "ALTER TABLE DEV.BOT.C RENAME TO DEV.BOT.C__R1",
        "ALTER TABLE DEV.BOT.C ADD COLUMN Z INT",
        "DROP TABLE DEV.BOT.C",
        "INSERT INTO DEV.BOT.C SELECT * FROM PROD.CORE.T",
        "TRUNCATE TABLE DEV.BOT.C",
        "MERGE INTO DEV.BOT.C D USING PROD.CORE.T S ON D.ID = S.ID WHEN MATCHED THEN UPDATE SET V = S.V",
        "CREATE SCHEMA IF NOT EXISTS DEV.OTHER",
        "GRANT SELECT ON TABLE DEV.BOT.C TO ROLE DASHBOARD",
        "DROP TABLE IF EXISTS PROD.CORE.NOWHERE",
        "DROP SCHEMA DEV.BOT",
    ],
)
def test_the_builder_can(world: World, sql: str) -> None:
    before = world.sandbox.census({"PROD"})
    world.builder.run(sql)
    assert world.sandbox.census({"PROD"}) == before


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TRANSIENT TABLE PROD.BACKUPS.T__1 CLONE PROD.CORE.T",
        "CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS",
        "ALTER TABLE PROD.CORE.T RENAME TO PROD.BACKUPS.T",
        "INSERT INTO PROD.CORE.T SELECT * FROM DEV.BOT.C",
        "INSERT OVERWRITE INTO PROD.CORE.T SELECT * FROM DEV.BOT.C",
        "UPDATE PROD.CORE.T SET V = 1",
        "DELETE FROM PROD.CORE.T WHERE ID = 1",
        "DROP TABLE PROD.CORE.T",
    ],
)
def test_the_promoter_can(world: World, sql: str) -> None:
    before = world.sandbox.census({"PROD"})
    world.promoter.run(sql)
    assert world.sandbox.census({"PROD"}) != before


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("DROP TABLE DEV.BOT.C", NO_RIGHT),
        ("ALTER TABLE DEV.BOT.C RENAME TO DEV.BOT.C2", NO_RIGHT),
        ("CREATE TABLE DEV.BOT.X AS SELECT 1 AS X", NO_RIGHT),
        ("CREATE VIEW PROD.BACKUPS.X AS SELECT 1 AS X", NO_RIGHT),
        ("DROP SCHEMA PROD.BACKUPS", NO_RIGHT),
        ("UPDATE DEV.BOT.C SET V = 1", NO_RIGHT),
    ],
)
def test_the_promoter_can_not(world: World, sql: str, code: str) -> None:
    assert world.promoter.refused(sql) == code


def test_a_view_is_read_with_its_owners_rights(world: World) -> None:
    world.promoter.run("REVOKE SELECT ON TABLE PROD.CORE.T FROM ROLE DASHBOARD")
    assert world.dashboard.value("SELECT COUNT(*) FROM PROD.CORE.V") == 20
    assert world.dashboard.refused("SELECT COUNT(*) FROM PROD.CORE.T") == NOT_THERE


@pytest.mark.parametrize(
    "revoked",
    [
        "USAGE ON DATABASE PROD",
        "USAGE ON SCHEMA PROD.CORE",
        "SELECT ON TABLE PROD.CORE.T",
        "USAGE ON WAREHOUSE ETHEREUM",
    ],
)
def test_each_grant_is_needed_to_read(world: World, revoked: str) -> None:
    assert world.builder.value("SELECT COUNT(*) FROM PROD.CORE.T") == 20
    world.admin.run(f"REVOKE {revoked} FROM ROLE BUILDER")
    assert world.builder.refused("SELECT COUNT(*) FROM PROD.CORE.T") in (NOT_THERE, "000606")


def test_single_privileges_allow_single_verbs(world: World) -> None:
    verbs = {
        "INSERT": "INSERT INTO PROD.CORE.T (ID) VALUES (100)",
        "UPDATE": "UPDATE PROD.CORE.T SET V = 0 WHERE ID = 1",
        "DELETE": "DELETE FROM PROD.CORE.T WHERE ID = 2",
        "TRUNCATE": "TRUNCATE TABLE PROD.CORE.T",
    }
    for privilege, sql in verbs.items():
        assert world.builder.refused(sql) == NO_RIGHT
        world.promoter.run(f"GRANT {privilege} ON TABLE PROD.CORE.T TO ROLE BUILDER")
        world.builder.run(sql)
    assert world.builder.refused("DROP TABLE PROD.CORE.T") == NO_RIGHT


def test_a_merge_needs_every_verb_it_holds(world: World) -> None:
    merge = (
        "MERGE INTO PROD.CORE.T D USING (SELECT 1 AS ID, 0 AS V UNION ALL SELECT 900, 0) S ON D.ID = S.ID "
        "WHEN MATCHED THEN UPDATE SET V = S.V WHEN NOT MATCHED THEN INSERT (ID, V) VALUES (ID, V)"
    )
    world.promoter.run("GRANT UPDATE ON TABLE PROD.CORE.T TO ROLE BUILDER")
    assert world.builder.refused(merge) == NO_RIGHT
    world.promoter.run("GRANT INSERT ON TABLE PROD.CORE.T TO ROLE BUILDER")
    assert world.builder.run(merge) == [(1, 1)]


def test_roles_are_inherited_and_new_objects_belong_to_the_primary_role(world: World) -> None:
    world.admin.run("GRANT ROLE TRANSFORMER TO ROLE BUILDER")
    world.builder.run("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS")
    assert world.admin.rows("SHOW TABLES LIKE 'T' IN SCHEMA PROD.CORE")[0]["owner"] == "BUILDER"
    assert world.promoter.refused("DROP TABLE PROD.CORE.T") == NOT_THERE


def test_secondary_roles_read_and_drop_but_do_not_create(world: World) -> None:
    world.admin.run("GRANT ROLE TRANSFORMER TO USER BUILDER")
    assert world.builder.refused("DELETE FROM PROD.CORE.T WHERE ID = 1") == NO_RIGHT
    world.builder.run("USE SECONDARY ROLES ALL")
    assert '"ALL"' in str(world.builder.value("SELECT CURRENT_SECONDARY_ROLES()"))
    try:
        world.builder.run("DELETE FROM PROD.CORE.T WHERE ID = 1")
        assert world.builder.refused("CREATE TABLE PROD.CORE.X AS SELECT 1 AS X") == NO_RIGHT
    finally:
        world.builder.run("USE SECONDARY ROLES NONE")
    assert world.builder.value("SELECT CURRENT_SECONDARY_ROLES()") == '{"roles":"","value":""}'
    assert world.builder.refused("DELETE FROM PROD.CORE.T WHERE ID = 2") == NO_RIGHT


def test_future_grants_in_a_plain_schema_need_manage_grants(world: World) -> None:
    world.builder.run("CREATE SCHEMA DEV.PLAIN")
    future = "GRANT SELECT ON FUTURE TABLES IN SCHEMA DEV.PLAIN TO ROLE TRANSFORMER"
    assert world.builder.refused(future) == NO_RIGHT
    world.admin.run("GRANT MANAGE GRANTS ON ACCOUNT TO ROLE BUILDER")
    world.builder.run(future)


def test_future_schemas_and_views(world: World) -> None:
    world.admin.run("GRANT USAGE ON FUTURE SCHEMAS IN DATABASE PROD TO ROLE DASHBOARD")
    world.admin.run("GRANT SELECT ON FUTURE VIEWS IN DATABASE PROD TO ROLE DASHBOARD")
    world.admin.run("CREATE SCHEMA PROD.LATER")
    world.admin.run("CREATE VIEW PROD.LATER.V AS SELECT COUNT(*) AS N FROM PROD.CORE.T")
    world.admin.run("CREATE TABLE PROD.LATER.T AS SELECT 1 AS X")
    assert world.dashboard.value("SELECT N FROM PROD.LATER.V") == 20
    assert world.dashboard.refused("SELECT X FROM PROD.LATER.T") == NOT_THERE


def test_in_a_managed_schema_only_its_owner_grants(world: World) -> None:
    world.builder.run("GRANT CREATE TABLE ON SCHEMA DEV.BOT TO ROLE TRANSFORMER")
    world.promoter.run("CREATE TABLE DEV.BOT.MINE AS SELECT 1 AS X")
    assert world.promoter.refused("GRANT SELECT ON TABLE DEV.BOT.MINE TO ROLE DASHBOARD") == NO_RIGHT
    world.admin.run("GRANT SELECT ON TABLE DEV.BOT.MINE TO ROLE DASHBOARD")


def test_show_and_information_schema_list_only_what_a_role_may_see(world: World) -> None:
    def names(sql: str) -> set[object]:
        return {row["name"] for row in world.dashboard.rows(sql)}

    assert names("SHOW DATABASES") == {"PROD"}
    assert names("SHOW TERSE SCHEMAS IN DATABASE PROD") == {"CORE", "INFORMATION_SCHEMA"}
    assert names("SHOW OBJECTS IN PROD.CORE LIMIT 10000") == {"T", "V"}
    assert names("SHOW TABLES IN ACCOUNT") == {"T"}
    listed = world.dashboard.run("SELECT DISTINCT TABLE_NAME FROM PROD.INFORMATION_SCHEMA.TABLES ORDER BY 1")
    assert listed == [("T",), ("V",)]
    columns = world.dashboard.run("SELECT DISTINCT TABLE_NAME FROM PROD.INFORMATION_SCHEMA.COLUMNS ORDER BY 1")
    assert columns == listed
    assert world.dashboard.refused("SELECT * FROM DEV.INFORMATION_SCHEMA.TABLES") == NOT_THERE
    assert world.dashboard.refused("DESCRIBE TABLE PROD.CORE.LASTING") == NOT_THERE


def test_show_grants(world: World) -> None:
    def held(sql: str) -> set[tuple[object, ...]]:
        return {(r["privilege"], r["granted_on"], r["name"], r["grantee_name"]) for r in world.promoter.rows(sql)}

    assert held("SHOW GRANTS ON TABLE PROD.CORE.T") == {
        ("OWNERSHIP", "TABLE", "PROD.CORE.T", "TRANSFORMER"),
        ("SELECT", "TABLE", "PROD.CORE.T", "BUILDER"),
        ("SELECT", "TABLE", "PROD.CORE.T", "DASHBOARD"),
    }
    assert ("USAGE", "SCHEMA", "PROD.BACKUPS", "TRANSFORMER") in held("SHOW GRANTS ON SCHEMA PROD.BACKUPS")
    assert ("USAGE", "DATABASE", "DEV", "TRANSFORMER") in held("SHOW GRANTS TO ROLE TRANSFORMER")
    assert [r["role"] for r in world.admin.rows("SHOW GRANTS TO USER PROMOTER")] == ["TRANSFORMER"]
    future = world.builder.rows("SHOW FUTURE GRANTS IN SCHEMA DEV.BOT")
    assert [(r["privilege"], r["grant_on"], r["grantee_name"]) for r in future] == [("SELECT", "TABLE", "TRANSFORMER")]


def test_grant_ownership_asks_what_happens_to_grants(world: World) -> None:
    move = "GRANT OWNERSHIP ON TABLE PROD.CORE.T TO ROLE BUILDER"
    assert world.admin.refused(move) == "003526"
    world.admin.run(move + " COPY CURRENT GRANTS")
    assert world.dashboard.value("SELECT COUNT(*) FROM PROD.CORE.T") == 20
    assert world.promoter.refused("DROP TABLE PROD.CORE.T") == NOT_THERE
    world.builder.run("DROP TABLE PROD.CORE.T")
