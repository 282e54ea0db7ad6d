"""Is the dev table what dbt built, or did another session write to it? From the catalogue's own times only; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.model import Build, Token

_EXACT = timedelta(seconds=1)  # the catalogue and the query history may round


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a build began with: a backfill's copy of the baseline, None where dev was empty; the baseline's rows."""

    dev: Token | None
    rows: int
    alone: bool  # no hook of the model writes to its table too


def problem(build: Build, start: Start, now: Token, ran: Mapping[str, tuple[datetime, datetime]]) -> str:
    """Why `now` is not known to be what `build` left behind, in words for the log; "" where it is.

    `ran` are start and end of dbt's statements by query id, as far as Snowflake shows them.
    """
    left = build.left
    if left is None:
        return "dbt's own session could not look at the table"
    if _same(left) != _same(now):
        return f"dbt left {left}, and now there is {now}"
    if start.dev is not None:
        return "" if _merged(build, start, left) else f"dbt began on {start.dev} and left {left}"
    if not set(build.query_ids) <= set(ran):
        return ""  # the history is late: only what dbt itself saw is known
    return "" if _within(left, list(ran.values())) else f"no statement of dbt's made the table of {left.created}"


def problem_after_rename(build: Build, now: Token) -> str:
    """As `problem`, of the renamed table: a rename may move the marker of changes, and nothing else."""
    left = build.left
    return "" if left is not None and _lasting(left) == _lasting(now) else f"dbt left {left}, and renamed it is {now}"


def _same(token: Token) -> tuple[object, ...]:
    return (token.last_change, *_lasting(token))


def _lasting(token: Token) -> tuple[object, ...]:
    """Without the time of its last DDL: a grant or a comment changes no row."""
    return (token.created, token.row_count, token.owner, token.kind)


def _merged(build: Build, start: Start, left: Token) -> bool:
    """Still the table that it began with, and no more rows than dbt says that it wrote."""
    most = None if build.rows_affected is None or not start.alone else start.rows + build.rows_affected
    return start.dev is not None and left.created == start.dev.created and (most is None or left.row_count <= most)


def _within(left: Token, times: Sequence[tuple[datetime, datetime]]) -> bool:
    created = datetime.fromisoformat(left.created)
    return any(start - _EXACT <= created <= end + _EXACT for start, end in times)
