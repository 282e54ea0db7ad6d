"""The promoted post: what production is now, and how long there is a way back."""

from __future__ import annotations

from datetime import datetime

from bot.decisions import approvals, unverified
from bot.model import Refresh, State
from bot.wording.text import clock, hour, listed, mention, prose, sentences
from bot.wording.verification import unseen, verified


def promoted(refresh: Refresh) -> str:
    """Approved by @bob 14:07, promoted 14:07 UTC, verified: pass. 3,032 rows ..."""
    found = verified(refresh.promotion) if refresh.promotion else ""
    return sentences(f"*{_promoted(refresh)}, {_verdict(refresh)}.*", f"{found}." if found else "")


def _verdict(refresh: Refresh) -> str:
    """What could not be seen did not pass, and what was never looked at neither."""
    unknown = unseen(refresh.promotion) if refresh.promotion else []
    if unknown:
        return f"verified: {listed(unknown)} unknown"
    return "verified: pass" if refresh.promotion and refresh.promotion.findings else "not verified"


def _promoted(refresh: Refresh) -> str:
    promotion = refresh.promotion
    who = listed(f"{mention(d.by)} {hour(d.at)}" for d in approvals(refresh))
    when = promotion.sent_at or promotion.intended_at if promotion else refresh.changed_at
    return f"{f'Approved by {who}, promoted' if who else 'Promoted'} {clock(when)}"


def accepted(refresh: Refresh) -> str:
    acceptance = refresh.acceptance
    if not acceptance:
        return ""
    return f"Accepted as it is by {mention(acceptance.by)} {clock(acceptance.at)}: {prose(acceptance.reason)}"


def faulty(refresh: Refresh) -> str:
    """What is not as it was, worst news first; or that nobody could look."""
    text = refresh.problem.text if refresh.problem else "Production is not what was approved."
    title = "Promoted, but not verified." if unverified(refresh) else "Promoted, but verification failed."
    return f"*{title}*\n{text}"


def faulty_choices(refresh: Refresh, backup: bool) -> str:
    look = "*Look again* verifies it once more." if unverified(refresh) else ""
    undo = (
        "*Undo* puts the backup back at once."
        if backup
        else "The backup is gone, so an undo is not possible from here."
    )
    return sentences(look, undo, "*Accept* keeps production as it is, with a reason.")


def undo_in_progress(refresh: Refresh) -> str:
    who = f" {mention(refresh.undo_request.by)} asked for it" if refresh.undo_request else ""
    return f"*Being undone:*{who}; production is being replaced by the backup."


def undone(refresh: Refresh) -> str:
    who = f" by {mention(refresh.undo_request.by)}" if refresh.undo_request else ""
    return f"{_promoted(refresh)}. *Undone{who} {clock(refresh.changed_at)}.*"


def backup_kept(until: datetime, now: datetime) -> str:
    days = max(0, round((until - now).total_seconds() / 86400))
    return f"Backup kept {days} days." if days > 1 else f"Backup kept until {clock(until, now)}."


def backup_over() -> str:
    return "The backup's time is over, so there is no undo any more."


def state_note(refresh: Refresh) -> str:
    return accepted(refresh) if refresh.state in (State.DONE, State.UNDOING, State.UNDONE) else ""
