"""The card: the root message of a refresh, short lines that say where it stands; what has nothing to say is left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from bot.decisions import approvals, refused, seen_undone, unverified
from bot.model import ColumnChange, Headline, Mode, Plan, Refresh, Report, Request, Side, State
from bot.wording.numbers import number, pair
from bot.wording.production import undo_not_seen
from bot.wording.sentences import called
from bot.wording.tables import column
from bot.wording.text import clock, code, day, dotted, ended, lasted, listed, mention, plural, prose

_STATES = {
    State.QUEUED: "queued",
    State.BUILDING: "building in dev",
    State.CHECKING: "comparing with production",
    State.AWAITING: "waiting for approval",
    State.APPROVED: "approved, about to be promoted",
    State.PROMOTING: "being promoted",
    State.VERIFYING: "promoted, being verified",
    State.STALE: "withdrawn, waiting for a person",
    State.FAULTY: "promoted, but verification failed",
    State.NEEDS_ATTENTION: "needs a person",
    State.UNDOING: "being undone",
    State.DONE: "done",
    State.REJECTED: "rejected",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
    State.FAILED: "failed",
    State.UNDONE: "undone",
}
UNTOUCHED = frozenset({State.FAILED, State.REJECTED, State.CANCELLED, State.EXPIRED})  # production never was
_REPLACED = frozenset({State.VERIFYING, State.FAULTY, State.DONE, State.UNDOING, State.UNDONE})
_BAR = 10


def mode(request: Request) -> str:
    return f"backfill from {day(request.since)}" if request.mode is Mode.BACKFILL and request.since else "full refresh"


def state(refresh: Refresh) -> str:
    """Where it stands, in words."""
    if refresh.cancel and refresh.state in (State.BUILDING, State.CHECKING):
        return "being cancelled"
    if refresh.again and refresh.state in (State.BUILDING, State.CHECKING):
        return f"about to begin again with {plural(len(refresh.again), 'column')}"
    if refresh.state is State.AWAITING and refresh.report and refresh.report.nothing_changes:
        return "nothing would change"
    if refresh.state is State.FAULTY and unverified(refresh):
        return "promoted, but not verified"
    return _STATES[refresh.state]


def title(refresh: Refresh) -> str:
    """R42 · ez_ethereum_metrics · backfill from 2026-04-08 · waiting for approval"""
    return f"*{dotted([refresh.ref, prose(refresh.name, 120), mode(refresh.request), state(refresh)])}*"


def outcome(refresh: Refresh) -> str:
    """Who ended it and when: promoted by @bob 14:07 · 6:12 in all."""
    match refresh.state:
        case State.DONE | State.UNDONE | State.FAULTY | State.VERIFYING | State.UNDOING:
            who = listed(mention(d.by) for d in approvals(refresh))
            when = refresh.promotion.sent_at or refresh.promotion.intended_at if refresh.promotion else None
            promoted = f"Promoted, approved by {who}" if who else "Promoted"
            took = refresh.changed_at - refresh.created_at
            total = f"{lasted(took.total_seconds())} in all" if refresh.state is State.DONE else ""
            return dotted([promoted + (f" {clock(when)}" if when else ""), _undone(refresh), total])
        case State.CANCELLED if refresh.cancel:
            return f"Cancelled by {mention(refresh.cancel)} {clock(refresh.changed_at)}. Production was not touched."
        case State.REJECTED:
            last = next((d for d in reversed(refresh.decisions) if not d.approve), None)
            if not last:
                return ""
            said = ended(f"Rejected by {mention(last.by)} {clock(last.at)}: {prose(last.reason)}")
            return f"{said} Production was not touched."
        case State.EXPIRED:
            return f"Nobody decided before {clock(refresh.changed_at)}. Production was not touched."
        case State.FAILED:
            return "Production was not touched. Why it failed stands in the thread."
    return ""


def _undone(refresh: Refresh) -> str:
    if refresh.state is not State.UNDONE or not refresh.undo_request:
        return ""
    return f"undone by {mention(refresh.undo_request.by)} {clock(refresh.changed_at)}"


def as_before(refresh: Refresh) -> str:
    """After an undo, in place of what had changed."""
    if not seen_undone(refresh):
        return undo_not_seen(refresh)
    return f"Production is as it was before the promotion: {code(refresh.prod)} holds the old values again."


def headline(line: Headline) -> str:
    """The broken number before and after, with its neighbours; literal text, narrow enough for a phone."""
    before, after = pair(line.before, line.after)
    around = [
        f"day before  {number(line.day_before)}" if line.day_before is not None else "",
        f"day after   {number(line.day_after)}" if line.day_after is not None else "",
    ]
    moved = f"{before} -> {after}" if line.before != line.after else f"{before}, unchanged"
    return "\n".join(filter(None, [f"{day(line.day)}  {column(line.metric)}", moved, *around]))


def changes(refresh: Refresh, report: Report) -> str:
    """Asked for: changed. Anything else: 0 rows, 0 columns."""
    if refresh.request.mode is Mode.FULL_REFRESH:
        found = [_columns(report.changes), *_lost_and_new(report)]
        return f"{_changed(refresh)}: {'; '.join(filter(None, found)) or 'nothing'}."
    wanted = [c for c in report.changes if c.allowed and c.window]
    beside = [c for c in report.changes if c.history or (not c.allowed and c.window)]
    rest = _columns(beside) if beside else "0 rows, 0 columns"
    done = _changed(refresh).lower() if refresh.state in UNTOUCHED else "changed"
    return f"Asked for: {done if wanted else 'unchanged'}. Anything else: {rest}."


def _changed(refresh: Refresh) -> str:
    """What was compared is not what production holds, before it is replaced and where it never was."""
    if refresh.state in UNTOUCHED:
        return "Would have changed"
    return "Changed" if refresh.state in _REPLACED or refresh.undo_request else "Would change"


def _lost_and_new(report: Report) -> list[str]:
    """Rows of one side only: by key, or without a key as whole rows."""
    numbers = next((f.numbers for f in report.findings if f.check == "parity"), {})
    lost, new = (int(str(numbers.get(name) or 0)) for name in ("keys_removed", "keys_added"))
    by_key = numbers.get("method") == "key"
    words = ("{} lost", "{} new") if by_key else ("{} only in prod", "{} only in dev")
    return [text.format(plural(count, "row")) for text, count in zip(words, (lost, new), strict=True) if count]


def _columns(changed: Sequence[ColumnChange]) -> str:
    return listed([f"{code(column(c.column))} in {plural(c.history + c.window, 'row')}" for c in changed], most=4)


def nothing_left_behind() -> str:
    return "Left behind: nothing."


def rows(baseline: Side, candidate: Side) -> str:
    """3,032 -> 3,032 rows, 2018-01-02 to 2026-04-21 on both sides"""
    counts = f"{baseline.rows:,} -> {plural(candidate.rows, 'row')}"
    before, after = _dates(baseline), _dates(candidate)
    if not before and not after:
        return counts
    dates = (
        f"{before} on both sides" if before == after else f"{before or 'no dates'} before, {after or 'no dates'} after"
    )
    return f"{counts}, {dates}"


def _dates(side: Side) -> str:
    return f"{day(side.first)} to {day(side.last)}" if side.first and side.last else ""


def written(last: datetime, seen: Sequence[datetime], now: datetime) -> str:
    """prod last written 02:14, usually nightly: approve before 02:00"""
    return f"prod last written {clock(last, now)}{_rhythm(seen, now)}"


def _rhythm(seen: Sequence[datetime], now: datetime) -> str:
    """From at least three changes of prod; nothing is said where they have no rhythm."""
    gaps = [b - a for a, b in pairwise(seen)]
    if len(gaps) < 2:
        return ""
    usual = timedelta(seconds=median(g.total_seconds() for g in gaps))
    if usual < timedelta(hours=3):
        minutes = max(1, round(usual.total_seconds() / 60))
        return (
            f", usually every {plural(minutes, 'minute') if minutes < 90 else '1 to 3 hours'}: needs a quick approver"
        )
    if not timedelta(hours=20) <= usual <= timedelta(hours=28):
        return ""
    expected = seen[-1] + usual
    while expected <= now:
        expected += usual
    word = "nightly" if expected.hour < 8 or expected.hour >= 20 else "daily"
    return f", usually {word}: approve before {clock(expected.replace(minute=0, second=0), now)}"


def asked(refresh: Refresh) -> str:
    """Asked by @alice · frozen Dune batch · warehouse ETHEREUM · code `3f9c2e1`, as in production · 1:06 to build"""
    plan, build = refresh.plan, refresh.build
    usual = f" (usually {lasted(max(1.0, plan.typical_seconds))})" if plan and plan.typical_seconds else ""
    after = f"after R{refresh.request.from_refresh}" if refresh.request.from_refresh else ""
    return dotted(
        [
            f"Asked by {mention(refresh.asker)}",
            f"changed by {listed(mention(a) for a in refresh.changers)}" if refresh.changers else "",
            after,
            prose(refresh.request.reason),
            warehouse(plan) if plan else "",
            version(plan) if plan else "",
            f"{lasted(max(1.0, build.seconds))} to build{usual}" if build else "",
        ]
    )


def warehouse(plan: Plan) -> str:
    return f"warehouse {prose(plan.warehouse)}" if plan.warehouse else ""


def version(plan: Plan) -> str:
    """code `3f9c2e1`, as in production"""
    if not plan.code:
        return ""
    same = {True: ", as in production", False: ", *not* what production was built with", None: ""}[plan.code_in_prod]
    return f"code {code(plan.code)}{' with uncommitted changes' if plan.dirty else ''}{same}"


def progress(refresh: Refresh, now: datetime) -> str:
    """Building in dev · 0:41 of about 1:10 · ▓▓▓▓▓▓░░░░"""
    doing = prose(refresh.progress) or _STATES[refresh.state].capitalize()
    since = refresh.baseline.taken_at if refresh.baseline else refresh.created_at
    gone = max(0.0, (now - since).total_seconds())
    if refresh.state is State.QUEUED or not refresh.plan:
        return doing
    if refresh.state is not State.BUILDING:
        return dotted([doing, bar(refresh.progress_share)])
    usual = refresh.plan.typical_seconds
    share = refresh.progress_share
    if share is None and usual:
        share = min(gone / usual, 0.95)
    about = f" of about {lasted(usual)}" if usual and usual >= 1 else ""
    return dotted([doing, f"{lasted(gone)}{about}", bar(share)])


def bar(share: float | None) -> str:
    if share is None:
        return ""
    full = max(0, min(_BAR, int(share * _BAR)))
    return "▓" * full + "░" * (_BAR - full)


def undeliverable(count: int) -> str:
    return (
        f"Slack refused {plural(count, 'message')} of this thread; everything is in `dbt-refresh audit`."
        if count
        else ""
    )


def wants(open_groups: int, blocked: Sequence[str]) -> str:
    """What has to happen next, as the card's last line while it waits."""
    waits = f"explain {plural(open_groups, 'outlier group')}" if open_groups else ""
    fails = f"settle {listed(map(called, blocked))}" if blocked else ""
    return f"Before an approval: {'; '.join(filter(None, (waits, fails)))}." if waits or fails else ""


def next_step(refresh: Refresh) -> str:
    """Where a person has to act, for states in which nothing goes on by itself."""
    match refresh.state:
        case State.STALE:
            return "Earlier approvals no longer count; why, and the way on, is in the thread."
        case State.NEEDS_ATTENTION:
            if refused(refresh):
                return "Snowflake refused the statement: an approver lets it go back, in the thread."
            return "It is not certain what happened to production: an approver decides in the thread."
        case State.FAULTY:
            look = "looks again, " if unverified(refresh) else ""
            return f"An approver {look}undoes it or accepts it, in the thread."
    return ""
