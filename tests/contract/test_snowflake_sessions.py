"""Sessions: who is let in, what a session knows and binds, and what it leaves behind."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from snowflake.connector.errors import DatabaseError, Error

from tests.contract.snowflake_world import World


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
