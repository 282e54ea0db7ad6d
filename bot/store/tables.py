"""The tables. What is queried has a column; the rest of a refresh is one JSON text.

Times are seconds since 1970 (UTC) of the clock that `Database.now` reads, so that every database compares them alike.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    or_,
)

from bot.model import ENDS

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)


def _leased() -> tuple[Column[str], Column[float], Column[int], Column[float]]:
    """Who works on a row until when, how often it was tried, and when it may be tried again."""
    return (
        Column("owner", String(80)),
        Column("lease_until", Double),
        Column("attempts", Integer, nullable=False, server_default="0"),
        Column("not_before", Double),
    )


def free(table: Table, now: float) -> Any:
    """Nobody holds the row, and it may be tried (again)."""
    c = table.c
    return and_(or_(c.lease_until.is_(None), c.lease_until < now), or_(c.not_before.is_(None), c.not_before <= now))


installation = Table("installation", metadata, Column("id", String(16), primary_key=True))

refreshes = Table(
    "refreshes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("state", String(20), nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("fence", Integer, nullable=False, server_default="0"),
    *_leased(),
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("cancel", Boolean, nullable=False, server_default=false()),
    Column("unique_id", String(500), nullable=False, index=True),
    Column("mode", String(20), nullable=False),
    Column("prod", String(800), nullable=False),
    Column("dev", String(800), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("warehouse", String(255), nullable=False, server_default=""),  # empty while not known
    Column("thread_ts", String(40)),
    Column("permalink", Text),
    Column("expires_at", Double),
    Column("reminded_at", Double),
    Column("build_seconds", Double),
    Column("progress", Text, nullable=False, server_default=""),
    Column("progress_share", Double),
    Column("undelivered", Integer, nullable=False, server_default="0"),
    Column("body", Text, nullable=False),
    sqlite_autoincrement=True,  # an id is never given twice, whatever is deleted
)

_live = refreshes.c.state.not_in(sorted(ENDS))
for _side in ("prod", "dev"):  # the lock: an index, since it has to outlive every process and days of waiting
    Index(f"one_live_refresh_per_{_side}", refreshes.c[_side], unique=True, sqlite_where=_live, postgresql_where=_live)

audit = Table(
    "audit",
    metadata,
    Column("refresh", Integer, ForeignKey("refreshes.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("at", String(40), nullable=False),
    Column("event", String(40), nullable=False),
    Column("state", String(20), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("data", Text, nullable=False),
    Column("hash", String(64), nullable=False),
    PrimaryKeyConstraint("refresh", "n"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(200), nullable=False),
    Column("lane", String(200), nullable=False, index=True),
    Column("refresh", Integer),  # a click may name one that does not exist
    Column("channel", String(40), nullable=False),
    Column("thread", Boolean, nullable=False),
    Column("live", String(20)),
    Column("private_to", String(40), nullable=False, server_default=""),
    Column("message", Text, nullable=False),
    Column("state", String(20), nullable=False, index=True),
    Column("started_at", Double),
    Column("ts", String(40)),
    Column("error", Text),
    Column("refused_at", Double),  # since when Slack refuses it for now
    Column("created_at", Double, nullable=False),
    *_leased(),
    UniqueConstraint("key"),
    sqlite_autoincrement=True,
)

files = Table(
    "files",
    metadata,
    Column("post", Integer, ForeignKey("outbox.id"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("alt_text", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("file_id", String(40)),
    PrimaryKeyConstraint("post", "n"),
)

live_messages = Table(
    "live_messages",
    metadata,
    Column("refresh", Integer, ForeignKey("refreshes.id"), nullable=False),
    Column("live", String(20), nullable=False),
    Column("channel", String(40), nullable=False),
    Column("ts", String(40)),
    Column("wanted", Integer, nullable=False),
    Column("shown", Integer, nullable=False),
    Column("shown_at", Double),
    Column("body", Text),
    *_leased(),
    PrimaryKeyConstraint("refresh", "live"),
)

clicks = Table(
    "clicks",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("refresh", Integer),
    Column("action", String(40), nullable=False),
    Column("body", Text, nullable=False),
    Column("settled", Boolean, nullable=False, server_default=false(), index=True),
    *_leased(),
    sqlite_autoincrement=True,
)

presses = Table(  # what Slack delivers once more is known by its own identifiers, and counts once for ever
    "presses",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("refresh", Integer),  # that it asked for
    Column("at", Double, nullable=False),
)

objects = Table(
    "objects",
    metadata,
    Column("relation", String(800), primary_key=True),
    Column("kind", String(20), nullable=False),
    Column("refresh", Integer, nullable=False, index=True),
    Column("keep_until", Double),
    Column("body", Text, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("unique_id", String(500), primary_key=True),
    Column("body", Text, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("relation", String(800), nullable=False),
    Column("at", Double, nullable=False),
    PrimaryKeyConstraint("relation", "at"),
)

model_index = Table(
    "model_index",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("body", Text, nullable=False),
)

project_problem = Table(
    "project_problem",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("body", Text, nullable=False),
)

unrecorded = Table(
    "unrecorded",
    metadata,
    Column("key", String(800), primary_key=True),
    Column("taken_over", Boolean, nullable=False, server_default=false()),
    Column("body", Text, nullable=False),
)
