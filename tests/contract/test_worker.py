"""The worker with a real scheduler and store: everything is driven once, nothing waits for what it need not, nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import events as e
from bot.errors import DeadlinePassed, LostClaim, RefreshError
from bot.leases import ClickLease, Lease
from bot.machine import step
from bot.messages import Click, Live, Message, Post
from bot.model import Refresh, State
from bot.outbox import Delivery
from bot.settings import WorkerSection
from bot.store import Store
from bot.worker import Worker
from sandbox.slack import SlackSandbox
from tests.contract.databases import BACKENDS, store_on
from tests.contract.slacks import CHANNEL, chat_with
from tests.refreshes import AT, BOB, DEV, EVENTS, PATHS, PROD, queued

TIMEOUT = 10.0
SLOW = WorkerSection(sweep_seconds=60)  # so that only wake() and finished slots find work
FAST = WorkerSection(sweep_seconds=0.05)


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with store_on(request.param, tmp_path) as opened:
        yield opened


class Seen:
    """What happened so far, to be waited for."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._changed = threading.Condition()

    def add(self, item: Any) -> None:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.items) >= count, TIMEOUT), self.items
            return list(self.items)


def ask(store: Store, name: str = "T", *events: type[e.Event] | e.Event) -> Refresh:
    sample = queued()
    names = ("request", "asker", "channel", "unique_id", "name")
    given: dict[str, Any] = {n: getattr(sample, n) for n in names}
    refresh = store.create(**given, prod=PROD.renamed(name), dev=DEV.renamed(name), at=AT)
    for event in events:
        refresh = record(store, refresh, EVENTS[event] if isinstance(event, type) else event)
    return refresh


def record(store: Store, refresh: Refresh, event: e.Event, **also: Any) -> Refresh:
    stored = store.commit(refresh, step(refresh, event)[0], event=event, **also)
    assert stored
    return stored


def click(refresh: int | None = None, action: str = "approve") -> Click:
    return Click(action=action, by=BOB, channel=CHANNEL, at=AT, refresh=refresh, payload={})


def end(store: Store) -> Callable[[Lease], None]:
    """A step that cancels what it drives."""

    def drive(lease: Lease) -> None:
        refresh = record(store, lease.refresh, EVENTS[e.CancelAsked], claim=lease.claim)
        if refresh.cancel and refresh.live:
            record(store, refresh, EVENTS[e.Stopped], claim=lease.claim)

    return drive


@contextmanager
def running(
    store: Store,
    slack: SlackSandbox,
    drive: Callable[[Lease], None] = lambda lease: None,
    decide: Callable[[ClickLease], None] = lambda lease: None,
    settings: WorkerSection = FAST,
    timers: dict[str, tuple[float, Callable[[], object]]] | None = None,
    apologise: Callable[[Click], Post] | None = None,
    drain: float = TIMEOUT,
) -> Iterator[Worker]:
    def render(live: Live, refresh: Refresh, _: datetime) -> Message:
        return Message(text=f"{live} {refresh.state}")

    delivery = Delivery(store, chat_with(slack), render, lambda: datetime.now(UTC), 0.0)
    worker = Worker(store, delivery, drive, decide, timers or {}, settings, apologise)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(drain)


def test_everything_is_driven_once(store: Store, slack: SlackSandbox) -> None:
    asked = [ask(store, str(n)).id for n in range(12)]
    driven, finish = Seen(), end(store)

    def drive(lease: Lease) -> None:
        finish(lease)
        driven.add(lease.refresh.id)

    with running(store, slack, drive):
        driven.wait(len(asked))
    assert sorted(driven.items) == asked
    assert store.live() == []


def test_two_workers_share_the_work(store: Store, slack: SlackSandbox) -> None:
    asked = [ask(store, str(n)).id for n in range(12)]
    driven, finish = Seen(), end(store)

    def drive(lease: Lease) -> None:
        finish(lease)
        driven.add(lease.refresh.id)

    with running(store, slack, drive), running(store, slack, drive):
        driven.wait(len(asked))
    assert sorted(driven.items) == asked


def test_at_most_so_many_builds_at_once_and_a_free_slot_takes_the_next(store: Store, slack: SlackSandbox) -> None:
    for n in range(6):
        ask(store, str(n))
    started, go, most = Seen(), threading.Semaphore(0), Seen()
    now, lock, finish = [0], threading.Lock(), end(store)

    def drive(lease: Lease) -> None:
        with lock:
            now[0] += 1
            most.add(now[0])
        started.add(lease.refresh.id)
        assert go.acquire(timeout=TIMEOUT)
        with lock:
            now[0] -= 1
        finish(lease)

    with running(store, slack, drive, settings=SLOW):
        assert started.wait(2) == [1, 2]
        go.release()
        assert started.wait(3) == [1, 2, 3]  # the sweep is a minute away
        go.release(9)
        started.wait(6)
    assert max(most.items) == 2


def test_who_finds_every_slot_busy_reads_the_place(
    store: Store, slack: SlackSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, swept, go, finish = Seen(), Seen(), threading.Event(), end(store)
    tell = store.tell_places

    def telling(say: Callable[[int], str], per_warehouse: int) -> None:
        tell(say, per_warehouse)
        swept.add(len(started.items))

    monkeypatch.setattr(store, "tell_places", telling)
    asked = [ask(store, str(n)).id for n in range(4)]

    def drive(lease: Lease) -> None:
        started.add(lease.refresh.id)
        assert go.wait(TIMEOUT)
        finish(lease)

    with running(store, slack, drive):
        started.wait(2)
        swept.wait(len(swept.items) + 2)
        waiting = [r.progress for r in map(store.get, asked) if r]
        go.set()
        started.wait(4)
    assert waiting == ["", "", "Next in line", "Waits for a free place, 1 refresh before it"]


def test_clicks_and_promotions_do_not_wait_for_builds(store: Store, slack: SlackSandbox) -> None:
    building, promoted, decided, go = Seen(), Seen(), Seen(), threading.Event()
    for n in range(3):
        ask(store, str(n))
    finish = end(store)

    def drive(lease: Lease) -> None:
        if lease.claim.was is State.QUEUED:
            building.add(lease.refresh.id)
            assert go.wait(TIMEOUT)
        else:
            promoted.add(lease.refresh.id)
        finish(lease)

    with running(store, slack, drive, lambda lease: decided.add(lease.click.action), settings=SLOW) as worker:
        building.wait(2)
        approved = ask(store, "approved", *PATHS[State.APPROVED])
        store.add_click(click(action="cancel"))
        began = time.monotonic()
        worker.wake()
        assert decided.wait(1) == ["cancel"]
        assert promoted.wait(1) == [approved.id]
        assert time.monotonic() - began < 2
        assert len(building.items) == 2
        go.set()


def test_clicks_do_not_wait_for_lookups(store: Store, slack: SlackSandbox) -> None:
    decided, go = Seen(), threading.Event()

    def decide(lease: ClickLease) -> None:
        decided.add(lease.click.action)
        assert lease.click.action != "plan" or go.wait(TIMEOUT)

    for action in ("plan", "plan", "plan", "hold"):
        store.add_click(click(action=action))
    with running(store, slack, decide=decide, settings=SLOW):
        assert sorted(decided.wait(2)) == ["hold", "plan"]
        go.set()
        assert sorted(decided.wait(4)) == ["hold", "plan", "plan", "plan"]


def test_what_is_pressed_does_not_wait_for_looks_at_large_tables(store: Store, slack: SlackSandbox) -> None:
    decided, go = Seen(), threading.Event()

    def decide(lease: ClickLease) -> None:
        decided.add(lease.click.action)
        assert lease.click.action == "cancel" or go.wait(TIMEOUT)

    for action in ("approve", "explain", "waive", "cancel"):
        store.add_click(click(action=action))
    with running(store, slack, decide=decide, settings=SLOW):
        assert sorted(decided.wait(3)) == ["approve", "cancel", "explain"]
        go.set()
        assert sorted(decided.wait(4)) == ["approve", "cancel", "explain", "waive"]


def test_a_click_that_another_worker_took_over_is_left_to_it(store: Store, slack: SlackSandbox) -> None:
    store.add_click(click())
    tried = Seen()

    def decide(lease: ClickLease) -> None:
        store.retry_click(lease.click, 0.0)  # as if the lease had lapsed
        (theirs,) = store.claim_clicks("another", 1, 60.0)
        tried.add(theirs)
        lease.renew()

    with running(store, slack, decide=decide, settings=SLOW):
        (theirs,) = tried.wait(1)
    assert store.renew_click(theirs, 60.0)


def test_a_click_is_settled_once_and_its_answer_delivered(store: Store, slack: SlackSandbox) -> None:
    number = store.add_click(click())
    decided = Seen()
    key = f"click:{time.time_ns()}"

    def decide(lease: ClickLease) -> None:
        answer = Post(key=key, channel=CHANNEL, message=Message(text=key), private_to="U0BOB")
        store.settle_click(lease.click, (answer,))
        decided.add(lease.click.id)

    with running(store, slack, decide=decide):
        slack.control.wait(lambda: key in [m["text"] for m in slack.control.private("bob")], TIMEOUT, "the answer")
    assert decided.items == [number]
    assert store.claim_clicks("x", 9) == []


@pytest.mark.parametrize("outage", [False, True])
def test_a_step_that_breaks_is_tried_again_later(
    store: Store, slack: SlackSandbox, caplog: pytest.LogCaptureFixture, outage: bool
) -> None:
    ask(store)
    tries, finish = Seen(), end(store)

    def drive(lease: Lease) -> None:
        tries.add((lease.claim.attempt, time.monotonic()))
        if lease.claim.attempt == 1:
            raise RefreshError("Snowflake does not answer.") if outage else ConnectionError("no route")
        finish(lease)

    with running(store, slack, drive):
        (first, second) = tries.wait(2)
    assert [first[0], second[0]] == [1, 2]
    assert second[1] - first[1] >= 1
    assert "step is tried again" in caplog.text if outage else "step broke" in caplog.text
    assert ("Traceback" in caplog.text) is not outage, "only what nobody foresaw"
    assert store.live() == []


def test_a_step_that_does_nothing_does_not_spin(store: Store, slack: SlackSandbox) -> None:
    ask(store)
    tries = Seen()
    with running(store, slack, tries.add):
        tries.wait(3)
    assert [lease.claim.attempt for lease in tries.items] == [1, 2, 3]


def test_a_click_that_cannot_be_decided_is_apologised_for(store: Store, slack: SlackSandbox) -> None:
    store.add_click(click())
    for _ in range(4):  # four tries are behind it
        (taken,) = store.claim_clicks("earlier", 1)
        store.retry_click(taken, 0.0)
    sorry = Seen()

    def apologise(one: Click) -> Post:
        sorry.add(one.attempt)
        return Post(key="sorry", channel=CHANNEL, message=Message(text="sorry"), private_to="U0BOB")

    def decide(_: ClickLease) -> None:
        raise ValueError("bug")

    with running(store, slack, decide=decide, apologise=apologise):
        assert sorry.wait(1) == [5]
    assert store.claim_clicks("x", 9) == []


def test_timers_run_and_survive_their_own_errors(store: Store, slack: SlackSandbox) -> None:
    ticks = Seen()

    def tick() -> None:
        ticks.add(1)
        raise RuntimeError("no warehouse")

    with running(store, slack, timers={"expiry": (0.05, tick)}):
        ticks.wait(3)


# --- leases ------------------------------------------------------------------------------------------------------------


def claimed(store: Store, **settings: Any) -> Lease:
    ask(store)
    section = WorkerSection(**settings)
    (claim,) = store.claim("me", 1, section.lease.total_seconds())
    return Lease(store, claim, section)


def test_a_step_keeps_its_lease_by_checking(store: Store) -> None:
    lease = claimed(store, lease=timedelta(seconds=0.4))
    until = time.monotonic() + 0.7
    while time.monotonic() < until:
        lease.check()
        lease.progress("building", 0.5)
        assert store.claim("other", 1, 60) == []
    shown = store.get(lease.refresh.id)
    assert shown
    assert (shown.progress, shown.progress_share) == ("building", 0.5)


def test_a_step_that_was_taken_over_learns_it(store: Store) -> None:
    lease = claimed(store, lease=timedelta(seconds=60))
    store.release(lease.claim)
    (other,) = store.claim("other", 1, 60)
    for look in (lease.renew, lambda: lease.progress("late")):
        with pytest.raises(LostClaim):
            look()
    assert store.renew(other, 60)


def test_a_step_has_a_deadline(store: Store) -> None:
    lease = claimed(store, step_deadline=timedelta(0))
    with pytest.raises(DeadlinePassed):
        lease.cancelled()
    assert lease.refresh.live


def test_a_step_sees_that_it_was_cancelled(store: Store) -> None:
    lease = claimed(store)
    assert not lease.cancelled()
    building = record(store, lease.refresh, EVENTS[e.Started], claim=lease.claim)
    record(store, building, EVENTS[e.CancelAsked])
    assert lease.cancelled()
    assert lease.refresh.state is State.QUEUED  # as it was claimed


def test_a_step_that_hangs_for_ever_is_taken_over_in_the_same_process(store: Store, slack: SlackSandbox) -> None:
    """With one slot, that of the step that hangs; it ends late and can do nothing any more."""
    ask(store)
    started, go, finish = Seen(), threading.Event(), end(store)

    def drive(lease: Lease) -> None:
        started.add(lease.claim.fence)
        if lease.claim.fence == 1:
            assert go.wait(3 * TIMEOUT)
            lease.renew()
        finish(lease)

    short = replace_steps(1).model_copy(update={"lease": timedelta(seconds=0.5)})
    with running(store, slack, drive, settings=short) as worker:
        assert started.wait(2) == [1, 2]
        ask(store, "another")
        assert started.wait(3) == [1, 2, 1]
        assert not worker.stop(0.1)  # its thread is still there
        go.set()
    assert [line.event for line in store.trail(1)].count("cancel asked") == 1


def test_a_click_that_hangs_for_ever_loses_its_slot_and_what_it_does_late_does_not_count(
    store: Store, slack: SlackSandbox
) -> None:
    """Both slots hang; the third click is decided, and who took the two over decides them."""
    for action in ("cancel", "reject", "hold"):
        store.add_click(click(action=action))
    tried, ended, go = Seen(), Seen(), threading.Event()

    def decide(lease: ClickLease) -> None:
        tried.add((lease.click.action, lease.click.attempt))
        if lease.click.action != "hold" and lease.click.attempt == 1:
            assert go.wait(3 * TIMEOUT)
            try:
                lease.check()
            finally:
                ended.add(lease.click.action)

    short = FAST.model_copy(update={"lease": timedelta(seconds=0.5)})
    with running(store, slack, decide=decide, settings=short):
        assert sorted(tried.wait(5)) == [("cancel", 1), ("cancel", 2), ("hold", 1), ("reject", 1), ("reject", 2)]
        go.set()
        ended.wait(2)
    assert store.claim_clicks("x", 9) == []


def test_a_click_that_nobody_lived_to_decide_is_apologised_for(store: Store, slack: SlackSandbox) -> None:
    store.add_click(click())
    for _ in range(5):  # taken over each time
        (taken,) = store.claim_clicks("earlier", 1, -1.0)
    sorry, decided = Seen(), Seen()

    def apologise(one: Click) -> Post:
        sorry.add(one.attempt)
        return Post(key="sorry", channel=CHANNEL, message=Message(text="sorry"), private_to="U0BOB")

    with running(store, slack, decide=decided.add, apologise=apologise):
        assert sorry.wait(1) == [taken.attempt + 1]
    assert decided.items == []
    assert store.claim_clicks("x", 9) == []


def test_a_click_has_a_deadline(store: Store) -> None:
    store.add_click(click())
    (mine,) = store.claim_clicks("me", 1)
    lease = ClickLease(store, mine, WorkerSection(step_deadline=timedelta(0)))
    with pytest.raises(DeadlinePassed):
        lease.cancelled()


# --- stopping ----------------------------------------------------------------------------------------------------------


def test_stopping_lets_a_step_end_and_starts_nothing(store: Store, slack: SlackSandbox) -> None:
    for name in "abc":
        ask(store, name)
    started, go, finish = Seen(), threading.Event(), end(store)

    def drive(lease: Lease) -> None:
        started.add(lease.refresh.id)
        assert go.wait(TIMEOUT)
        finish(lease)

    with running(store, slack, drive, settings=replace_steps(1)) as worker:
        started.wait(1)
        threading.Timer(0.2, go.set).start()
        assert worker.stop(TIMEOUT)
    assert started.items == [1]
    assert [r.id for r in store.live()] == [2, 3]


def replace_steps(steps: int) -> WorkerSection:
    return FAST.model_copy(update={"steps": steps})


def test_what_does_not_end_in_time_is_left_to_the_next(store: Store, slack: SlackSandbox) -> None:
    ask(store)
    started, told, go = Seen(), Seen(), threading.Event()
    finish = end(store)
    short = FAST.model_copy(update={"lease": timedelta(seconds=0.5)})

    def hang(lease: Lease) -> None:
        started.add(lease)
        assert go.wait(TIMEOUT)
        try:
            lease.check()
        except LostClaim as lost:
            told.add(lost.detail)
            raise

    def take_over(lease: Lease) -> None:
        finish(lease)
        started.add(lease)

    with running(store, slack, hang, settings=short) as worker:
        started.wait(1)
        assert not worker.stop(0.1)
    with running(store, slack, take_over, settings=short):
        first, second = started.wait(2)
        go.set()
        told.wait(1)
    assert second.claim.fence == first.claim.fence + 1
    assert store.live() == []
    assert store.commit(first.refresh, first.refresh, event=EVENTS[e.Expired], claim=first.claim) is None
