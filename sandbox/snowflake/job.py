"""One statement on its way: its session, the account, its DuckDB connection, and how it can be stopped."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from .catalog import Account, Name, Relation
from .errors import SnowflakeError, cancelled, missing, no_warehouse, timed_out, unsupported
from .faults import Faults
from .lexer import Cursor
from .locks import Locks
from .log import Log, Statement
from .rights import Access
from .session import Session
from .store import Store, translate_error
from .wire import Result

# DuckDB says so of results that are fetched as Arrow; ours are small.
warnings.filterwarnings("ignore", "Arrow output on a DB-API result", UserWarning)


@dataclass(slots=True)
class World:
    """What all sessions share."""

    account: Account = field(default_factory=Account)
    store: Store = field(default_factory=Store)
    log: Log = field(default_factory=Log)
    locks: Locks = field(default_factory=Locks)
    faults: Faults = field(default_factory=Faults)
    sessions: dict[str, Session] = field(default_factory=dict)  # by token
    running: dict[str, Job] = field(default_factory=dict)  # by query id
    results: dict[str, Result] = field(default_factory=dict)  # of recent statements, for RESULT_SCAN
    ahead: timedelta = timedelta()  # by which the account's clock is ahead of this machine's

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(slots=True, eq=False)
class Job:
    """A statement being executed. Handlers take it apart, check rights through `access`, and run SQL through it."""

    world: World
    session: Session
    entry: Statement
    bindings: list[Any] = field(default_factory=list)
    active: bool = False  # it has the session's connection
    turn: threading.Lock = field(default_factory=threading.Lock)  # held while `active` changes or is acted upon
    describe: bool = False  # only the columns are wanted
    seconds: int = 0  # STATEMENT_TIMEOUT_IN_SECONDS
    stop: threading.Event = field(default_factory=threading.Event)
    timeout: int = 0  # seconds, once reached
    registered: list[str] = field(default_factory=list)

    @property
    def sql(self) -> str:
        return self.entry.sql

    @property
    def account(self) -> Account:
        return self.session.account

    @property
    def store(self) -> Store:
        return self.world.store

    @property
    def access(self) -> Access:
        return self.session.access

    def cancel(self) -> None:
        self.stop.set()
        with self.turn:
            if self.active:  # else it waits for its turn or has ended, and the connection works for another statement
                self.session.duck.interrupt()
        self.world.locks.wake()

    def activate(self, active: bool) -> None:
        """Whether the session's connection works for this statement: only then may `cancel` interrupt it."""
        with self.turn:
            self.active = active

    def hold(self) -> None:
        """A fault keeps it waiting from here on."""
        self.entry.held = True
        self.world.log.moved_on()

    def expire(self, seconds: int) -> None:
        self.timeout = seconds
        self.cancel()

    def check(self) -> None:
        if self.stop.is_set():
            raise timed_out(self.timeout) if self.timeout else cancelled()

    # Names --------------------------------------------------------------------------------------------------------

    def full(self, parts: Sequence[str]) -> Name:
        """A relation's three-part name, completed from the session; raises 090105 without a current database."""
        database, schema = self.session.database, self.session.schema
        if (len(parts) < 3 and not database) or (len(parts) < 2 and not schema):
            what, code = ("schema", "090106") if database else ("database", "090105")
            raise SnowflakeError(
                code, "22000", f"Cannot perform operation. This session does not have a current {what}. Call 'USE {what.upper()}', or use a qualified name."
            )  # fmt: skip
        name = (database, schema, "")[: 3 - len(parts)] + tuple(parts)
        return name[0], name[1], name[2]

    def scope(self, parts: Sequence[str]) -> tuple[str, str]:
        """A schema's two-part name."""
        if len(parts) > 2:
            raise missing("Schema", ".".join(parts))
        database, schema, _ = self.full((*parts, ""))
        return database, schema

    def relation(self, cursor: Cursor, *privileges: str, own: bool = False) -> Relation:
        """The relation named next, with rights checked."""
        name = self.full(cursor.name())
        return self.access.relation(self.session.find(name), name, *privileges, own=own)

    def need_warehouse(self) -> None:
        if not self.session.warehouse or not self.access.sees_warehouse(self.session.warehouse):
            raise no_warehouse()

    # Running ------------------------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """Run DuckDB SQL on the session's connection; raises SnowflakeError for whatever goes wrong."""
        with self._translating():
            return self.session.duck.execute(sql, parameters or None).fetchall()

    def select(self, sql: str) -> tuple[pa.Table, Sequence[Sequence[Any]]]:
        """The rows of a DuckDB query and the description of its columns: name, type, ..."""
        with self._translating():
            found = self.session.duck.execute(sql, self.bindings or None)  # as a relation it would be bound twice
            columns = found.description
            return found.to_arrow_table(), columns

    @contextmanager
    def _translating(self) -> Iterator[None]:
        self.check()
        try:
            yield
        except duckdb.Error as error:
            self._recover()
            self.check()
            raise translate_error(error, self.sql) from error

    def _recover(self) -> None:
        """DuckDB gives up a transaction at its first error, Snowflake only the failed statement."""
        if not self.session.in_transaction:
            return
        self.session.duck.execute("rollback")
        self.session.duck.execute("begin")
        self.session.broken = bool(self.session.written)

    def atomically(self, statements: Sequence[str]) -> None:
        """Several DuckDB statements as one, outside any transaction of the session (DDL commits)."""
        duck = self.session.duck
        self.execute("begin")
        try:
            for sql in statements:
                self.execute(sql)
            self.execute("commit")
        except SnowflakeError:
            with suppress(duckdb.Error):  # a failed commit has already ended it
                duck.execute("rollback")
            raise

    def end_transaction(self, *, commit: bool) -> None:
        """COMMIT or ROLLBACK, and what DDL does first; a no-op outside a transaction."""
        session = self.session
        if not session.in_transaction:
            return
        lost = session.broken and commit
        session.duck.execute("commit" if commit and not lost else "rollback")
        for name in session.written if commit and not lost else ():
            if relation := session.find(name):
                self.account.touch(relation, ddl=False)
        session.in_transaction = session.broken = False
        session.written.clear()
        self.world.locks.release(session.id)
        if lost:
            raise unsupported("COMMIT after a failed statement that followed writes in the same transaction")

    @contextmanager
    def locking(self, *relations: Name) -> Iterator[None]:
        """Hold the write locks of these relations; a transaction keeps them until its end."""
        fresh = self.world.locks.acquire(set(relations), self.session.id, self.stop)
        try:
            yield
        finally:
            if not self.session.in_transaction:
                self.world.locks.release(self.session.id, fresh)

    def register(self, table: pa.Table) -> str:
        """Make rows readable in this session's DuckDB for this statement; returns the name to read them by."""
        name = f"sandbox_rows_{self.session.next()}"
        self.session.duck.register(name, table)
        self.registered.append(name)
        return f'temp.main."{name}"'

    def clean(self) -> None:
        for name in self.registered:
            with suppress(duckdb.Error):  # a transaction that was rolled back has taken it along
                self.session.duck.unregister(name)
