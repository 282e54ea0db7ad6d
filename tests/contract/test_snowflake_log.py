"""The statement log: every statement as it was sent, and what it would write."""

from __future__ import annotations

from contextlib import suppress

import pytest
from snowflake.connector.errors import Error

from tests.contract.snowflake_world import World


def test_the_log_has_every_statement_as_sent(world: World) -> None:
    world.builder.run("select 1 -- a comment")
    world.builder.refused("DROP TABLE PROD.CORE.T")
    world.builder.refused("this is no SQL")
    first, second, third = world.sandbox.log
    assert (first.sql, first.user, first.role, first.warehouse) == (
        "select 1 -- a comment",
        "BUILDER",
        "BUILDER",
        "ETHEREUM",
    )
    assert first.error is None
    assert first.ms is not None
    assert first.session_id == world.builder.connection.session_id
    assert second.error is not None
    assert second.error.startswith("003001: ")
    assert third.sql == "this is no SQL"


@pytest.mark.parametrize(
    ("sql", "writes"),
    [
        ("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS", {"PROD"}),
        ("create table dev.bot.x clone prod.core.t", {"DEV"}),
        ('/* x */ INSERT INTO "PROD"."CORE"."T" SELECT 1', {"PROD"}),
        ("insert overwrite into prod.core.t select 1", {"PROD"}),
        ("MERGE INTO DEV.BOT.C USING PROD.CORE.T ON TRUE WHEN MATCHED THEN DELETE", {"DEV"}),
        ("ALTER TABLE DEV.BOT.C RENAME TO PROD.CORE.C", {"DEV", "PROD"}),
        ("ALTER TABLE IF EXISTS PROD.CORE.T SWAP WITH DEV.BOT.C", {"DEV", "PROD"}),
        ("UPDATE PROD.CORE.T SET V = 1", {"PROD"}),
        ("DELETE FROM PROD.CORE.T", {"PROD"}),
        ("TRUNCATE TABLE IF EXISTS PROD.CORE.T", {"PROD"}),
        ("DROP SCHEMA IF EXISTS PROD.CORE", {"PROD"}),
        ("CREATE SCHEMA PROD.X", {"PROD"}),
        ("DROP DATABASE PROD", {"PROD"}),
        ("COMMENT ON COLUMN PROD.CORE.T.V IS 'x'", {"PROD"}),
        ("CREATE OR REPLACE VIEW PROD.CORE.V AS SELECT 1", {"PROD"}),
        ("CREATE OR REPLACE TEMPORARY VIEW DEV.BOT.V AS SELECT * FROM PROD.CORE.T", {"DEV"}),
        ("GRANT SELECT ON TABLE PROD.CORE.T TO ROLE R", {"PROD"}),
        ("CALL SOMETHING('PROD.CORE.T')", {"PROD"}),
        ("EXECUTE IMMEDIATE 'drop table PROD.CORE.T'", {"PROD"}),
        ("SELECT * FROM PROD.CORE.T", set()),
        ("WITH A AS (SELECT 1) SELECT * FROM A, PROD.CORE.T", set()),
        ("SHOW TABLES IN DATABASE PROD", set()),
        ("CREATE USER PROD", set()),
        ("USE DATABASE PROD", set()),
    ],
)  # fmt: skip
def test_what_a_statement_would_write_is_read_from_its_text(world: World, sql: str, writes: set[str]) -> None:
    with suppress(Error):
        world.dashboard.run(sql)
    assert {d for d in ("PROD", "DEV") if sql in [s.sql for s in world.sandbox.writes({d})]} == writes


def test_an_unqualified_write_counts_for_the_sessions_database(world: World) -> None:
    world.builder.run("USE SCHEMA DEV.BOT")
    world.builder.run("CREATE TABLE HERE AS SELECT 1 AS X")
    assert [s.sql for s in world.sandbox.writes({"DEV"})] == ["CREATE TABLE HERE AS SELECT 1 AS X"]
