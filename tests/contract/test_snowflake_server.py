"""Login, the statement log, history, cancelling, faults, save and restore, and what the sandbox does not have."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from snowflake.connector.errors import DatabaseError, Error
from snowflake.connector.vendored.requests.exceptions import ChunkedEncodingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.contract.snowflake_world import World

pytest_plugins = ["tests.contract.snowflake_world"]


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


# Login --------------------------------------------------------------------------------------------------------------


def other_key() -> bytes:
    return rsa.generate_private_key(65537, 2048).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("user", "login", "code"),
    [
        ("DASH", {"password": "wrong"}, 390100),
        ("NOBODY", {"password": "dash"}, 390100),
        ("BUILDER", {"password": "dash"}, 390100),
        ("DASH", {"password": "dash", "role": "TRANSFORMER"}, 390189),
        ("DASH", {"private_key": True}, 390144),
        ("NOBODY", {"private_key": True}, 390144),
    ],
)
def test_a_wrong_login_is_refused(world: World, user: str, login: dict[str, object], code: int) -> None:
    how = {**login, "private_key": world.der} if "private_key" in login else login
    with pytest.raises(DatabaseError) as caught:
        world.sandbox.connect(user, **how)  # type: ignore[arg-type]
    assert caught.value.errno == code


def test_a_key_that_is_not_registered_is_refused(world: World) -> None:
    with pytest.raises(DatabaseError) as caught:
        world.sandbox.connect("BUILDER", private_key=other_key())
    assert caught.value.errno == 390144


def test_the_session_knows_who_and_where(world: World) -> None:
    person = world.person("BUILDER", database="prod", schema="core", session_parameters={"QUERY_TAG": "t1"})
    try:
        assert person.run(
            "SELECT CURRENT_USER(), CURRENT_ROLE(), CURRENT_WAREHOUSE(), CURRENT_DATABASE(), CURRENT_SCHEMA(), "
            "CURRENT_SECONDARY_ROLES(), CURRENT_SESSION()"
        ) == [
            (
                "BUILDER",
                "BUILDER",
                "ETHEREUM",
                "PROD",
                "CORE",
                '{"roles":"","value":""}',
                str(person.connection.session_id),
            )
        ]
        assert person.rows("show parameters like 'query_tag' in session")[0]["value"] == "t1"
        person.run("ALTER SESSION SET QUERY_TAG = 'it''s t2', TIMEZONE = 'UTC', STATEMENT_TIMEOUT_IN_SECONDS = 60")
        person.run("SELECT COUNT(*) FROM T")
        assert world.sandbox.log[-1].tag == "it's t2"
        person.run("ALTER SESSION UNSET QUERY_TAG")
        assert person.rows("show parameters like 'query_tag' in session")[0]["value"] == ""
        assert person.refused("ALTER SESSION SET NO_SUCH_PARAMETER = 1") == "001420"
    finally:
        person.connection.close()


def test_secondary_roles_from_the_user_or_the_connection(world: World) -> None:
    world.admin.run("CREATE USER BOTH PASSWORD = 'b' DEFAULT_ROLE = BUILDER")
    world.admin.run("GRANT ROLE BUILDER TO USER BOTH")
    world.admin.run("GRANT ROLE TRANSFORMER TO USER BOTH")
    seen = []
    for login in ({}, {"secondary_roles": "NONE"}):
        with world.sandbox.connect("BOTH", "b", **login) as connection:  # type: ignore[arg-type]
            seen.append(connection.cursor().execute("SELECT CURRENT_SECONDARY_ROLES()").fetchall()[0][0])
    assert seen == ['{"roles":"TRANSFORMER","value":"ALL"}', '{"roles":"","value":""}']


def test_a_closed_session_is_gone(world: World) -> None:
    person = world.person("BUILDER")
    person.run("CREATE TEMPORARY TABLE DEV.BOT.TMP AS SELECT 1 AS X")
    person.run("BEGIN")
    person.run("DELETE FROM DEV.BOT.C")
    person.connection.close()
    assert world.builder.value("SELECT COUNT(*) FROM DEV.BOT.C") == 20
    world.builder.run("DELETE FROM DEV.BOT.C WHERE ID = 1")


# The log and the history ------------------------------------------------------------------------------------------------


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


# Cancelling -------------------------------------------------------------------------------------------------------------


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


# Faults -----------------------------------------------------------------------------------------------------------------


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


# Asynchronous statements ------------------------------------------------------------------------------------------------


def test_asynchronous_statements(world: World) -> None:
    world.sandbox.inject("as later", "hang", seconds=0.2)
    with world.builder.connection.cursor() as cursor:
        query_id = cursor.execute_async("SELECT 42 AS LATER")["queryId"]
        assert world.builder.connection.get_query_status(query_id).name == "RUNNING"
        cursor.get_results_from_sfqid(query_id)
        assert cursor.fetchall() == [(42,)]
    assert world.builder.connection.get_query_status(query_id).name == "SUCCESS"


# The whole state ----------------------------------------------------------------------------------------------------------


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


# What only tests can put there ----------------------------------------------------------------------------------------------


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


# What is not there ----------------------------------------------------------------------------------------------------------


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


def test_no_database_no_warehouse(world: World) -> None:
    nowhere = world.sandbox.connect("BUILDER", private_key=world.der, warehouse="COMPUTE_WH")
    with nowhere, nowhere.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]  # type: ignore[union-attr]
        for sql, code in (("SELECT * FROM T", 90105), ("SELECT * FROM PROD.CORE.T", 606)):
            with pytest.raises(Error) as caught:
                cursor.execute(sql)
            assert caught.value.errno == code


def test_binds(world: World) -> None:
    assert world.builder.run("SELECT %s, %s, %s", "it's", 7, None) == [("it's", 7, None)]
    server_side = world.sandbox.connect("BUILDER", private_key=world.der, paramstyle="qmark")
    with server_side, server_side.cursor() as cursor:
        rows = cursor.execute("SELECT COUNT(*) FROM PROD.CORE.T WHERE ID < ? AND S = ?", (5, "x")).fetchall()  # type: ignore[union-attr]
    assert rows == [(5,)]


def test_many_sessions_at_once(world: World) -> None:
    failures: list[object] = []

    def work(number: int) -> None:
        person = world.person("BUILDER")
        try:
            for i in range(5):
                person.run(f"CREATE OR REPLACE TABLE DEV.BOT.W{number} AS SELECT {i} AS I, * FROM PROD.CORE.T")
                if person.value(f"SELECT SUM(I) FROM DEV.BOT.W{number}") != 20 * i:
                    failures.append((number, i))
        except Error as error:
            failures.append(error)
        finally:
            person.connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
