"""The whole state: saved, restored, counted by the census; and what only tests can put there."""

from __future__ import annotations

from tests.contract.snowflake_world import World


def test_restore_puts_everything_back(world: World) -> None:
    def facts() -> list[object]:
        grants = [
            world.admin.rows(f"SHOW GRANTS ON {x}") for x in ("TABLE PROD.CORE.T", "SCHEMA DEV.BOT", "DATABASE PROD")
        ]
        listing = [world.admin.rows(f"SHOW {x} IN ACCOUNT") for x in ("TABLES", "SCHEMAS", "VIEWS")]
        people = [world.admin.rows("SHOW ROLES"), world.admin.rows("SHOW USERS"), world.admin.rows("SHOW DATABASES")]
        return [grants, listing, people, world.admin.rows("DESCRIBE TABLE PROD.CORE.LASTING")]

    def content() -> dict[str, tuple[int, int]]:
        return {name: found[:2] for name, found in world.sandbox.census({"PROD", "DEV"}).items()}

    before, rows = facts(), content()
    for sql in (
        "DROP SCHEMA PROD.CORE",
        "CREATE DATABASE EXTRA",
        "ALTER TABLE DEV.BOT.C RENAME TO DEV.PUBLIC.C",
        "UPDATE DEV.PUBLIC.C SET V = 0",
        "DROP ROLE DASHBOARD",
        "ALTER USER DASH SET PASSWORD = 'other'",
        "GRANT ROLE TRANSFORMER TO USER BUILDER",
        "REVOKE USAGE ON DATABASE PROD FROM ROLE TRANSFORMER",
    ):
        world.admin.run(sql)
    world.builder.run("BEGIN")
    world.sandbox.inject(".*", "fail", times=100)
    world.sandbox.restore(world.saved)
    assert (facts(), content()) == (before, rows)
    assert world.dashboard.value("SELECT SUM(V) FROM PROD.CORE.V") == 285
    assert world.builder.refused("USE ROLE TRANSFORMER") == "003013"
    assert world.sandbox.log[0].sql == "SHOW GRANTS ON TABLE PROD.CORE.T"


def test_a_state_can_be_restored_again_and_again(world: World) -> None:
    world.promoter.run("CREATE TABLE PROD.CORE.LATER AS SELECT 1 AS X")
    later = world.sandbox.save()
    for saved, there in ((world.saved, False), (later, True), (world.saved, False), (later, True)):
        world.sandbox.restore(saved)
        assert ("PROD.CORE.LATER" in world.sandbox.census({"PROD"})) == there
        world.promoter.run("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T AS SELECT 1 AS X")


def test_a_state_with_a_view_of_what_is_gone_is_restored(world: World) -> None:
    world.admin.run("ALTER TABLE PROD.CORE.T RENAME TO PROD.CORE.MOVED")
    moved = world.sandbox.save()
    world.sandbox.restore(world.saved)
    world.promoter.run("CREATE OR REPLACE VIEW PROD.CORE.V AS SELECT ID FROM PROD.CORE.T")
    world.sandbox.restore(moved)
    assert world.dashboard.refused("SELECT * FROM PROD.CORE.V") == "002003"
    assert world.admin.value("SELECT COUNT(*) FROM PROD.CORE.MOVED")
    assert [row["name"] for row in world.admin.rows("SHOW VIEWS IN SCHEMA PROD.CORE")] == ["V"]


def test_the_census_marks_each_replacement(world: World) -> None:
    first = world.sandbox.census({"PROD"})["PROD.CORE.T"]
    world.promoter.run("CREATE TRANSIENT TABLE PROD.BACKUPS.B CLONE PROD.CORE.T")
    world.promoter.run("COMMENT ON TABLE PROD.CORE.T IS 'x'")
    assert world.sandbox.census({"PROD"})["PROD.CORE.T"] == first
    world.promoter.run("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE PROD.BACKUPS.B COPY GRANTS")
    again = world.sandbox.census({"PROD"})["PROD.CORE.T"]
    assert again[:2] == first[:2]
    assert again[2] != first[2]


def test_the_census_has_views_too(world: World) -> None:
    first = world.sandbox.census({"PROD"})["PROD.CORE.V"]
    world.promoter.run("UPDATE PROD.CORE.T SET V = 0")
    assert world.sandbox.census({"PROD"})["PROD.CORE.V"] == first
    world.promoter.run("CREATE OR REPLACE VIEW PROD.CORE.V AS SELECT ID FROM PROD.CORE.T")
    assert world.sandbox.census({"PROD"})["PROD.CORE.V"][1] != first[1]


def test_two_sandboxes_share_nothing(world: World) -> None:
    other = type(world.sandbox)()
    other.start()
    try:
        with other.admin() as connection:
            names = [row[1] for row in connection.cursor().execute("SHOW DATABASES").fetchall()]
        assert names == []
    finally:
        other.stop()
    assert world.builder.value("SELECT COUNT(*) FROM PROD.CORE.T") == 20


def test_recorded_streams_policies_and_tags(world: World) -> None:
    entity = "PROD.CORE.T"
    policies = f"SELECT POLICY_NAME, POLICY_KIND FROM TABLE(PROD.INFORMATION_SCHEMA.POLICY_REFERENCES(REF_ENTITY_NAME => '{entity}', REF_ENTITY_DOMAIN => 'table'))"
    tags = f"SELECT TAG_NAME, TAG_VALUE FROM TABLE(PROD.INFORMATION_SCHEMA.TAG_REFERENCES('{entity}', 'TABLE'))"
    assert world.promoter.refused(policies) == "003001"  # the owner, without a privilege on policies
    world.admin.run("GRANT APPLY ROW ACCESS POLICY ON ACCOUNT TO ROLE TRANSFORMER")
    assert (world.promoter.run(policies), world.promoter.run(tags)) == ([], [])
    assert (
        world.promoter.run("SHOW STREAMS IN ACCOUNT")
        == world.promoter.run("SHOW DYNAMIC TABLES IN DATABASE PROD")
        == []
    )
    world.sandbox.record_show(
        "streams", {"name": "S", "database_name": "PROD", "schema_name": "CORE", "table_name": entity}
    )
    world.sandbox.record_show(
        "POLICY_REFERENCES",
        {"entity": entity, "POLICY_NAME": "MASK", "POLICY_KIND": "MASKING_POLICY", "REF_COLUMN_NAME": "V"},
    )
    world.sandbox.record_show("TAG_REFERENCES", {"entity": entity, "TAG_NAME": "PII", "TAG_VALUE": "no"})
    assert [r["table_name"] for r in world.promoter.rows("SHOW STREAMS IN SCHEMA PROD.CORE")] == [entity]
    assert world.promoter.run(policies) == []  # only the kind that it may apply
    world.admin.run("GRANT APPLY MASKING POLICY ON ACCOUNT TO ROLE TRANSFORMER")
    assert world.promoter.run(policies) == [("MASK", "MASKING_POLICY")]
    assert world.promoter.run(tags) == [("PII", "no")]
    assert [r["policy name"] for r in world.promoter.rows(f"DESCRIBE TABLE {entity}")] == [None, "MASK", None]
    world.sandbox.record_show(
        "POLICY_REFERENCES", {"entity": entity, "error": "Insufficient privileges to see policies"}
    )
    assert world.promoter.refused(policies) == "003001"
