"""What the warehouse shows that this installation did, and its database does not know: the database is an older copy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.model.tables import Relation


class Trace(StrEnum):
    """What was found. The first three changed production or were about to; the others are only left behind."""

    PROMOTION = "promotion"
    UNDO = "undo"
    BACKUP = "backup"
    BEFORE_UNDO = "before undo"  # production as an undo found it, with rows of others
    CANDIDATE = "candidate"
    BASELINE = "baseline"


OF_PRODUCTION = frozenset({Trace.PROMOTION, Trace.UNDO, Trace.BACKUP})  # nothing is sent while one of these is open


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOver:
    """Who said that it happened so, and how they know."""

    by: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unrecorded:
    """One trace. `key` is the attempt of a replacement, and the SQL name of a table that was found."""

    key: str
    trace: Trace
    ref: str  # R42, as the lost database counted
    table: Relation  # the production table that was replaced, or the table that was found
    at: datetime  # by Snowflake's clock
    status: str = ""  # of a replacement, in Snowflake's word
    source: Relation | None = None  # what a replacement cloned
    query_id: str = ""
    taken_over: TakenOver | None = None
