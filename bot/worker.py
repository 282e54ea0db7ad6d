"""The worker: APScheduler as clock and pool, our table as the record.

Every job lives in memory only and can be lost at any moment; what has to be done is always asked of the store.
Builds, promotions, clicks and lookups have threads of their own, so that an approval never waits behind a build.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.errors import ClickTaken, LostClaim, RefreshError
from bot.leases import ClickLease, Lease
from bot.messages import Click, Post
from bot.model import BUILDS, DRIVEN, State
from bot.outbox import Delivery
from bot.patience import doubled
from bot.settings import WorkerSection
from bot.store import Claim, Store
from bot.wording.queue import place

log = structlog.get_logger()

PROMOTIONS = DRIVEN - BUILDS
_PROMOTION_SLOTS = 2
_CLICK_SLOTS = 2
LOOKED = frozenset({"approve", "explain", "waive"})  # clicks that production is looked at for (design section 2.7)
_LOOK_SLOTS = 2
_LOOKUPS = frozenset({"plan"})  # clicks that run dbt, which takes its time
_LOOKUP_SLOTS = 1
_CLICK_TRIES = 5
_DELIVER_SECONDS = 0.5
_LAST_DELIVERY = 5.0
_LONGEST_PAUSE = 300.0
_WAITING = 4  # what only waits is looked at again after the pause of so many tries
_TICK = timedelta(seconds=1)
_SPARE_THREADS = 32  # of a lane, for what hangs

T = TypeVar("T")
Timers = Mapping[str, tuple[float, Callable[[], object]]]


class _Lane(Generic[T]):
    """One kind of work: how to claim a piece, how to do it, and how many at the same time."""

    def __init__(self, name: str, slots: int, claim: Callable[[int], list[T]], work: Callable[[T], None]) -> None:
        self.name = name
        self.slots = slots
        self.claim = claim
        self.work = work
        self.free = threading.Semaphore(slots)
        self._busy: set[int] = set()  # the threads that hold a slot
        self._one = threading.Lock()

    def take(self) -> int:
        """Occupy every free slot; returns how many."""
        taken = 0
        while self.free.acquire(blocking=False):
            taken += 1
        return taken

    def give_back(self, count: int) -> None:
        if count:
            self.free.release(count)

    def enter(self, thread: int) -> None:
        with self._one:
            self._busy.add(thread)

    def holds(self, thread: int) -> bool:
        with self._one:
            return thread in self._busy

    def leave(self, thread: int) -> bool:
        """Give back the thread's slot; False when that was done before."""
        with self._one:
            held = thread in self._busy
            self._busy.discard(thread)
        self.give_back(held)
        return held


class _Scheduler(BackgroundScheduler):
    """Jobs are due by the host's clock: when that is set back, none waits longer than its own pause."""

    def _process_jobs(self) -> float | None:
        now = datetime.now(UTC)
        for job in self.get_jobs():
            trigger = job.trigger
            if isinstance(trigger, IntervalTrigger) and job.next_run_time > now + trigger.interval + _TICK:
                job.modify(next_run_time=now)
        return super()._process_jobs()


class Worker:
    """`drive` takes a claimed refresh as far as it goes without a person, and says whether it did; `decide` settles a claimed click.

    `timers` run every so many seconds in each worker: what they do must bear being done twice. `apologise` makes
    the answer to a click that could not be decided after several tries.
    """

    def __init__(
        self,
        store: Store,
        delivery: Delivery,
        drive: Callable[[Lease], object],
        decide: Callable[[ClickLease], None],
        timers: Timers,
        settings: WorkerSection,
        apologise: Callable[[Click], Post] | None = None,
    ) -> None:
        self._store = store
        self._delivery = delivery
        self._drive_one = drive
        self._decide_one = decide
        self._apologise = apologise
        self._settings = settings
        self._owner = f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._lanes: tuple[_Lane[Any], ...] = (
            _Lane("clicks", _CLICK_SLOTS, partial(self._claim_clicks, never=_LOOKUPS | LOOKED), self._decide),
            _Lane("looks", _LOOK_SLOTS, partial(self._claim_clicks, only=LOOKED), self._decide),
            _Lane("lookups", _LOOKUP_SLOTS, partial(self._claim_clicks, only=_LOOKUPS), self._decide),
            _Lane("promotions", _PROMOTION_SLOTS, partial(self._claim, PROMOTIONS), self._drive),
            _Lane("builds", settings.steps, self._claim_builds, self._drive),
        )
        self._delivering = threading.Lock()
        self._soon: set[str] = set()
        self._stopping = threading.Event()
        self._abandoned = threading.Event()
        self._held: dict[int, Lease | ClickLease] = {}  # by thread
        self._scheduler = self._schedule(timers)

    def _schedule(self, timers: Timers) -> BackgroundScheduler:
        pools = {lane.name: ThreadPoolExecutor(lane.slots + _SPARE_THREADS) for lane in self._lanes}
        scheduler = _Scheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(4), "timers": ThreadPoolExecutor(2), **pools},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        now = datetime.now(UTC)
        sweep = self._settings.sweep_seconds
        scheduler.add_job(self._sweep, "interval", seconds=sweep, id="sweep", next_run_time=now)
        scheduler.add_job(self._deliver, "interval", seconds=_DELIVER_SECONDS, id="deliver", next_run_time=now)
        for name, (seconds, run) in timers.items():
            scheduler.add_job(_timer, "interval", args=[name, run], seconds=seconds, id=name, executor="timers")
        return scheduler

    def start(self) -> None:
        self._scheduler.start()
        log.info("worker started", owner=self._owner, steps=self._settings.steps)

    def wake(self) -> None:
        """Look for work now: a listener in the same process has stored a request or a click."""
        self._run_soon("sweep", self._sweep)

    def stop(self, drain_seconds: float = 15.0) -> bool:
        """Take nothing new, let running steps end for `drain_seconds`, then leave them to the next claim.

        Returns whether everything had ended. What is left stops at its next `Lease.check`. A second call does
        nothing.
        """
        if self._stopping.is_set():
            return not self._abandoned.is_set()
        self._stopping.set()
        until = time.monotonic() + drain_seconds
        drained = all(
            lane.free.acquire(timeout=max(0.0, until - time.monotonic()))
            for lane in self._lanes
            for _ in range(lane.slots)
        )
        drained = drained and not self._held
        if not drained:
            self._abandoned.set()
        self._deliver_last()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        log.info("worker stopped", owner=self._owner, drained=drained)
        return drained

    # --- finding work -----------------------------------------------------------------------------------------------

    def _sweep(self) -> None:
        self._give_up_hung()
        for lane in self._lanes:
            if not self._stopping.is_set():
                self._fill(lane)
        self._store.tell_places(place, self._settings.builds_per_warehouse)  # to those who found no free slot

    def _give_up_hung(self) -> None:
        """What hangs keeps its thread and loses its slot with its lease: else nobody here could take it over."""
        for thread, lease in self._held.copy().items():
            if lease.lapsed and any(lane.leave(thread) for lane in self._lanes):
                log.error("step hangs", step=lease.name)

    def _fill(self, lane: _Lane[T]) -> None:
        """Give every free slot of the lane something to do."""
        slots = lane.take()
        found: list[T] = []
        try:
            found = lane.claim(slots) if slots else []
            for one in found:
                self._scheduler.add_job(self._work, args=[lane, one], executor=lane.name)
        finally:
            lane.give_back(slots - len(found))

    def _work(self, lane: _Lane[T], one: T) -> None:
        """A finished slot takes the next piece itself; waiting for the sweep would leave it idle."""
        todo, me = [one], threading.get_ident()
        lane.enter(me)
        try:
            while todo:
                lane.work(todo[0])
                self._run_soon("deliver", self._deliver)
                todo = lane.claim(1) if lane.holds(me) and not self._stopping.is_set() else []
        finally:
            lane.leave(me)

    def _claim(self, states: frozenset[State], limit: int) -> list[Claim]:
        return self._store.claim(self._owner, limit, self._settings.lease.total_seconds(), states)

    def _claim_builds(self, limit: int) -> list[Claim]:
        """Bounded per warehouse too, by all workers together."""
        lease, most = self._settings.lease.total_seconds(), self._settings.builds_per_warehouse
        return self._store.claim(self._owner, limit, lease, BUILDS, per_warehouse=most)

    def _claim_clicks(self, limit: int, **chosen: frozenset[str]) -> list[Click]:
        return self._store.claim_clicks(self._owner, limit, self._settings.lease.total_seconds(), **chosen)

    def _run_soon(self, name: str, run: Callable[[], None]) -> None:
        """Once more beside the regular job, however often it is asked for before it runs."""
        if name in self._soon or self._stopping.is_set():
            return
        self._soon.add(name)

        def once() -> None:
            self._soon.discard(name)
            run()

        self._scheduler.add_job(once)

    # --- doing it ---------------------------------------------------------------------------------------------------

    def _drive(self, claim: Claim) -> None:
        """Nothing is lost when a step breaks: the refresh is given back and tried again, later each time."""
        lease = Lease(self._store, claim, self._settings, self._abandoned)
        with structlog.contextvars.bound_contextvars(refresh=claim.refresh.ref, state=claim.was, fence=claim.fence):
            self._held[threading.get_ident()] = lease
            try:
                went = self._drive_one(lease)
            except LostClaim as lost:
                log.info("lost claim", detail=lost.detail)
                self._store.release(claim)
            except Exception as error:
                if isinstance(error, RefreshError):  # such as an outage; the pipeline has logged what failed
                    log.info("step is tried again", attempt=claim.attempt)
                else:
                    log.exception("step broke", attempt=claim.attempt)
                self._store.release(claim, retry_in=self._pause(claim.attempt))
            else:
                if went:
                    self._store.release(claim)
                else:
                    self._store.rest(claim, self._pause(_WAITING))
            finally:
                del self._held[threading.get_ident()]

    def _decide(self, click: Click) -> None:
        """Tried a few times, those counted that hung or died over it; then it is apologised for."""
        lease = ClickLease(self._store, click, self._settings, self._abandoned)
        with structlog.contextvars.bound_contextvars(click=click.id, action=click.action, refresh=click.refresh):
            self._held[threading.get_ident()] = lease
            try:
                if click.attempt > _CLICK_TRIES:
                    return self._give_up(click)
                self._decide_one(lease)
                self._store.settle_click(click)
            except ClickTaken as taken:
                log.info("click taken over", detail=taken.detail)
                self._store.retry_click(click, 0.0)
            except Exception as error:
                if isinstance(error, RefreshError):  # such as an outage
                    log.warning("click is tried again", attempt=click.attempt, detail=error.detail)
                else:
                    log.exception("click not decided", attempt=click.attempt)
                if click.attempt < _CLICK_TRIES:
                    self._store.retry_click(click, self._pause(click.attempt))
                else:
                    self._give_up(click)
            finally:
                del self._held[threading.get_ident()]

    def _give_up(self, click: Click) -> None:
        self._store.settle_click(click, (self._apologise(click),) if self._apologise else ())

    def _pause(self, attempt: int) -> float:
        return doubled(self._settings.retry_seconds, attempt, _LONGEST_PAUSE)

    def _deliver(self) -> None:
        if self._delivering.acquire(blocking=False):
            try:
                self._delivery.run_once()
            finally:
                self._delivering.release()

    def _deliver_last(self) -> None:
        """What the last steps said; the lock is kept, so that no later job begins."""
        if self._delivering.acquire(timeout=_LAST_DELIVERY):
            try:
                self._delivery.run_once()
            except Exception:
                log.exception("last delivery broke")


def _timer(name: str, run: Callable[[], object]) -> None:
    try:
        run()
    except Exception:
        log.exception("timer broke", timer=name)
