"""The statement log: append-only, written from the wire before anything is parsed."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from .lexer import Cursor, tokenize


@dataclass(slots=True, kw_only=True)
class Statement:
    """One statement as it was sent. `ms` and `error` are filled in when it ends; until then it is running."""

    query_id: str
    sql: str
    user: str
    role: str
    warehouse: str
    tag: str
    session_id: int
    database: str  # the session's, for names that are not qualified
    schema: str
    started: datetime
    ended: datetime | None = None
    ms: float | None = None
    error: str | None = None  # "003001: SQL access control error: ..."
    rows: int | None = None
    held: bool = False  # a fault keeps it waiting

    @property
    def status(self) -> str:
        if self.ended is None:
            return "RUNNING"
        return "FAILED_WITH_ERROR" if self.error else "SUCCESS"

    def writes(self, databases: set[str]) -> bool:
        """Whether the text asks for a change in one of these databases, allowed or not."""
        return any(name in databases for name in targets(self.sql, self.database))


_READS = {"SELECT", "WITH", "(", "SHOW", "DESCRIBE", "DESC", "USE", "BEGIN", "START", "COMMIT", "ROLLBACK", "EXPLAIN",
          "SET", "UNSET", "LIST", "LS"}  # fmt: skip
_FILLERS = {"OR", "REPLACE", "ALTER", "IF", "NOT", "EXISTS", "TRANSIENT", "TEMPORARY", "TEMP", "LOCAL", "GLOBAL", "VOLATILE",
            "SECURE", "RECURSIVE", "INTO", "OVERWRITE", "FROM", "TABLE", "VIEW", "SCHEMA", "DATABASE", "MATERIALIZED",
            "DYNAMIC", "ICEBERG", "HYBRID", "EXTERNAL", "ON", "COLUMN", "READ", "ONLY"}  # fmt: skip
_ACCOUNT = {"USER", "ROLE", "WAREHOUSE", "SESSION", "ACCOUNT"}


def targets(sql: str, current: str) -> Iterator[str]:
    """The databases a statement would change, from its text alone; when in doubt every word it holds."""
    cursor = Cursor(sql)
    verb = cursor.peek()
    if verb in _READS or cursor.done:
        return
    if verb not in {"CREATE", "DROP", "ALTER", "TRUNCATE", "INSERT", "UPDATE", "DELETE", "MERGE", "COMMENT", "UNDROP"}:
        for token in tokenize(sql):
            yield from re.findall(r"\w+", token.value.upper()) if token.kind == "string" else [token.identifier]
        return
    cursor.take()
    kind = "TABLE"
    while cursor.peek() in _FILLERS and cursor.peek(1) != ".":
        word = cursor.take().word
        kind = word if word in ("DATABASE", "SCHEMA") else kind
    if cursor.peek() in _ACCOUNT:
        return
    yield from _databases(cursor, current, kind)
    while not cursor.done:
        if cursor.accept("RENAME", "TO") or cursor.accept("SWAP", "WITH"):
            yield from _databases(cursor, current, kind)
        else:
            cursor.take()


def _databases(cursor: Cursor, current: str, kind: str) -> Iterator[str]:
    parts = [cursor.take().identifier] if not cursor.done else []
    while not cursor.done and cursor.accept("."):
        parts.append(cursor.take().identifier)
    full = {"DATABASE": 1, "SCHEMA": 2}.get(kind, 3)
    if len(parts) < full:
        yield current
    yield from parts[:1]


@dataclass(slots=True)
class Log:
    """All statements since the last restore, oldest first."""

    statements: list[Statement] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def append(self, statement: Statement) -> None:
        with self.changed:
            self.statements.append(statement)
            self.changed.notify_all()

    def moved_on(self) -> None:
        """A statement is held, or has got its result: whoever waits looks again."""
        with self.changed:
            self.changed.notify_all()

    def find(self, query_id: str) -> Statement | None:
        return next((s for s in reversed(self.statements) if s.query_id == query_id), None)
