"""What has to be done about a change, as values: the machine returns them, `record.py` carries them out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.messages import Live


class Topic(StrEnum):
    """What a message is about; the words are in `wording`."""

    CARD = "card"  # the live root of the thread
    PLAN = "plan"
    RESULT = "result"
    READY = "ready"  # the live approval post
    NOTHING = "nothing"
    APPROVED = "approved"  # one of several approvals; the last one shows on the promoted post
    LAPSED = "lapsed"  # approvals of people who may not approve any more
    PROMOTED = "promoted"  # the live promoted post
    FAULTY = "faulty"  # the same post where verification failed
    ACCEPTED = "accepted"
    REFUSED = "refused"  # private to the asker: there is no thread yet
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    NEEDS_ATTENTION = "needs_attention"
    SETTLED = "settled"
    UNDO_REFUSED = "undo_refused"
    UNDONE = "undone"
    AUDIT_START = "audit_start"  # in the audit channel
    AUDIT_CHANGE = "audit_change"  # production was replaced, is faulty or in doubt, or a doubt is settled
    AUDIT_END = "audit_end"


@dataclass(frozen=True, slots=True)
class Say:
    topic: Topic


@dataclass(frozen=True, slots=True)
class Touch:
    """The live message no longer shows what the row says."""

    live: Live


@dataclass(frozen=True, slots=True)
class Hold:
    """Freeze the model until a person lifts it."""


Effect = Say | Touch | Hold
