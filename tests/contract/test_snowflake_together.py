"""Several sessions at once: what one renames and replaces, another reads about."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.contract.snowflake_world import World

pytest_plugins = ["tests.contract.snowflake_world"]


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
