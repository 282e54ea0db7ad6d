"""Several sessions at once: what one renames and replaces, another reads about."""

from __future__ import annotations

import threading

import pytest
from snowflake.connector.errors import Error

from tests.contract.snowflake_world import World


@pytest.mark.parametrize("view", ["TABLES", "COLUMNS"])
def test_metadata_can_be_read_while_tables_come_and_go(world: World, view: str) -> None:
    ended = threading.Event()

    def come_and_go() -> None:
        while not ended.is_set():
            world.builder.run("ALTER TABLE DEV.BOT.C RENAME TO DEV.BOT.D")
            world.builder.run("ALTER TABLE DEV.BOT.D RENAME TO DEV.BOT.C")
            world.builder.run("CREATE TRANSIENT TABLE DEV.BOT.E CLONE PROD.CORE.T")
            world.builder.run("DROP TABLE DEV.BOT.E")

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        for _ in range(60):
            assert world.admin.rows(f"SELECT TABLE_NAME FROM DEV.INFORMATION_SCHEMA.{view}") is not None
    finally:
        ended.set()
        other.join()
    assert world.admin.rows(f"SELECT TABLE_NAME FROM DEV.INFORMATION_SCHEMA.{view} WHERE TABLE_NAME = 'C'")


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
