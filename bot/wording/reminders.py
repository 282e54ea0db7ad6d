"""What is said again while a refresh waits for people: who can act, and what the buttons of the post above do."""

from __future__ import annotations

from datetime import datetime

from bot.decisions import refused, unverified
from bot.model import Refresh
from bot.wording.text import clock, mention, sentences


def awaiting(refresh: Refresh, waits: str, now: datetime) -> str:
    """R42 still waits for a decision: 1 of @data-approvers, not @alice · waits for 2 explanations."""
    return sentences(f"*{refresh.ref} still waits for a decision:*", f"{waits}.", _expires(refresh, now))


def nothing(refresh: Refresh, who: str, now: datetime) -> str:
    may = f"{mention(refresh.asker)} or one of {who} ends it with *Close*, so that the table is free again."
    return sentences(f"*{refresh.ref} would change nothing:*", may, _expires(refresh, now))


def stale(refresh: Refresh, who: str, ways_on: str, now: datetime) -> str:
    may = f"it goes on when {mention(refresh.asker)} or one of {who} says so."
    return sentences(f"*{refresh.ref} is still withdrawn:*", may, ways_on, _expires(refresh, now))


def faulty(refresh: Refresh, who: str, choices: str) -> str:
    may = f"one of {who} {'looks again, ' if unverified(refresh) else ''}undoes it or accepts it."
    still = "could still not be verified" if unverified(refresh) else "production is still not as approved"
    return sentences(f"*{refresh.ref} was promoted, and {still}:*", may, choices)


def needs_attention(refresh: Refresh, who: str, choices: str) -> str:
    may = f"one of {who} {'lets it go back' if refused(refresh) else 'says what happened to production'}."
    return sentences(f"*{refresh.ref} still needs a person:*", may, choices)


def _expires(refresh: Refresh, now: datetime) -> str:
    return f"It expires {clock(refresh.expires_at, now)}." if refresh.expires_at else ""
