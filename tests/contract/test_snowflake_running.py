"""Statements while they run: the history, cancelling, timeouts, waiting for one another, asynchronous ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from snowflake.connector.errors import Error

from tests.contract.snowflake_world import World


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def running(world: World, text: str) -> str:
    """The id of a statement that is being executed; waits for it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for statement in world.sandbox.log:
            if statement.status == "RUNNING" and text in statement.sql:
                return statement.query_id
        time.sleep(0.005)
    raise AssertionError(f"never saw {text!r} running")


# History ------------------------------------------------------------------------------------------------------------


def test_history_by_tag_with_running_statements(world: World, pool: ThreadPoolExecutor) -> None:
    since = datetime.now(UTC)
    tagged = world.person("BUILDER", session_parameters={"QUERY_TAG": "refresh-1"})
    tagged.run("SELECT 1 AS DONE")
    tagged.refused("DROP TABLE PROD.CORE.T")
    world.sandbox.inject("as slow", "hang")
    waiting = pool.submit(tagged.refused, "SELECT 2 AS SLOW")
    query_id = running(world, "AS SLOW")
    history = (
        "SELECT QUERY_ID, EXECUTION_STATUS, QUERY_TEXT, ERROR_CODE, END_TIME FROM TABLE(PROD.INFORMATION_SCHEMA.QUERY_HISTORY("
        f"END_TIME_RANGE_START => '{since.isoformat()}'::TIMESTAMP_LTZ, RESULT_LIMIT => 10000)) "
        "WHERE QUERY_TAG = 'refresh-1' ORDER BY START_TIME"
    )
    rows = world.builder.run(history)
    assert [row[1:4] for row in rows] == [
        ("success", "SELECT 1 AS DONE", None),
        ("failed_with_error", "DROP TABLE PROD.CORE.T", "003001"),
        ("running", "SELECT 2 AS SLOW", None),
    ]
    assert rows[2][0] == query_id
    assert rows[2][4] == datetime.fromtimestamp(0, UTC)
    assert world.builder.value(f"SELECT SYSTEM$CANCEL_QUERY('{query_id}')") == f"query [{query_id}] terminated."
    assert waiting.result(5) == "000604"
    assert [row[1] for row in world.builder.run(history)] == ["success", "failed_with_error", "failed_with_error"]
    assert world.promoter.run(history) == []
    limited = history.replace("RESULT_LIMIT => 10000", "RESULT_LIMIT => 1")
    assert world.builder.run(limited) == []
    tagged.connection.close()


def test_others_queries_need_monitor_or_operate_on_the_warehouse(world: World) -> None:
    world.builder.run("SELECT 'of the builder'")
    seen = "SELECT COUNT(*) FROM TABLE(PROD.INFORMATION_SCHEMA.QUERY_HISTORY()) WHERE USER_NAME = 'BUILDER'"
    assert world.promoter.value(seen) == 0
    world.admin.run("GRANT MONITOR ON WAREHOUSE ETHEREUM TO ROLE TRANSFORMER")
    assert world.promoter.value(seen) == 1


# Cancelling and waiting ---------------------------------------------------------------------------------------------


def test_a_timeout_of_the_cursor_cancels_the_statement(world: World) -> None:
    world.sandbox.inject("as slow", "hang")
    with pytest.raises(Error) as caught, world.builder.connection.cursor() as cursor:
        cursor.execute("SELECT 1 AS SLOW", timeout=1)
    assert caught.value.errno == 604
    assert world.builder.value("SELECT 1") == 1


def test_a_working_query_is_cancelled_from_another_session(world: World, pool: ThreadPoolExecutor) -> None:
    heavy = "SELECT SUM(HASH(A.ID, B.ID)) AS HEAVY FROM {0} A, {0} B".format(
        "(SELECT SEQ4() AS ID FROM TABLE(GENERATOR(ROWCOUNT => 200000)))"
    )
    waiting = pool.submit(world.builder.refused, heavy)
    running(world, "AS HEAVY")
    other = world.person("BUILDER")
    session = world.builder.connection.session_id
    assert world.promoter.refused(f"SELECT SYSTEM$CANCEL_ALL_QUERIES({session})") == "003001"
    assert other.value(f"SELECT SYSTEM$CANCEL_ALL_QUERIES({session})") == "1 SQL statements cancelled."
    assert waiting.result(10) == "000604"
    other.connection.close()


def test_an_aborted_session_gives_back_what_it_held(world: World) -> None:
    dead = world.person("BUILDER")
    dead.run("BEGIN")
    dead.run("DELETE FROM DEV.BOT.C")
    session = dead.connection.session_id
    assert world.promoter.refused(f"SELECT SYSTEM$ABORT_SESSION({session})") == "003001"
    assert world.builder.value(f"SELECT SYSTEM$ABORT_SESSION({session})") == "Session aborted."
    assert world.builder.run("DELETE FROM DEV.BOT.C") == [(20,)]
    assert dead.refused("SELECT 1") == "390111"
    dead.connection.close()


def test_the_statement_timeout(world: World) -> None:
    world.sandbox.inject("as slow", "hang")
    world.builder.run("ALTER SESSION SET STATEMENT_TIMEOUT_IN_SECONDS = 1")
    try:
        assert world.builder.refused("SELECT 1 AS SLOW") == "000630"
    finally:
        world.builder.run("ALTER SESSION UNSET STATEMENT_TIMEOUT_IN_SECONDS")


def test_the_second_writer_of_a_table_waits(world: World, pool: ThreadPoolExecutor) -> None:
    people = [world.person("BUILDER") for _ in range(4)]
    world.builder.run("BEGIN")
    world.builder.run("UPDATE DEV.BOT.C SET V = V + 1 WHERE ID = 0")
    waiting = [pool.submit(p.run, "UPDATE DEV.BOT.C SET V = V + 1 WHERE ID = 0") for p in people for _ in range(1)]
    running(world, "UPDATE DEV.BOT.C")
    assert not any(w.done() for w in waiting)
    world.builder.run("COMMIT")
    assert [w.result(10) for w in waiting] == [[(1,)]] * 4
    assert world.builder.value("SELECT V FROM DEV.BOT.C WHERE ID = 0") == 5
    for person in people:
        person.connection.close()


def test_asynchronous_statements(world: World) -> None:
    world.sandbox.inject("as later", "hang", seconds=0.2)
    with world.builder.connection.cursor() as cursor:
        query_id = cursor.execute_async("SELECT 42 AS LATER")["queryId"]
        assert world.builder.connection.get_query_status(query_id).name == "RUNNING"
        cursor.get_results_from_sfqid(query_id)
        assert cursor.fetchall() == [(42,)]
    assert world.builder.connection.get_query_status(query_id).name == "SUCCESS"


def test_the_history_of_a_user_shows_that_users_statements_and_reaches_back_seven_days(world: World) -> None:
    world.builder.run("SELECT 'mine'")
    world.promoter.run("SELECT 'theirs'")
    history = "SELECT QUERY_TEXT FROM TABLE(PROD.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER({}))"
    shown = {str(row[0]) for row in world.builder.run(history.format(""))}
    assert "SELECT 'mine'" in shown
    assert "SELECT 'theirs'" not in shown
    since = "END_TIME_RANGE_START => DATEADD('day', -{}, CURRENT_TIMESTAMP())"
    assert world.builder.run(history.format(since.format(6)))
    assert world.builder.refused(history.format(since.format(8))) == "001044"
