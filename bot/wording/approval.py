"""The approval post: what is asked, what is in the way, and who decided what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.decisions import approvals, refused, too_late
from bot.model import Explanation, Finding, Mode, Refresh, Report, State, Verdict, Waiver
from bot.wording.numbers import share
from bot.wording.sentences import called
from bot.wording.tables import columns
from bot.wording.text import clock, code, dotted, listed, mention, plural, prose, sentences

REASONS = {
    "upstream correction": "known upstream correction",
    "revaluation": "price revaluation",
    "late data": "late-arriving data",
    "other": "other",
}


_MOVED = ("keys_removed", "keys_added", "rows_changed", "history_differ", "history_missing", "history_extra")
_MOVED += ("window_missing", "window_new", "window_changed", "window_outside", "values")


def ready(refresh: Refresh, *, needed: int, who: str, waits: str, fails: bool, source: str = "", now: datetime) -> str:
    """Ready for approval · 1 of @data-approvers, not @alice, by `[policy]` · expires tomorrow 14:05 · waits for 2 explanations"""
    head = "*Not ready for approval*" if fails else "*Ready for approval*"
    expires = f"expires {clock(refresh.expires_at, now)}" if refresh.expires_at else ""
    return dotted(
        [head, f"{needed_of(needed, who)}, {source}" if who and source else needed_of(needed, who), expires, waits]
    )


def needed_of(count: int, who: str) -> str:
    """1 of @data-approvers, not @alice"""
    return f"{count} of {who}" if who else ""


def blocked(refresh: Refresh, *, waits: str, now: datetime) -> str:
    expires = f"expires {clock(refresh.expires_at, now)}" if refresh.expires_at else ""
    return dotted(["*Cannot be approved as it is*", waits, expires])


def who(lists: Sequence[Sequence[str]], askers: Sequence[str] = ()) -> str:
    """@data-approvers, not @alice"""
    names = " who are also ".join(listed([mention(e) for e in entries], "or", most=4) for entries in lists)
    return f"{names}, not {listed(map(mention, askers), 'or')}" if askers and names else names


def nobody() -> str:
    return "nobody yet (`policy.approvers` is empty)"


def waits_for(groups: int, findings: Sequence[str]) -> str:
    """waits for 2 explanations, and for sanity to be repaired or waived"""
    parts = [
        plural(groups, "explanation") if groups else "",
        f"{listed(map(called, findings))} to be repaired or waived" if findings else "",
    ]
    present = [p for p in parts if p]
    return f"waits for {', and for '.join(present)}" if present else ""


def fails(findings: Sequence[str]) -> str:
    return f"{listed(map(called, findings))} in the way, and nobody may waive that" if findings else ""


def will_send(count: int) -> str:
    return f"Approve sends {'this statement' if count == 1 else f'these {count} statements'}, and nothing else:"


def explained(found: Sequence[Explanation]) -> list[str]:
    """Explained by @bob: known upstream correction, "Dune re-published the batch". One line per person and reason."""
    lines: dict[tuple[str, str, str], int] = {}
    for x in found:
        key = (x.by.user_id, x.reason, x.note)
        lines[key] = lines.get(key, 0) + 1
    return [
        f"Explained by {mention(user)}{f' ({count} groups)' if count > 1 else ''}: {reason(why, note)}."
        for (user, why, note), count in lines.items()
    ]


def reason(why: str, note: str) -> str:
    word = REASONS.get(why, prose(why))
    return f"{word}, “{prose(note)}”" if note and word != "other" else f"“{prose(note)}”" if note else word


def waived(found: Sequence[Waiver], report: Report | None) -> list[str]:
    """Each waiver with its reason, and with the share of rows that nobody compared."""
    numbers = {f.name: f.numbers for f in report.findings} if report else {}
    return [
        f"Waived by {mention(w.by)}: {called(w.finding)}{_unseen(numbers.get(w.finding, {}))}, “{prose(w.reason)}”."
        for w in found
    ]


def _unseen(n: Mapping[str, Any]) -> str:
    gone, of = n.get("unpaired", 0), n.get("production", 0)
    return f" ({gone:,} of {plural(of, 'row')} of production, {share(gone, of)}, not compared)" if gone else ""


def approved_so_far(refresh: Refresh, needed: int) -> str:
    given = approvals(refresh)
    if not given:
        return ""
    return f"Approved by {listed(f'{mention(d.by)} {clock(d.at)}' for d in given)}; {needed} more needed."


def decided(refresh: Refresh) -> str:
    """The post after the decision, for every state in which there is nothing to press."""
    given = listed(f"{mention(d.by)} {clock(d.at)}" for d in approvals(refresh))
    match refresh.state:
        case State.REJECTED:
            last = next((d for d in reversed(refresh.decisions) if not d.approve), None)
            return f"*Rejected* by {mention(last.by)} {clock(last.at)}: {prose(last.reason)}" if last else "*Rejected*"
        case State.CANCELLED:
            who_ended = f" by {mention(refresh.cancel)}" if refresh.cancel else ""
            return f"*Cancelled*{who_ended} {clock(refresh.changed_at)}"
        case State.EXPIRED if too_late(refresh):
            return f"*Expired* {clock(refresh.changed_at)}: approved by {given}, and not sent in time"
        case State.EXPIRED:
            return f"*Expired* {clock(refresh.changed_at)}: nobody decided in time"
        case State.FAILED:
            return "*Not approved*: the refresh failed"
        case State.QUEUED | State.BUILDING:
            return "*Built again* on a fresh copy of production; the new result follows below"
        case State.CHECKING:
            return "*Compared again* with production as it is now; the new result follows below"
    return f"*Approved* by {given}" if given else "*Approved*"


def on_digest(digest: str) -> str:
    return f"digest {code(digest[:8])}" if digest else ""


def withdrawn(text: str) -> str:
    """Withdrawn. Prod changed after 13:55 ..."""
    return sentences("*Withdrawn.*", text, "Earlier approvals no longer count.")


def ways_on(recheck: bool) -> str:
    if recheck:
        return "*Re-check* compares the same candidate with production as it is now; *Rebuild* builds it anew."
    return "*Rebuild* builds it anew on production as it is now."


def in_doubt(text: str) -> str:
    return f"*Needs a person.* {text}"


def in_doubt_choices(refresh: Refresh) -> str:
    """What each button will do."""
    undo = refresh.undo_request is not None
    it, end = ("The undo", "the refresh counts as undone") if undo else ("The replacement", "production is verified")
    back = "the refresh is as it was before the undo" if undo else "the refresh is withdrawn, nothing more is sent"
    if refused(refresh):
        return f"*Go back*: {back}."
    return (
        "*Look again* reads Snowflake's history once more and sends nothing. "
        f"*It happened*: {it.lower()} is taken as done and {end}. *It did not*: {back}."
    )


def nothing(refresh: Refresh, value: str) -> str:
    """Nothing would change: the source has not been corrected yet."""
    dates = listed([d.isoformat() for d in refresh.request.dates], most=3)
    if dates and not _equal(refresh):
        holds = f" and still holds {value}" if value else ""
        return f"*{dates} would not change.* It is as in production{holds}, while other rows would change{_way_on(refresh)}."
    if value and dates:
        still = f"The candidate equals production; {dates} still holds {value}."
    elif dates:
        still = f"The candidate equals production, {dates} included."
    else:
        still = "The candidate equals production."
    return f"*Nothing would change.* {still}{_left_out(refresh)} The source has probably not been corrected yet."


def _left_out(refresh: Refresh) -> str:
    """Columns that were not compared, since they say when a row was written."""
    parity = _found(refresh, "parity")
    names = [str(name) for name in _listed(parity.numbers.get("clock"))] if parity else []
    they = "it says" if len(names) == 1 else "they say"
    return f" Not compared: {columns(names)}, since {they} when a row was written." if names else ""


def _listed(names: object) -> Sequence[object]:
    return names if isinstance(names, (list, tuple)) else ()


def _equal(refresh: Refresh) -> bool:
    """A day can be as it was while rows come, go or change elsewhere, in columns or as a whole."""
    parity = _found(refresh, "parity")
    nulls = _found(refresh, "turned null")
    moved = any(found and found.numbers.get(name) for found in (parity, nulls) for name in _MOVED)
    return refresh.report is None or not (refresh.report.changes or moved)


def _way_on(refresh: Refresh) -> str:
    """A backfill's date stands for the wrong day where none is named, so it needs one; no date helps where parity is lost."""
    parity, where = _found(refresh, "parity"), _found(refresh, "parity:where")
    if parity and parity.verdict is Verdict.FAIL and not parity.waivable:
        return ", and parity fails: close this"
    if refresh.request.mode is not Mode.BACKFILL:
        return ": close this, or ask without that date"
    first = where.numbers.get("first") if where else ""
    return f": close this, or ask with {code(f'at={first}')}" if first else ": close this, or name a day that is wrong"


def _found(refresh: Refresh, name: str) -> Finding | None:
    return next((f for f in refresh.report.findings if f.name == name), None) if refresh.report else None


def replaced() -> str:
    """Above a post that another one below has taken the place of."""
    return "No longer counts; the post below does."


def closed(refresh: Refresh) -> str:
    by = f" by {mention(refresh.cancel)}" if refresh.cancel else ""
    return f"Closed{by}. Production was not touched."
