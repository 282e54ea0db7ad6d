"""The databases that the contract tests run on: SQLite, and a PostgreSQL that is started when the first test needs it.

TEST_POSTGRES_URL names another server to use instead.
"""

from __future__ import annotations

import atexit
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from bot.store import Store
from sandbox.postgres import Postgres

BACKENDS = ["sqlite", "postgresql"]


@cache
def postgres_url() -> str:
    """One server for all tests of this process."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        return given
    server = Postgres()
    atexit.register(server.remove)
    server.start()
    return server.url


class Clock:
    """Seconds since 1970 that a test moves by hand."""

    def __init__(self, start: float = 1_776_000_000.0) -> None:
        self.now = start

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += seconds


@contextmanager
def database(backend: str, folder: Path) -> Iterator[str]:
    """The address of an empty database, dropped at the end."""
    if backend == "sqlite":
        yield f"sqlite:///{folder / 'refresh.db'}"
        return
    name = f"test_{uuid.uuid4().hex[:10]}"
    server = create_engine(postgres_url(), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"create database {name}"))
    try:
        yield make_url(postgres_url()).set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(text(f"drop database {name} with (force)"))
        server.dispose()


@contextmanager
def store_on(backend: str, folder: Path, clock: Clock | None = None) -> Iterator[Store]:
    with database(backend, folder) as url:
        store = Store(url, clock)
        store.migrate()
        yield store
        store.close()
