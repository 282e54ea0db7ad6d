"""The closed enumerations: state, mode, verdict, kind."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a refresh stands; the transitions are in `machine.py`."""

    QUEUED = "queued"
    BUILDING = "building"
    CHECKING = "checking"
    AWAITING = "awaiting"
    APPROVED = "approved"
    PROMOTING = "promoting"
    VERIFYING = "verifying"
    STALE = "stale"
    FAULTY = "faulty"
    NEEDS_ATTENTION = "needs_attention"
    UNDOING = "undoing"
    DONE = "done"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    UNDONE = "undone"


ENDS = frozenset({State.DONE, State.REJECTED, State.CANCELLED, State.EXPIRED, State.FAILED, State.UNDONE})
DRIVEN = frozenset(
    {State.QUEUED, State.BUILDING, State.CHECKING, State.APPROVED, State.PROMOTING, State.VERIFYING, State.UNDOING}
)  # the worker acts on these; in the others it waits for a person

BUILDS = frozenset({State.QUEUED, State.BUILDING, State.CHECKING})  # those of them that are bounded per warehouse


class Mode(StrEnum):
    FULL_REFRESH = "full-refresh"
    BACKFILL = "backfill"


class Verdict(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a relation is in Snowflake; only the first two can be refreshed."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    VIEW = "view"
    DYNAMIC = "dynamic table"
    HYBRID = "hybrid table"
    ICEBERG = "Iceberg table"
    EXTERNAL = "external table"
    OTHER = "other"
