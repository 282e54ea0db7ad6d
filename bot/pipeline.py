"""What the worker does with a refresh in each state that it drives, and what each kind of failure means there.

Before the intent a failure ends or repeats the step; after it, only evidence moves the refresh on.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from bot import guards
from bot.building import FETCHES, Building
from bot.checking import Checking
from bot.decisions import NOT_VERIFIED
from bot.errors import BuildFailed, Cancelled, InDoubt, LostClaim, RefreshError, Refusal, SlackAway, Unfetched
from bot.events import Doubted, Failed, Refused, Started, Stopped, UndoRefused, Verified, Withdrawn
from bot.leases import Lease
from bot.model import DRIVEN, Problem, Refresh, State
from bot.promotion import Promoting
from bot.services import Services
from bot.session import ReadFailed, Unreachable
from bot.undo import Undoing
from bot.wording import failures as say
from bot.wording import production

_TRIES = 3  # for what may pass by itself, such as a network that is away
_VERIFICATIONS = 10  # with pauses of 1, 2, 4 ... 256 seconds
_ANSWERS = 10  # of Slack about people, likewise
_LOOKS = 5  # at what became of a statement on production, before a person is asked
log = structlog.get_logger()


class Pipeline:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._building = Building(services)
        self._checking = Checking(services)
        self._promoting = Promoting(services)
        self._undoing = Undoing(services)

    def drive(self, lease: Lease) -> bool:
        """Go on from where the refresh stands until it waits for a person or has ended; False where it waits for Snowflake.

        Raises what the worker should retry after a while; the lease is given back then.
        """
        refresh = lease.claim.refresh
        first = refresh.state
        while refresh.state in DRIVEN:
            before = refresh
            try:
                refresh = self._step(refresh, lease, taken_over=before.state is first)
            except LostClaim:
                refresh = self._stop_if_asked(before, lease)
            except Cancelled:
                refresh = self._stop_if_asked(before, lease)
            except RefreshError as error:
                refresh = self._failed(self._latest(before), error, lease)
            except Exception as error:
                if lease.claim.tries(before.state) < _LOOKS:
                    raise
                broken = RefreshError(say.broken(before.ref), type(error).__name__)
                refresh = self._failed(self._latest(before), broken, lease)
            if refresh == before:  # such as for a statement that still runs
                return False
            if refresh.state is State.QUEUED:  # stopped to start again: the next claim has names of its own
                return True
        return True

    def _step(self, refresh: Refresh, lease: Lease, *, taken_over: bool) -> Refresh:
        """One step; `taken_over`: the claim found the refresh in this state, so a predecessor may have begun it."""
        stopping = refresh.stopping and refresh.state in (State.BUILDING, State.CHECKING)
        deadly = taken_over and lease.claim.deadly and refresh.state is not State.QUEUED
        if taken_over and refresh.state is State.BUILDING and (stopping or deadly):
            self._building.stop_predecessor(refresh, lease)
        if stopping:
            raise Cancelled(say.cancelled())
        if deadly:  # it would else take one worker after the other along, for ever
            raise RefreshError(say.deadly(refresh.ref, lease.claim.deaths), "no worker gave it back")
        match refresh.state:
            case State.QUEUED:
                return self._services.record(refresh, Started(at=self._services.clock()), claim=lease.claim)
            case State.BUILDING:
                return self._building.run(refresh, lease)
            case State.CHECKING:
                return self._checking.run(refresh, lease)
            case State.APPROVED:
                return self._promoting.approved(refresh, lease)
            case State.PROMOTING if taken_over:
                return self._promoting.promoting(refresh, lease)
            case State.VERIFYING:
                return self._promoting.verifying(refresh, lease)
            case State.UNDOING:
                return self._undoing.run(refresh, lease)
        raise RuntimeError(f"{refresh.ref} cannot be driven in state {refresh.state}")

    def _latest(self, refresh: Refresh) -> Refresh:
        return self._services.store.get(refresh.id) or refresh

    def _stop_if_asked(self, refresh: Refresh, lease: Lease) -> Refresh:
        """The row moved on under a step: only who wants it to stop does that while the claim is ours."""
        latest = self._latest(refresh)
        lease.renew()  # only this proves that the claim is still ours
        if not latest.stopping:
            raise LostClaim("The refresh has moved on.", f"{refresh.ref} at revision {latest.revision}")
        return self._services.record(latest, Stopped(at=self._services.clock()), claim=lease.claim)

    def _failed(self, refresh: Refresh, error: RefreshError, lease: Lease) -> Refresh:
        """What an error means depends on the state; in doubt it is raised, and the next claim looks."""
        services, now, tries = self._services, self._services.clock(), lease.claim.tries(refresh.state)
        before_intent = refresh.state is State.APPROVED or (refresh.state is State.UNDOING and refresh.undo is None)
        away = isinstance(error, Unreachable) or (isinstance(error, ReadFailed) and error.passing)
        away = away or (before_intent and isinstance(error, InDoubt))  # a backup is found, or taken under another name
        passing = away and tries < _TRIES
        passing = passing or (isinstance(error, Unfetched) and tries < FETCHES)
        passing = passing or (isinstance(error, SlackAway) and tries < _ANSWERS)
        log.warning("step failed", refresh=refresh.ref, state=refresh.state, detail=error.detail[:500])
        match refresh.state:
            case State.BUILDING | State.CHECKING if refresh.stopping and not passing:
                return services.record(refresh, Stopped(at=now), claim=lease.claim)
            case State.BUILDING if isinstance(error, Refusal):
                event = Refused(at=now, problem=_problem("refused", error))
                return services.record(refresh, event, claim=lease.claim)
            case State.BUILDING | State.CHECKING if not passing:
                kind = "build failed" if isinstance(error, BuildFailed) else f"{refresh.state} failed"
                return services.record(refresh, Failed(at=now, problem=_problem(kind, error)), claim=lease.claim)
            case State.APPROVED if not passing:
                problem = replace(_problem(guards.RECHECK, error), text=_not_sent(error))
                event = Withdrawn(at=now, problem=problem, expires_at=services.expiry())
                return services.record(refresh, event, claim=lease.claim)
            case State.VERIFYING if tries >= _most(error) and refresh.promotion is not None:
                problem = replace(_problem(NOT_VERIFIED, error), text=production.not_verified(error.user_text))
                event = Verified(at=now, promotion=refresh.promotion, problem=problem)
                return services.record(refresh, event, claim=lease.claim)
            case State.UNDOING if refresh.undo is None and not passing:
                problem = replace(_problem("undo refused", error), text=_why_not_sent(error))
                event = UndoRefused(at=now, problem=problem)
                return services.record(refresh, event, claim=lease.claim)
            case State.PROMOTING | State.UNDOING if tries >= _LOOKS:
                problem = Problem(kind="doubt", text=production.could_not_look(error.user_text), detail=error.detail)
                return services.record(refresh, Doubted(at=now, problem=problem), claim=lease.claim)
        raise error


def _not_sent(error: RefreshError) -> str:
    return production.not_sent(_why_not_sent(error))


def _why_not_sent(error: RefreshError) -> str:
    """What was in doubt here is the backup: the doubt's own sentence is about production."""
    return production.no_backup(error.detail) if isinstance(error, InDoubt) else error.user_text


def _most(error: RefreshError) -> int:
    """How often production is looked at before it counts as not verified: longer than an outage of some minutes."""
    return _VERIFICATIONS if isinstance(error, Unreachable | InDoubt) else _TRIES


def _problem(kind: str, error: RefreshError) -> Problem:
    attachment = error.compiled_sql if isinstance(error, BuildFailed) else ""
    return Problem(kind=kind, text=error.user_text, detail=error.detail, attachment=attachment)
