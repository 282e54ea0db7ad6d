"""What the sandbox does not have is an SQL error, and faults come as they were ordered."""

from __future__ import annotations

import time

import pytest
from snowflake.connector.vendored.requests.exceptions import ChunkedEncodingError

from tests.contract.snowflake_world import World

# What is not there --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UNDROP TABLE PROD.CORE.T", "000002"),
        ("CALL SYSTEM$WAIT(1)", "000002"),
        ("EXECUTE IMMEDIATE $$BEGIN RETURN 1; END$$", "000002"),
        ("EXPLAIN SELECT 1", "000002"),
        ("SELECT * FROM PROD.CORE.T AT (OFFSET => -60)", "000002"),
        ("CREATE TRANSIENT TABLE PROD.CORE.X CLONE PROD.CORE.T AT (OFFSET => -60)", "000002"),
        ("CREATE DYNAMIC TABLE PROD.CORE.X TARGET_LAG = '1 day' WAREHOUSE = ETHEREUM AS SELECT 1 AS X", "000002"),
        ("CREATE STREAM PROD.CORE.X ON TABLE PROD.CORE.T", "000002"),
        ("ALTER TABLE PROD.CORE.T SWAP WITH PROD.CORE.LASTING", "000002"),
        ("ALTER TABLE PROD.CORE.T SET TAG X = '1'", "000002"),
        ("SELECT SYSTEM$TYPEOF(1)", "000002"),
        ("SELECT TO_CHAR(1234.5, '999,999.00')", "000002"),
        ("SELECT * FROM TABLE(PROD.INFORMATION_SCHEMA.TASK_HISTORY())", "000002"),
        ("SHOW PROCEDURES", "000002"),
        ("COPY INTO PROD.CORE.T FROM @STAGE", "000002"),
        ("SELECT * FROM @STAGE", "000002"),
        ("ALTER SESSION SET TIMEZONE = 'Asia/Tokyo'", "000002"),
        ("SELEC 1", "001003"),
        ("SELECT FROM WHERE", "001003"),
        ("SELECT (1", "001003"),
        ("", "000900"),
        ("SELECT 1; DROP TABLE PROD.CORE.T", "000008"),
        ("SELECT NO_SUCH_FUNCTION(1)", "002140"),
        ("SELECT 'x'::INT", "100038"),
    ],
)
def test_what_is_missing_is_an_sql_error(world: World, sql: str, code: str) -> None:
    if sql:
        assert world.promoter.refused(sql) == code
    before = world.promoter.value("SELECT COUNT(*) FROM PROD.CORE.T")
    assert before == 20


# Faults -------------------------------------------------------------------------------------------------------------


def test_a_statement_fails_as_told_and_only_as_often(world: World) -> None:
    world.sandbox.inject(r"clone\s+dev", "fail", code="000707", message="no data", times=2)
    sql = "CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS"
    before = world.sandbox.census({"PROD"})
    assert [world.promoter.refused(sql) for _ in range(2)] == ["000707", "000707"]
    assert world.sandbox.census({"PROD"}) == before
    world.promoter.run(sql)
    assert world.sandbox.census({"PROD"}) != before


def test_a_failure_after_execution(world: World) -> None:
    world.sandbox.inject("delete", "fail", after=True)
    assert world.promoter.refused("DELETE FROM PROD.CORE.T WHERE ID = 1") == "000603"
    assert world.promoter.value("SELECT COUNT(*) FROM PROD.CORE.T") == 19


def test_slow_statements_and_cleared_faults(world: World) -> None:
    world.sandbox.inject("select 1", "slow", seconds=0.3)
    started = time.monotonic()
    world.builder.run("SELECT 1")
    assert time.monotonic() - started >= 0.3
    world.sandbox.inject("select 1", "fail")
    world.sandbox.clear_faults()
    world.builder.run("SELECT 1")


def test_a_lost_reply_leaves_the_client_in_doubt_after_the_work_is_done(world: World) -> None:
    world.sandbox.inject("clone dev", "lost_reply")
    person = world.person("PROMOTER")
    before = world.sandbox.census({"PROD"})["PROD.CORE.T"]
    with pytest.raises(ChunkedEncodingError):
        person.run("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS")
    after = world.sandbox.census({"PROD"})["PROD.CORE.T"]
    assert after[1] == world.sandbox.census({"DEV"})["DEV.BOT.C"][1] != before[1]
    assert len(world.sandbox.writes({"PROD"})) == 1
    person.connection.close()


REPLACE = "CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T CLONE DEV.BOT.C COPY GRANTS"


@pytest.mark.parametrize("polled", [False, True])
@pytest.mark.parametrize("code", ["390111", "390114", "390422", "000603", "000604"])
def test_an_error_after_execution_is_raised_as_any_other(world: World, code: str, polled: bool) -> None:
    """The connector cannot tell it from a refusal; a session whose token is gone answers nothing more."""
    world.sandbox.inject("clone dev", "misreport", code=code)
    if polled:
        world.sandbox.inject("clone dev", "poll")
    person = world.person("PROMOTER")
    before = world.sandbox.census({"PROD"})["PROD.CORE.T"]
    assert person.refused(REPLACE) == code
    assert world.sandbox.census({"PROD"})["PROD.CORE.T"][2] != before[2]
    assert [s.status for s in world.sandbox.writes({"PROD"})] == ["SUCCESS"]
    if code in ("390111", "390114"):
        assert person.refused("SELECT 1") == "390111"
    else:
        assert person.run("SELECT 1") == [(1,)]
    person.connection.close()


@pytest.mark.parametrize("polled", [False, True])
def test_an_expired_session_token_is_renewed_and_the_statement_runs_once(world: World, polled: bool) -> None:
    world.sandbox.inject("clone dev", "misreport", code="390112")
    if polled:
        world.sandbox.inject("clone dev", "poll")
    world.promoter.run(REPLACE)
    assert len(world.sandbox.writes({"PROD"})) == 1


def test_a_statement_that_takes_long_is_answered_when_its_result_is_asked_for(world: World) -> None:
    world.sandbox.inject("select 1", "poll")
    assert world.promoter.run("SELECT 1") == [(1,)]
    world.sandbox.inject("select 1", "poll")
    world.sandbox.inject("select 1", "fail", code="003001")
    assert world.promoter.refused("SELECT 1") == "003001"
