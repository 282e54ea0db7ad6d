"""Migrations on both databases: from empty, from every earlier version with data, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import insert

import bot
from bot.model import State
from bot.store import Store, tables
from bot.store.codec import dumps
from tests.contract.databases import BACKENDS, database
from tests.refreshes import UNIQUE_ID, in_state

MIGRATIONS = Path(bot.__file__).parent / "migrations"
EARLIER = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("0*.py"))[:-1]


@pytest.fixture(params=BACKENDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with database(request.param, tmp_path) as url:
        store = Store(url)
        yield store
        store.close()


def move(store: Store, to: str) -> None:
    """Bring the tables to a revision, forwards or backwards."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.writing() as connection:
        config.attributes["connection"] = connection
        known = MigrationContext.configure(connection).get_current_revision() or ""
        (command.upgrade if to > known else command.downgrade)(config, to)


def as_an_earlier_version_stored_it(store: Store, revision: str) -> None:
    """One refresh that waits for approval and one that has ended, in the columns of that revision."""
    for number, state in enumerate((State.AWAITING, State.DONE), 1):
        refresh = replace(in_state(state), id=number)
        row = {"id": number, "state": state, "revision": refresh.revision, "unique_id": UNIQUE_ID}
        row |= {"mode": refresh.request.mode, "prod": refresh.prod.sql, "dev": refresh.dev.sql, "channel": "C0"}
        row |= {"body": dumps(refresh)}
        if revision > "0001":
            assert refresh.plan
            row |= {"warehouse": refresh.plan.warehouse}
        with store.writing() as connection:
            connection.execute(insert(tables.refreshes).values(row))


@pytest.mark.parametrize("revision", EARLIER)
def test_from_an_earlier_version_with_data(empty: Store, revision: str) -> None:
    move(empty, revision)
    as_an_earlier_version_stored_it(empty, revision)
    installation = empty.installation

    empty.migrate()

    waiting, ended = empty.get(1), empty.get(2)
    assert waiting and waiting.state is State.AWAITING and waiting.plan
    assert ended and ended.state is State.DONE
    assert [r.id for r in empty.live()] == [1]
    assert empty.installation == installation
    with empty.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
        found = connection.execute(tables.refreshes.select().order_by(tables.refreshes.c.id)).all()
    assert [row.warehouse for row in found] == [waiting.plan.warehouse] * 2


def test_back_and_forth_keeps_the_data(empty: Store) -> None:
    empty.migrate()
    move(empty, "0001")
    as_an_earlier_version_stored_it(empty, "0001")
    empty.migrate()
    assert {r.state for r in empty.recent()} == {State.AWAITING, State.DONE}
