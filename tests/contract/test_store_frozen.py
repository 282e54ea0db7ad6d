"""PostgreSQL: a process that is frozen inside a transaction keeps nobody waiting for ever."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from bot import events as e
from bot.store import Store, database, tables
from tests.contract.databases import database as created
from tests.contract.stores import advance, ask


def freeze_while(store: Store, others_work: Callable[[], object]) -> None:
    """Take every row's lock, do nothing while the others work, and go on as if nothing had happened."""
    with store.writing() as connection:
        connection.execute(select(tables.refreshes).with_for_update()).all()
        others_work()
        connection.execute(select(tables.refreshes)).all()


def test_row_locks_of_a_frozen_process_are_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_IDLE_SECONDS", 1)
    with created("postgresql", tmp_path) as url:
        frozen, other = Store(url), Store(url)
        frozen.migrate()
        refresh = ask(frozen)
        with pytest.raises(DBAPIError):
            freeze_while(frozen, partial(advance, other, refresh, e.CancelAsked))
        assert other.live() == []
        frozen.close()
        other.close()
