"""Requests that nobody typed: what a submitted form asks for, and the next refresh after a promoted one; pure."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.index import Entry
from bot.model import Mode, Refresh, Request


def from_form(answers: dict[str, Any]) -> Request:
    """A form's answers as the request that a command would have been, not checked yet."""
    since, at = answers.get("since"), answers.get("at")
    mode = Mode(answers.get("mode") or Mode.FULL_REFRESH)
    return Request(
        model=answers.get("model") or "",
        mode=mode,
        since=date.fromisoformat(since) if since and mode is Mode.BACKFILL else None,
        columns=tuple((answers.get("columns") or "").replace(",", " ").split()),
        at=(date.fromisoformat(at),) if at else (),
        warehouse=answers.get("warehouse") or "",
        reason=answers.get("reason") or "",
    )


def downstream(before: Refresh, entry: Entry) -> Request:
    """What the next level needs: a backfill from the same date where the model honours it, else its own full refresh."""
    old = before.request
    since = old.since or min(old.at, default=None)
    dated = entry.materialized == "incremental" and entry.reads_date and since is not None
    return Request(
        model=entry.unique_id,
        mode=Mode.BACKFILL if dated else Mode.FULL_REFRESH,
        since=since if dated else None,
        at=old.dates,
        reason=old.reason,
        from_refresh=before.id,
    )
