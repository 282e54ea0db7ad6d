"""The connection to our own database: SQLite by default, PostgreSQL by URL; transactions, clock, migrations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Table, create_engine, event, extract, func, make_url, select, text, update

from bot import private_files
from bot.store import tables as t

_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_MIGRATION_LOCK, _CLAIM_LOCK = 7_262_373, 7_262_374  # any numbers, the same in every process
_CONNECT_SECONDS = 10  # psycopg's own 130 would outlast the patience of a start and of an end
_LONGEST_PAUSE = 600.0  # more than any pause before another try
_TOLD_SECONDS = 60.0
_IDLE_SECONDS = 15  # a frozen process gives its row locks back after that


def seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None


def moment(value: float | None) -> datetime | None:
    return datetime.fromtimestamp(value, UTC) if value is not None else None


def address(url: str) -> URL:
    """A server that swallows what is sent to it is given up soon, unless the operator's own URL says when."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return parsed
    return parsed.set(query={"connect_timeout": str(_CONNECT_SECONDS), **parsed.query})


class Database:
    """One engine. `clock` replaces the database's own clock, in seconds since 1970."""

    def __init__(self, url: str, clock: Callable[[], float] | None = None) -> None:
        parsed = address(url)
        self._sqlite = parsed.get_backend_name() == "sqlite"
        self._clock = clock or (time.time if self._sqlite else None)
        if self._sqlite and parsed.database:
            private_files.database(Path(parsed.database).resolve())
        self._engine = create_engine(
            parsed, pool_pre_ping=not self._sqlite, pool_size=10, max_overflow=20, hide_parameters=True
        )
        self._installation = ""
        self._told = (0.0, float("-inf"))  # the database's time, and when it was asked for
        if self._sqlite:
            event.listen(self._engine, "connect", _prepare_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        else:
            event.listen(self._engine, "begin", _begin_postgresql)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction; SQLite takes its write lock at once, so that a check and its write never part."""
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    def now(self, connection: Connection) -> float:
        """Leases go by the database's clock, since workers' clocks differ; a single host has only one."""
        if self._clock:
            return self._clock()
        return float(connection.execute(select(extract("epoch", func.clock_timestamp()))).scalar_one())

    def clock(self) -> datetime:
        """The time that all processes of an installation share, whatever their hosts say; asked for once a minute."""
        if self._clock:
            return datetime.fromtimestamp(self._clock(), UTC)
        read, asked = self._told
        if time.monotonic() - asked > _TOLD_SECONDS:
            with self.reading() as connection:
                read, asked = self._told = self.now(connection), time.monotonic()
        return datetime.fromtimestamp(read + time.monotonic() - asked, UTC)

    def cap(self, connection: Connection, table: Table, lease_seconds: float, *where: Any) -> None:
        """Times further ahead than they are ever set: the clock was set back since, and nobody waits for that longer."""
        now = self.now(connection)
        for name, most in (("lease_until", lease_seconds), ("not_before", _LONGEST_PAUSE)):
            late = table.c[name] > now + most
            connection.execute(update(table).where(late, *where).values({name: now + most}))

    def one_at_a_time(self, connection: Connection) -> None:
        """Only one such transaction runs at a time; SQLite has but one writer anyway."""
        if not self._sqlite:
            connection.execute(text("select pg_advisory_xact_lock(:n)"), {"n": _CLAIM_LOCK})

    def skip_ids(self, connection: Connection, table: Table, up_to: int) -> None:
        """The next row of a table with ids that are counted gets a higher one."""
        binds = {"n": up_to, "name": table.name}
        if not self._sqlite:
            sequence = f"{table.name}_id_seq"
            higher = f"select setval('{sequence}', greatest(:n, (select last_value from {sequence})))"
            connection.execute(text(higher), {"n": up_to})
        elif not connection.execute(
            text("update sqlite_sequence set seq = max(seq, :n) where name = :name"), binds
        ).rowcount:
            connection.execute(text("insert into sqlite_sequence (name, seq) values (:name, :n)"), binds)

    def migrate(self) -> None:
        """Bring the tables up to date; safe while several processes start at once."""
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        with self.writing() as connection:
            if not self._sqlite:
                connection.execute(text("select pg_advisory_xact_lock(:n)"), {"n": _MIGRATION_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @property
    def installation(self) -> str:
        """Random id made at the first migration: part of every name and tag in the warehouse."""
        if not self._installation:
            with self.reading() as connection:
                self._installation = connection.execute(select(t.installation.c.id)).scalar_one()
        return self._installation

    def close(self) -> None:
        """Connections that are in use are closed when they come back."""
        event.listen(self._engine.pool, "checkin", lambda _, record: record.invalidate())
        self._engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in ("journal_mode=wal", "busy_timeout=30000", "synchronous=full", "foreign_keys=on"):
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def _begin_postgresql(connection: Connection) -> None:
    """A process that is frozen in the middle of a transaction must not keep others from its rows for ever."""
    if connection.get_execution_options().get("writes"):
        connection.exec_driver_sql(f"set local idle_in_transaction_session_timeout = '{_IDLE_SECONDS}s'")
