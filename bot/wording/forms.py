"""Titles, labels and hints of the forms. Plain text, except where a section shows mrkdwn."""

from __future__ import annotations

from collections.abc import Sequence

from bot.decisions import unverified
from bot.model import Loss, OutlierGroup, Refresh
from bot.wording.numbers import change, number
from bot.wording.production import lost
from bot.wording.tables import column
from bot.wording.text import code, day, escape, listed, plural, prose

ASK_TITLE = "Refresh a dbt model"
EXPLAIN_TITLE = "Explain outliers"
WAIVE_TITLE = "Waive a finding"
REJECT_TITLE = "Reject"
ACCEPT_TITLE = "Accept production"
UNDO_TITLE = "Undo"
UNDO_FORCED_TITLE = "Undo anyway"
HAPPENED_TITLE = "It happened"
NOT_HAPPENED_TITLE = "It did not happen"
CLOSE = "Cancel"
SUBMIT = {
    "ask": "Start",
    "explain": "Explain",
    "waive": "Waive",
    "reject": "Reject",
    "accept": "Accept",
    "undo": "Undo",
    "undo_forced": "Undo anyway",
    "happened": "It happened",
    "not_happened": "It did not",
}

MODEL = "Model"
MODEL_HINT = "The dbt name or the table's name, words in any order."
MODEL_PLACEHOLDER = "Type a part of the name"
MODE = "How"
FULL_REFRESH = "Full refresh: rebuild everything"
BACKFILL = "Backfill: repair from a date on"
SINCE = "Backfill from"
SINCE_HINT = "For a backfill: the first day to repair."
COLUMNS = "Columns to repair"
COLUMNS_HINT = "For a backfill, separated by commas; empty means all."
AT = "Date that is wrong"
AT_HINT = "Picks the row, the picture and the spot check that people look at."
WAREHOUSE = "Warehouse"
WAREHOUSE_PLACEHOLDER = "The model's own"
REASON = "Why"
REASON_PLACEHOLDER = "Shown on the card"
CHANNEL = "Where the thread goes"

GROUPS = "Outlier groups"
GROUPS_PLACEHOLDER = "Add a group"
EXPLANATION = "Explanation"
EXPLANATION_PLACEHOLDER = "Pick one"
NOTE = "Note"
NOTE_HINT = "Needed for “other”; else a word on how you know."
FINDING = "Finding"
WAIVE_REASON = "Why it may pass"
REJECT_REASON = "Why"
ACCEPT_REASON = "Why production may stay as it is"
UNDO_REASON = "Why"
SETTLE_NOTE = "How you know"
_LISTED = 10  # groups in the introduction of a form


def explain_intro(refresh: Refresh, groups: Sequence[OutlierGroup], with_values: bool) -> str:
    """What moved, so that nobody has to leave the form to look it up."""
    listed_groups = [f"• {escape(group(g))}: {escape(group_note(g, with_values))}" for g in groups[:_LISTED]]
    if (more := len(groups) - _LISTED) > 0:
        listed_groups.append(f"• {plural(more, 'more group')}, in the result of the thread")
    several = " One reason may serve several." if len(groups) > 1 else ""
    return "\n".join([f"What moved in {code(refresh.name)} ({refresh.ref}) needs a reason.{several}", *listed_groups])


def group(found: OutlierGroup) -> str:
    """dex_volumes · 2026-04-08"""
    dates = ""
    if found.first and found.last:
        dates = day(found.first) if found.first == found.last else f"{day(found.first)} to {day(found.last)}"
    return " · ".join(p for p in (column(found.metric), dates) if p)


def group_note(found: OutlierGroup, with_values: bool) -> str:
    """11,290,000,000,000,000 -> 1,676,204,911 (-99.99999 %), or how many values moved which way and how far."""
    worst = found.worst[0] if found.worst else None
    if found.count == 1 and worst and with_values:
        share = f" ({change(worst.change)})" if worst.change is not None else ""
        return f"{number(worst.before)} -> {number(worst.after)}{share}"
    most = f", the most {change(worst.change)}" if worst and worst.change is not None and with_values else ""
    return f"{plural(found.count, 'value')}, {found.direction}{most}"


def waive_intro(refresh: Refresh) -> str:
    return f"A waiver lets one finding of {code(refresh.name)} ({refresh.ref}) through. It is shown in the thread with your name."


def reject_intro(refresh: Refresh) -> str:
    return f"Ends {refresh.ref} of {code(refresh.name)}. Production is not touched."


def accept_intro(refresh: Refresh) -> str:
    problem = refresh.problem.text if refresh.problem else ""
    fault = "could not be verified" if unverified(refresh) else "is not as approved"
    return f"{code(refresh.prod)} stays as it is, although it {fault}:\n{problem}"


def undo_intro(refresh: Refresh) -> str:
    return f"{_by_its_backup(refresh)} It is refused if anybody else wrote to production since, and says what would be lost."


def undo_forced_intro(refresh: Refresh, loss: Loss) -> str:
    """Names what is lost, as it was counted."""
    broken = f"Its {listed(loss.breaks)} break or go with it. " if loss.breaks else ""
    return (
        f"{_by_its_backup(refresh)} *{lost(loss)}* {broken}Production is backed up first, so that these rows can be brought "
        "back by hand. If there are more by then, nothing is done and you are told the new number."
    )


def _by_its_backup(refresh: Refresh) -> str:
    backup = refresh.promotion.backup if refresh.promotion else None
    rows = f" ({plural(backup.content.rows, 'row')})" if backup else ""
    return f"{code(refresh.prod)} is replaced by its backup{rows}, and the model is on hold afterwards."


def undo_typed(name: str) -> str:
    return f"Type {prose(name, 100)} to confirm"


def undo_typed_wrong() -> str:
    return "This is not the model's name."


def happened_intro(refresh: Refresh) -> str:
    verb = "put back to the backup" if refresh.undo_request else "replaced by the candidate"
    return f"You have looked at {code(refresh.prod)} yourself and it *was* {verb}. It goes on from there."


def not_happened_intro(refresh: Refresh) -> str:
    verb = "put back to the backup" if refresh.undo_request else "replaced by the candidate"
    return f"You have looked at {code(refresh.prod)} yourself and it was *not* {verb}. Nothing more is sent."


def reason_is_empty() -> str:
    return "Please say it in words: it stands in the thread as the reason."


def other_needs_text() -> str:
    return "“Other” needs a word of explanation."
