"""What can happen to a refresh, as values. `machine.step` says what each means in each state.

An event's `name` is the audit trail's word for it; `by` is the person, where one acted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from bot.model import Actor, Build, Loss, Plan, Problem, Promotion, Report, Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    name: ClassVar[str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Started(Event):
    """queued -> building: a worker has claimed it."""

    name: ClassVar[str] = "started"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Event):
    """The plan says no, before any card: one private sentence to the asker, state failed."""

    name: ClassVar[str] = "refused"
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned(Event):
    """All names are known: the card and the plan are posted."""

    name: ClassVar[str] = "planned"
    plan: Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineTaken(Event):
    name: ClassVar[str] = "baseline taken"
    baseline: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Built(Event):
    """building -> checking: the candidate is frozen."""

    name: ClassVar[str] = "built"
    build: Build
    candidate: Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Event):
    """checking -> awaiting. A digest equal to that of earlier decisions keeps them (re-check)."""

    name: ClassVar[str] = "checked"
    report: Report
    statements: tuple[str, ...]  # what Approve will send, copied to `Refresh.statements`
    digest: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """building or checking -> failed. Never used once a statement on prod may have been sent."""

    name: ClassVar[str] = "failed"
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied(Event):
    """Changes nothing, in any state: a click that policy or the state refused, kept for the trail."""

    name: ClassVar[str] = "denied"
    by: Actor
    action: str
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted(Event):
    """Changes nothing, in any state: something worth a line in the trail (dev objects dropped, token moved but content equal)."""

    name: ClassVar[str] = "noted"
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked(Event):
    """Ends it at once where nothing runs; else sets `cancel`, which the running step obeys."""

    name: ClassVar[str] = "cancel asked"
    by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Event):
    """building or checking -> cancelled, or -> queued for other columns: the step has stopped as it was asked."""

    name: ClassVar[str] = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained(Event):
    """`digest` is the new digest, after the explanation (it is part of what is approved)."""

    name: ClassVar[str] = "explained"
    by: Actor
    groups: tuple[str, ...]
    reason: str
    note: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Waived(Event):
    name: ClassVar[str] = "waived"
    by: Actor
    finding: str
    reason: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved(Event):
    """One approver's click on `digest`; `complete` when the quorum is reached: awaiting -> approved."""

    name: ClassVar[str] = "approved"
    by: Actor
    digest: str
    complete: bool
    expires_at: datetime | None = None  # of what is approved with it: until when the intent has to be committed


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """An approval that would not be taken any more, and the rule that speaks against it."""

    by: Actor
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalsLapsed(Event):
    """awaiting or approved -> awaiting: these approvers may not approve any more. The others' approvals still count."""

    name: ClassVar[str] = "approvals lapsed"
    lapsed: tuple[Lapse, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected(Event):
    name: ClassVar[str] = "rejected"
    by: Actor
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired(Event):
    """awaiting, approved or stale -> expired: the time for deciding, or for sending what was decided, is over."""

    name: ClassVar[str] = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn(Event):
    """awaiting or approved -> stale: what was compared is not what is there. Decisions no longer count."""

    name: ClassVar[str] = "withdrawn"
    problem: Problem
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RecheckAsked(Event):
    """stale -> checking: fresh baseline, same candidate."""

    name: ClassVar[str] = "re-check asked"
    by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildAsked(Event):
    """stale or awaiting -> queued: fresh baseline, new build; `columns` replaces backfill_columns when given.

    With `columns` also while building or checking, which stops first.
    """

    name: ClassVar[str] = "rebuild asked"
    by: Actor
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionIntended(Event):
    """approved -> promoting, committed before any statement is sent."""

    name: ClassVar[str] = "promotion intended"
    promotion: Promotion


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted(Event):
    """promoting -> verifying: the statement is known to have succeeded."""

    name: ClassVar[str] = "promoted"
    promotion: Promotion


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubted(Event):
    """promoting or undoing -> needs_attention: recovery could not decide what happened."""

    name: ClassVar[str] = "needs attention"
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgain(Event):
    """needs_attention -> promoting (or undoing): recovery looks once more; faulty -> verifying, when it could not be seen."""

    name: ClassVar[str] = "look again"
    by: Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(Event):
    """needs_attention: a person says whether the statement happened. Yes -> verifying (undone for an undo);
    no -> stale (done or faulty as before, for an undo)."""

    name: ClassVar[str] = "settled"
    by: Actor
    happened: bool
    expires_at: datetime  # of what waits for people again
    reason: str = ""  # how the person knows


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified(Event):
    """verifying -> done, or -> faulty when a finding of `promotion.findings` fails."""

    name: ClassVar[str] = "verified"
    promotion: Promotion
    problem: Problem | None = None
    loss: Loss | None = None  # of an undo, where production is not the candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted(Event):
    """faulty -> done: an approver accepts production as it is, with a reason."""

    name: ClassVar[str] = "accepted"
    by: Actor
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAsked(Event):
    """done or faulty -> undoing; the undo's own intent is committed by the worker before it sends."""

    name: ClassVar[str] = "undo asked"
    by: Actor
    reason: str = ""
    forced: bool = False
    loss: Loss | None = None  # with `forced`: what the form named


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoIntended(Event):
    name: ClassVar[str] = "undo intended"
    undo: Promotion


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRefused(Event):
    """undoing -> back to done or faulty: prod moved since the promotion, or the backup is gone."""

    name: ClassVar[str] = "undo refused"
    problem: Problem
    loss: Loss | None = None  # where only that is in the way


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone(Event):
    """undoing -> undone; a hold is set on the model in the same transaction."""

    name: ClassVar[str] = "undone"
    undo: Promotion


REMARKS = (Denied, Noted)  # lines of the trail that change nothing, possible in any state
