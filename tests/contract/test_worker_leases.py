"""The lease of a step: kept, lost, at its deadline, cancelled, and of a step that hangs."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from bot import events as e
from bot.errors import DeadlinePassed, LostClaim
from bot.leases import Lease
from bot.model import State
from bot.settings import WorkerSection
from bot.store import Store
from sandbox.slack import SlackSandbox
from tests.contract.workers import TIMEOUT, Seen, ask, end, record, replace_steps, running
from tests.refreshes import EVENTS


@pytest.fixture
def clock() -> None:
    """That of the database: leases run out by themselves."""


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
