"""Requests that nobody typed: what a submitted form asks for, and the next refresh after a promoted one; pure."""

from __future__ import annotations

from datetime import date
from typing import Any

from bot.commands import is_name, listed
from bot.index import Entry
from bot.model import Mode, Refresh, Report, Request
from bot.wording import requests as say


def from_form(answers: dict[str, Any]) -> Request:
    """A form's answers, field by field: what one holds is never read as a command. Not checked yet."""
    since, at = answers.get("since"), answers.get("at")
    mode = Mode(answers.get("mode") or Mode.FULL_REFRESH)
    return Request(
        model=answers.get("model") or "",
        mode=mode,
        since=date.fromisoformat(since) if since and mode is Mode.BACKFILL else None,
        columns=tuple(listed(answers.get("columns") or "")),
        at=(date.fromisoformat(at),) if at else (),
        warehouse=answers.get("warehouse") or "",
        reason=" ".join((answers.get("reason") or "").split()),
    )


def wrong_in_form(answers: dict[str, Any], today: date) -> dict[str, str]:
    """What cannot be meant in a form, next to its field and without a command to type; empty: nothing."""
    request, since = from_form(answers), answers.get("since")
    backfill = request.mode is Mode.BACKFILL
    wrong = {
        "model": "" if request.model else say.choose_a_model(),
        "since": say.backfill_from() if backfill and not since else "",
        "columns": say.columns_without_backfill() if request.columns and not backfill else _no_column(request),
    }
    if since and not backfill:
        wrong["since"] = say.date_without_backfill()
    for name, when in (("since", request.since), ("at", next(iter(request.at), None))):
        if when and when > today:
            wrong[name] = say.in_the_future(when, today)
        elif when and request.since and when < request.since:
            wrong[name] = say.before_the_window(when, request.since)
    return {name: said for name, said in wrong.items() if said}


def _no_column(request: Request) -> str:
    return next((say.no_such_name(c[:80]) for c in request.columns if not is_name(c)), "")


def changed_from(request: Request, report: Report | None) -> date | None:
    """The day from which what is downstream has to be repaired: never later than the first that changed.

    It is what the report saw. A backfill changes nothing before its own date: parity fails there, and nobody may waive that.
    None: it is not known, so that only a full refresh repairs everything.
    """
    return (report.changed_from if report else None) or request.since


def downstream(before: Refresh, entry: Entry, today: date) -> Request:
    """What the next level needs: a backfill from the first changed day where the model honours it, else its own full refresh."""
    old = before.request
    since = changed_from(old, before.report)
    dated = entry.materialized == "incremental" and entry.reads_date and since is not None
    since = min(since, today) if dated and since else None
    return Request(
        model=entry.unique_id,
        mode=Mode.BACKFILL if dated else Mode.FULL_REFRESH,
        since=since,
        at=tuple(day for day in old.dates if since is None or day >= since),
        reason=old.reason,
        from_refresh=before.id,
    )
