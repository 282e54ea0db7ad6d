"""The worker with a real scheduler and store: everything is driven once, builds hold up nothing else, nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest

from bot import events as e
from bot.errors import LostClaim, RefreshError
from bot.leases import Lease
from bot.model import State
from bot.store import Store
from sandbox.slack import SlackSandbox
from tests.contract.workers import FAST, SLOW, TIMEOUT, Seen, ask, click, end, replace_steps, running
from tests.refreshes import EVENTS, PATHS


@pytest.fixture
def clock() -> None:
    """That of the database: leases run out by themselves."""


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


def test_a_step_that_only_waits_does_not_spin_and_is_no_try(store: Store, slack: SlackSandbox) -> None:
    ask(store)
    looks = Seen()

    def drive(lease: Lease) -> bool:
        looks.add((lease.claim.attempt, time.monotonic()))
        return False

    with running(store, slack, drive, settings=FAST.model_copy(update={"retry_seconds": 0.02})):
        first, second, third = looks.wait(3)[:3]
    assert [first[0], second[0], third[0]] == [1, 1, 1]
    assert second[1] - first[1] >= 0.16  # the pause of four tries


def test_timers_run_and_survive_their_own_errors(store: Store, slack: SlackSandbox) -> None:
    ticks = Seen()

    def tick() -> None:
        ticks.add(1)
        raise RuntimeError("no warehouse")

    with running(store, slack, timers={"expiry": (0.05, tick)}):
        ticks.wait(3)


# --- stopping ---------------------------------------------------------------------------------------------------------


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
