"""The life of a refresh as a table: state x event -> what it becomes and what has to be done about it.

Pure. `step` is total: a pair that stands in the table gives the next refresh and its effects, every other pair
raises NotAllowed. The store stores the result by compare-and-set and raises the revision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bot import events as e
from bot.decisions import TOO_LATE, approvals, carried, explained, refused, unverified, waived
from bot.effects import Effect, Hold, Say, Topic, Touch
from bot.messages import Live
from bot.model import ENDS, Decision, Problem, Refresh, State, UndoRequest, Verdict

Step = tuple[Refresh, tuple[Effect, ...]]


class NotAllowed(Exception):
    """This event has no meaning for the refresh as it is now; nothing was changed."""

    def __init__(self, refresh: Refresh, event: e.Event) -> None:
        super().__init__(f"{event.name!r} is not possible while {refresh.ref} is {refresh.state}")
        self.state = refresh.state
        self.event = event


def step(refresh: Refresh, event: e.Event) -> Step:
    """What `refresh` becomes by `event`, and the effects that go with it. Raises NotAllowed."""
    if isinstance(event, e.REMARKS):
        return refresh, ()
    transition = TABLE[refresh.state].get(type(event))
    if transition is None or (refresh.stopping and isinstance(event, _FORWARD)):
        raise NotAllowed(refresh, event)
    after, effects = transition(refresh, event)
    return replace(after, changed_at=event.at), effects


def allows(refresh: Refresh, event: type[e.Event]) -> bool:
    """Whether the table has a transition for this kind of event, for showing or leaving out a button."""
    if issubclass(event, e.REMARKS):
        return True
    return event in TABLE[refresh.state] and not (refresh.stopping and issubclass(event, _FORWARD))


# --- before and while building ---------------------------------------------------------------------------------


def _started(refresh: Refresh, _: e.Started) -> Step:
    return replace(refresh, state=State.BUILDING), (_CARD,)


def _planned(refresh: Refresh, event: e.Planned) -> Step:
    first = refresh.plan is None
    opening = (Say(Topic.CARD), Say(Topic.AUDIT_START)) if first else (_CARD,)
    news = () if event.plan == refresh.plan else (Say(Topic.PLAN),)  # not again when a predecessor had got so far
    return replace(refresh, plan=event.plan), (*opening, *news)


def _baseline_taken(refresh: Refresh, event: e.BaselineTaken) -> Step:
    if not refresh.plan:
        raise NotAllowed(refresh, event)
    return replace(refresh, baseline=event.baseline), (_CARD,)


def _built(refresh: Refresh, event: e.Built) -> Step:
    if not refresh.baseline:
        raise NotAllowed(refresh, event)
    return replace(refresh, state=State.CHECKING, build=event.build, candidate=event.candidate), (_CARD,)


def _checked(refresh: Refresh, event: e.Checked) -> Step:
    after = replace(
        carried(refresh, event.report),
        state=State.AWAITING,
        statements=event.statements,
        digest=event.digest,
        expires_at=event.expires_at,
        problem=None,
        withdrawn="",
    )
    ask = Say(Topic.NOTHING) if event.report.nothing_changes else Say(Topic.READY)
    return after, (_CARD, Say(Topic.RESULT), ask)


def _failed(refresh: Refresh, event: e.Failed | e.Refused) -> Step:
    after = replace(refresh, state=State.FAILED, problem=event.problem)
    if refresh.plan is None:  # no card and so no thread yet: only the asker needs to know
        return after, (Say(Topic.REFUSED),)
    return after, _end(Say(Topic.FAILED))


def _cancel_flag(refresh: Refresh, event: e.CancelAsked) -> Step:
    if refresh.cancel:
        raise NotAllowed(refresh, event)
    return replace(refresh, cancel=event.by), (_CARD,)


def _cancelled(refresh: Refresh, event: e.CancelAsked) -> Step:
    return _stopped(replace(refresh, cancel=event.by), event)


def _stopped(refresh: Refresh, event: e.Stopped | e.CancelAsked) -> Step:
    if not refresh.stopping:
        raise NotAllowed(refresh, event)
    if not refresh.cancel:
        return _built_again(refresh, refresh.again)
    after = replace(refresh, state=State.CANCELLED)
    return after, _end(Say(Topic.CANCELLED)) if refresh.plan else (Say(Topic.CANCELLED),)


def _again(refresh: Refresh, event: e.RebuildAsked) -> Step:
    """A build that runs is only stopped for more columns: the same ones it has already."""
    if refresh.stopping or not refresh.request.without(event.columns):
        raise NotAllowed(refresh, event)
    return replace(_changed_by(refresh, event), again=event.columns), (_CARD,)


# --- waiting for people ----------------------------------------------------------------------------------------


def _explained(refresh: Refresh, event: e.Explained) -> Step:
    return explained(refresh, event), (_CARD, _APPROVAL)


def _waived(refresh: Refresh, event: e.Waived) -> Step:
    return waived(refresh, event), (_CARD, _APPROVAL)


def _approved(refresh: Refresh, event: e.Approved) -> Step:
    again = any(d.by.user_id == event.by.user_id for d in approvals(refresh))
    if again or event.digest != refresh.digest:
        raise NotAllowed(refresh, event)
    decision = Decision(approve=True, by=event.by, at=event.at, digest=event.digest, wait=refresh.wait)
    after = replace(refresh, decisions=(*refresh.decisions, decision))
    if event.complete:
        return replace(after, state=State.APPROVED, expires_at=event.expires_at), (_CARD, _APPROVAL)
    return after, (_CARD, _APPROVAL, Say(Topic.APPROVED))


def _lapsed(refresh: Refresh, event: e.ApprovalsLapsed) -> Step:
    """The approvals that still count stay, and it waits for others again."""
    gone = {lapse.by.user_id for lapse in event.lapsed}
    kept = tuple(d for d in refresh.decisions if d.by.user_id not in gone)
    if kept == refresh.decisions:
        raise NotAllowed(refresh, event)
    after = replace(refresh, state=State.AWAITING, decisions=kept)
    return after, (_CARD, _APPROVAL, Say(Topic.LAPSED))


def _rejected(refresh: Refresh, event: e.Rejected) -> Step:
    decision = Decision(approve=False, by=event.by, at=event.at, digest=refresh.digest, reason=event.reason)
    after = replace(refresh, state=State.REJECTED, decisions=(*refresh.decisions, decision))
    return after, _end(Say(Topic.REJECTED))


def _expired(refresh: Refresh, _: e.Expired) -> Step:
    problem = Problem(kind=TOO_LATE, text="") if refresh.state is State.APPROVED else refresh.problem
    return replace(refresh, state=State.EXPIRED, problem=problem), _end(Say(Topic.EXPIRED))


def _withdrawn(refresh: Refresh, event: e.Withdrawn) -> Step:
    return _stale(replace(refresh, problem=event.problem), event)


def _recheck(refresh: Refresh, _: e.RecheckAsked) -> Step:
    """The same candidate against production as it is now: the step takes a fresh baseline where there is none."""
    return replace(refresh, state=State.CHECKING, baseline=None, problem=None), (_CARD, _APPROVAL)


def _rebuild(refresh: Refresh, event: e.RebuildAsked) -> Step:
    return _built_again(_changed_by(refresh, event), event.columns)


def _built_again(refresh: Refresh, columns: tuple[str, ...]) -> Step:
    """Everything about the old build goes, but the report stays until the next one, for what can be carried over."""
    after = replace(
        refresh,
        state=State.QUEUED,
        request=replace(refresh.request, columns=columns or refresh.request.columns),
        again=(),
        baseline=None,
        build=None,
        candidate=None,
        statements=(),
        digest="",
        decisions=(),
        wait=refresh.wait + 1,
        expires_at=None,
        problem=None,
    )
    return after, (_CARD, _APPROVAL)


def _changed_by(refresh: Refresh, event: e.RebuildAsked) -> Refresh:
    """Whoever asks for something else than was asked for counts as an asker from here on."""
    known = {actor.user_id for actor in refresh.askers}
    if event.by.user_id in known or not refresh.request.without(event.columns):
        return refresh
    return replace(refresh, changers=(*refresh.changers, event.by))


# --- production ------------------------------------------------------------------------------------------------


def _intended(refresh: Refresh, event: e.PromotionIntended) -> Step:
    return replace(refresh, state=State.PROMOTING, promotion=event.promotion), (_CARD, _APPROVAL)


def _promoted(refresh: Refresh, event: e.Promoted) -> Step:
    return replace(refresh, state=State.VERIFYING, promotion=event.promotion), (_CARD, _AUDIT)


def _verified(refresh: Refresh, event: e.Verified) -> Step:
    broken = event.problem or any(f.verdict is Verdict.FAIL for f in event.promotion.findings)
    state = State.FAULTY if broken else State.DONE
    after = replace(refresh, state=state, promotion=event.promotion, problem=event.problem, loss=event.loss)
    if broken:
        return after, (_CARD, _APPROVAL, Say(Topic.FAULTY), _AUDIT)
    return after, _end(Say(Topic.PROMOTED))


def _doubted(refresh: Refresh, event: e.Doubted) -> Step:
    after = replace(refresh, state=State.NEEDS_ATTENTION, problem=event.problem)
    return after, (_CARD, _APPROVAL, _PROMOTED, Say(Topic.NEEDS_ATTENTION), _AUDIT)


def _look_again(refresh: Refresh, event: e.LookAgain) -> Step:
    """Only at what is not known: what was refused, or seen to be wrong, waits for a decision."""
    faulty = refresh.state is State.FAULTY
    if refused(refresh) or (faulty and not unverified(refresh)):
        raise NotAllowed(refresh, event)
    state = State.VERIFYING if faulty else State.UNDOING if refresh.undo_request else State.PROMOTING
    return replace(refresh, state=state, problem=None), (_CARD, _APPROVAL, _PROMOTED)


def _settled(refresh: Refresh, event: e.Settled) -> Step:
    """Whoever says so stands in the thread with the reason, before what follows from it."""
    if refused(refresh) and event.happened:
        raise NotAllowed(refresh, event)
    after, effects = _as_settled(refresh, event)
    told = () if Say(Topic.AUDIT_END) in effects else (_AUDIT,)
    return after, (Say(Topic.SETTLED), *effects, *told)


def _as_settled(refresh: Refresh, event: e.Settled) -> Step:
    if refresh.undo_request:
        return _undone_now(refresh) if event.happened else _not_undone(refresh, event)
    if event.happened:
        return replace(refresh, state=State.VERIFYING, problem=None), (_CARD, _APPROVAL)
    return _stale(refresh, event)


def _accepted(refresh: Refresh, event: e.Accepted) -> Step:
    acceptance = Decision(approve=True, by=event.by, at=event.at, digest=refresh.digest, reason=event.reason)
    after = replace(refresh, state=State.DONE, acceptance=acceptance)
    return after, (*_end(Say(Topic.ACCEPTED)), _PROMOTED)


def _undo_asked(refresh: Refresh, event: e.UndoAsked) -> Step:
    """Only a faulty production may lose what others wrote, once that is counted; after a good promotion it is refused."""
    if event.forced and (refresh.state is not State.FAULTY or event.loss is None):
        raise NotAllowed(refresh, event)
    request = UndoRequest(
        by=event.by,
        at=event.at,
        forced=event.forced,
        was=refresh.state,
        problem=refresh.problem,
        reason=event.reason,
        loss=event.loss,
    )
    after = replace(refresh, state=State.UNDOING, undo_request=request, undo=None, problem=None, loss=None)
    return after, (_CARD, _PROMOTED)


def _undo_intended(refresh: Refresh, event: e.UndoIntended) -> Step:
    return replace(refresh, undo=event.undo), (_CARD,)


def _undone(refresh: Refresh, event: e.Undone) -> Step:
    return _undone_now(replace(refresh, undo=event.undo))


# --- what several transitions share ----------------------------------------------------------------------------

_CARD = Touch(Live.CARD)
_APPROVAL = Touch(Live.APPROVAL)
_PROMOTED = Touch(Live.PROMOTED)
_AUDIT = Say(Topic.AUDIT_CHANGE)


def _end(*said: Say) -> tuple[Effect, ...]:
    return (_CARD, _APPROVAL, *said, Say(Topic.AUDIT_END))


def _stale(refresh: Refresh, event: e.Withdrawn | e.Settled) -> Step:
    """Decisions are dropped so that they can never count again; the audit trail keeps them. People have all the time again."""
    why = refresh.problem.text if refresh.problem else ""
    after = replace(
        refresh, state=State.STALE, decisions=(), wait=refresh.wait + 1, withdrawn=why, expires_at=event.expires_at
    )
    return after, (_CARD, _APPROVAL, Say(Topic.WITHDRAWN))


def _undone_now(refresh: Refresh) -> Step:
    after = replace(refresh, state=State.UNDONE, problem=None)
    return after, (*_end(Say(Topic.UNDONE)), _PROMOTED, Hold())


def _not_undone(refresh: Refresh, event: e.UndoRefused | e.Settled) -> Step:
    request = refresh.undo_request
    if request is None:
        raise NotAllowed(refresh, event)
    loss = event.loss if isinstance(event, e.UndoRefused) else None
    after = replace(refresh, state=request.was, problem=request.problem, undo_request=None, undo=None, loss=loss)
    return after, (_CARD, _PROMOTED, Say(Topic.UNDO_REFUSED))


_FORWARD = (e.Planned, e.BaselineTaken, e.Built, e.Checked)  # who asked to stop is never overtaken by these

TABLE: dict[State, dict[type[e.Event], Callable[[Refresh, Any], Step]]] = {
    State.QUEUED: {e.Started: _started, e.CancelAsked: _cancelled},
    State.BUILDING: {
        e.Refused: _failed,
        e.Planned: _planned,
        e.BaselineTaken: _baseline_taken,
        e.Built: _built,
        e.Failed: _failed,
        e.CancelAsked: _cancel_flag,
        e.RebuildAsked: _again,
        e.Stopped: _stopped,
    },
    State.CHECKING: {
        e.BaselineTaken: _baseline_taken,
        e.Checked: _checked,
        e.Failed: _failed,
        e.CancelAsked: _cancel_flag,
        e.RebuildAsked: _again,
        e.Stopped: _stopped,
    },
    State.AWAITING: {
        e.Explained: _explained,
        e.Waived: _waived,
        e.Approved: _approved,
        e.ApprovalsLapsed: _lapsed,
        e.Rejected: _rejected,
        e.Expired: _expired,
        e.Withdrawn: _withdrawn,
        e.RecheckAsked: _recheck,
        e.RebuildAsked: _rebuild,
        e.CancelAsked: _cancelled,
    },
    State.APPROVED: {
        e.PromotionIntended: _intended,
        e.ApprovalsLapsed: _lapsed,
        e.Expired: _expired,
        e.Withdrawn: _withdrawn,
        e.CancelAsked: _cancelled,
    },
    State.STALE: {
        e.RecheckAsked: _recheck,
        e.RebuildAsked: _rebuild,
        e.Rejected: _rejected,
        e.Expired: _expired,
        e.CancelAsked: _cancelled,
    },
    State.PROMOTING: {
        e.PromotionIntended: _intended,  # recovery sends again, as a new attempt
        e.Promoted: _promoted,
        e.Doubted: _doubted,
    },
    State.VERIFYING: {e.Verified: _verified},
    State.FAULTY: {e.Accepted: _accepted, e.UndoAsked: _undo_asked, e.LookAgain: _look_again},
    State.NEEDS_ATTENTION: {e.LookAgain: _look_again, e.Settled: _settled},
    State.UNDOING: {
        e.UndoIntended: _undo_intended,
        e.UndoRefused: _not_undone,
        e.Undone: _undone,
        e.Doubted: _doubted,
    },
    State.DONE: {e.UndoAsked: _undo_asked},
    **{end: {} for end in ENDS - {State.DONE}},
}
