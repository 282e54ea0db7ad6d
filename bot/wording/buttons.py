"""Labels of buttons, what a screen reader says instead, and the questions before a click counts."""

from __future__ import annotations

from bot.model import Loss, Refresh, Relation
from bot.wording.text import code, plural, prose

LABELS = {
    "approve": "Approve",
    "reject": "Reject",
    "explain": "Explain outliers",
    "waive": "Waive",
    "cancel": "Cancel",
    "close": "Close",
    "recheck": "Re-check",
    "rebuild": "Rebuild",
    "undo": "Undo",
    "accept": "Accept",
    "look": "Look again",
    "happened": "It happened",
    "not_happened": "It did not",
    "keep_dev": "Keep dev",
    "drop_dev": "Drop dev",
    "downstream": "Refresh downstream",
}
_SPOKEN = {
    "add_clocks": "Add what says when a row was written to",
    "add_columns": "Rebuild with more columns",
    "explain": "Explain the outliers of",
    "waive": "Waive a finding of",
    "recheck": "Check again",
    "undo_forced": "Undo in spite of later changes",
    "accept": "Accept production as it is after",
    "look": "Look again what happened to",
    "happened": "The statement happened for",
    "not_happened": "The statement did not happen for",
    "keep_dev": "Keep the dev tables of",
    "drop_dev": "Drop the dev tables of",
    "downstream": "Refresh a model downstream of",
}


def spoken(action: str, refresh: Refresh) -> str:
    """Approve refresh R42 of ez_metrics"""
    verb = _SPOKEN.get(action, LABELS.get(action, action))
    return f"{verb} refresh {refresh.ref} of {refresh.name}"


def add_columns(count: int) -> str:
    return f"Rebuild with {plural(count, 'column')}"


def add_clocks(count: int) -> str:
    return "Add it" if count == 1 else "Add them"


def go_back() -> str:
    """Where Snowflake has said that nothing happened, nobody has to say it again."""
    return "Go back"


def downstream_one(name: str) -> str:
    return f"Refresh {name}"


def pick_downstream() -> str:
    return "Refresh downstream …"


def undo_anyway(loss: Loss) -> str:
    """Undo anyway: lose 2 rows"""
    return f"Undo anyway: lose {'' if loss.exact else 'up to '}{plural(loss.written, 'row')}"


def approve_title(refresh: Refresh) -> str:
    return f"Approve {refresh.ref}?"


def approve_question(prod: Relation, rows: int | None, digest: str) -> str:
    size = f" ({plural(rows, 'row')})" if rows is not None else ""
    return f"{code(prod)}{size} is replaced by the candidate that was compared. A backup is taken first. Digest {code(digest[:8])}."


def drop_title() -> str:
    return "Drop what is left in dev?"


def drop_question(refresh: Refresh) -> str:
    return f"Drops the baseline and the candidate of {prose(refresh.name, 80)} ({refresh.ref}). The backup of production stays."


def yes(action: str) -> str:
    return {"approve": "Approve", "drop_dev": "Drop"}[action]


def no() -> str:
    return "Not yet"


def try_again() -> str:
    return "Try again"


def open_form() -> str:
    return "Open the form"
