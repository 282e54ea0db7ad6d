"""Clicks in the worker: they wait for nothing slow, are decided once, and none is lost or kept for ever."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest

from bot.errors import DeadlinePassed
from bot.leases import ClickLease
from bot.messages import Click, Message, Post
from bot.settings import WorkerSection
from bot.store import Store
from sandbox.slack import SlackSandbox
from tests.contract.slacks import CHANNEL
from tests.contract.workers import FAST, SLOW, TIMEOUT, Seen, click, running


@pytest.fixture
def clock() -> None:
    """That of the database: leases run out by themselves."""


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
