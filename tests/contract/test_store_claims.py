"""Leases: one worker at a time, whoever freezes or dies, and no accepted cancel ignored."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from bot import events as e
from bot.messages import Click, Live
from bot.model import Refresh, State
from bot.store import Claim, Decided, Held, Hold, Store
from bot.store.refreshes import DEATHS
from tests.contract.databases import Clock
from tests.contract.stores import LEASE, a_click, advance, ask, bring, commit, elsewhere, post, pressed
from tests.refreshes import AT, BOB, UNIQUE_ID

# --- claims ------------------------------------------------------------------------------------------------------------


def test_a_claim_is_exclusive_until_it_lapses(store: Store, clock: Clock) -> None:
    ask(store)
    (first,) = store.claim("a", 5, LEASE)
    assert (first.was, first.attempt) == (State.QUEUED, 1)
    assert store.claim("b", 5, LEASE) == []
    clock.forward(LEASE - 1)
    assert store.renew(first, LEASE)
    clock.forward(LEASE - 1)
    assert store.claim("b", 5, LEASE) == []
    clock.forward(2)
    (second,) = store.claim("b", 5, LEASE)
    assert (second.fence, second.attempt) == (first.fence + 1, 1)


def test_only_what_was_tried_to_its_end_counts_as_a_try(store: Store, clock: Clock) -> None:
    """Three workers that died over it and one that stopped are no outages: the first lost reply is not the last."""
    ask(store)
    for _ in range(3):
        store.claim("dies", 1, LEASE)
        clock.forward(LEASE + 1)
    (stops,) = store.claim("stops", 1, LEASE)
    store.release(stops)
    (outage,) = store.claim("hears nothing", 1, LEASE)
    assert (outage.fence, outage.attempt) == (5, 1)
    store.release(outage, retry_in=0.0)
    (again,) = store.claim("b", 1, LEASE)
    assert (again.tries(State.QUEUED), again.tries(State.BUILDING)) == (2, 1)
    building = advance(store, again.refresh, e.Started, claim=again)
    store.release(again, retry_in=0.0)  # an outage in the next state is the first there
    (third,) = store.claim("b", 1, LEASE)
    assert (third.refresh.state, third.attempt) == (building.state, 2)


def test_what_only_waits_is_no_try(store: Store, clock: Clock) -> None:
    """A look that finds the statement still running is no look that failed."""
    ask(store)
    for _ in range(2):
        (claim,) = store.claim("a", 1, LEASE)
        store.release(claim, retry_in=0.0)
    for _ in range(3):
        (claim,) = store.claim("a", 1, LEASE)
        assert store.rest(claim, 10)
        assert store.claim("b", 1, LEASE) == []
        clock.forward(10)
    assert [c.attempt for c in store.claim("b", 1, LEASE)] == [1]


def test_workers_that_die_over_a_step_are_counted_while_it_lasts(store: Store, clock: Clock) -> None:
    ask(store)
    for died in range(DEATHS):
        (claim,) = store.claim("dies", 1, LEASE)
        assert (claim.deaths, claim.deadly) == (died, False)
        clock.forward(LEASE + 1)
    (taken,) = store.claim("b", 1, LEASE)
    assert (taken.deaths, taken.deadly) == (DEATHS, True)
    assert taken.tries(State.QUEUED) > 1_000  # more than any number of tries that something is given
    assert taken.tries(State.BUILDING) == 1
    advance(store, taken.refresh, e.Started, claim=taken)
    store.release(taken)
    (next_step,) = store.claim("c", 1, LEASE)
    assert (next_step.deaths, next_step.deadly) == (0, False)


def test_a_worker_that_thaws_can_do_nothing(store: Store, clock: Clock) -> None:
    ask(store)
    (frozen,) = store.claim("a", 1, LEASE)
    clock.forward(LEASE + 1)
    (taker,) = store.claim("b", 1, LEASE)
    assert not store.renew(frozen, LEASE)
    assert not store.release(frozen)
    assert not store.progress(frozen, "late", 0.5)
    assert commit(store, frozen.refresh, e.Started, claim=frozen) is None
    assert commit(store, taker.refresh, e.Started, claim=taker) is not None


def test_a_thread_that_thaws_can_do_nothing_although_its_own_process_took_over(store: Store, clock: Clock) -> None:
    """The owner is a process; the number of the claim tells its threads apart."""
    ask(store)
    (frozen,) = store.claim("a", 1, LEASE)
    clock.forward(LEASE + 1)
    (taker,) = store.claim("a", 1, LEASE)
    assert not store.renew(frozen, LEASE)
    assert not store.release(frozen)
    assert commit(store, frozen.refresh, e.Started, claim=frozen) is None
    assert commit(store, taker.refresh, e.Started, claim=taker) is not None


def test_a_lapsed_lease_that_nobody_took_still_counts(store: Store, clock: Clock) -> None:
    ask(store)
    (slow,) = store.claim("a", 1, LEASE)
    clock.forward(LEASE * 5)
    assert commit(store, slow.refresh, e.Started, claim=slow) is not None


def test_many_workers_never_share_a_refresh(store: Store) -> None:
    asked = [ask(store, **elsewhere(str(n))).id for n in range(20)]
    seen: list[int] = []

    def work(name: str) -> None:
        while claims := store.claim(name, 2, LEASE):
            seen.extend(c.refresh.id for c in claims)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, "abcdef"))
    assert sorted(seen) == asked


def test_only_what_a_worker_drives_is_claimed(store: Store) -> None:
    drivable = {bring(store, state, **elsewhere(state)).id: state for state in State}
    claimed = {c.refresh.id for c in store.claim("a", 99, LEASE)}
    waits = {State.AWAITING, State.STALE, State.FAULTY, State.NEEDS_ATTENTION}
    ends = {State.DONE, State.REJECTED, State.CANCELLED, State.EXPIRED, State.FAILED, State.UNDONE}
    assert claimed == {number for number, state in drivable.items() if state not in waits | ends}


def test_states_can_be_claimed_apart(store: Store) -> None:
    ask(store, **elsewhere("A"))
    approved = bring(store, State.APPROVED, **elsewhere("B"))
    (claim,) = store.claim("a", 9, LEASE, {State.APPROVED})
    assert claim.refresh == approved


def test_giving_back_lets_others_try_later(store: Store, clock: Clock) -> None:
    ask(store)
    for attempt in (1, 2, 3):
        (claim,) = store.claim("a", 1, LEASE)
        assert claim.attempt == attempt
        store.release(claim, retry_in=10)
        assert store.claim("b", 1, LEASE) == []
        clock.forward(10)
    (claim,) = store.claim("a", 1, LEASE)
    building = advance(store, claim.refresh, e.Started, claim=claim)
    assert building.state is State.BUILDING
    assert store.claim("b", 1, LEASE) == []  # the claim goes on with the next state
    store.release(claim)
    assert [c.attempt for c in store.claim("b", 1, LEASE)] == [1]


def test_leaving_the_driven_states_gives_the_lease_back(store: Store) -> None:
    checking = bring(store, State.CHECKING)
    (claim,) = store.claim("a", 1, LEASE)
    awaiting = advance(store, checking, e.Checked, claim=claim)
    assert not store.renew(claim, LEASE)
    advance(store, awaiting, e.Approved)
    assert [c.was for c in store.claim("b", 1, LEASE)] == [State.APPROVED]


def test_a_person_may_overtake_a_worker_but_not_the_other_way_round(store: Store) -> None:
    approved = bring(store, State.APPROVED)
    (claim,) = store.claim("a", 1, LEASE)
    cancelled = advance(store, approved, e.CancelAsked)
    assert commit(store, approved, e.PromotionIntended, claim=claim) is None
    assert store.get(approved.id) == cancelled


def test_no_accepted_cancel_is_ignored(store: Store) -> None:
    """A cancel that lands between a step's last look and its commit still wins, however the two fall."""
    for n in range(30):
        building = bring(store, State.BUILDING, **elsewhere(str(n)))
        (claim,) = store.claim("a", 1, LEASE)
        start = threading.Barrier(2)

        def forward(building: Refresh = building, claim: Claim = claim, start: threading.Barrier = start) -> Any:
            start.wait()
            return commit(store, building, e.Built, claim=claim)

        def cancel(building: Refresh = building, start: threading.Barrier = start) -> Any:
            start.wait()
            return commit(store, building, e.CancelAsked)

        with ThreadPoolExecutor(2) as pool:
            went, stopped = pool.submit(forward), pool.submit(cancel)
        assert (went.result() is None) is (stopped.result() is not None)
        assert store.cancel_asked(building.id) is (stopped.result() is not None)


def test_a_cancel_does_not_wait_for_the_next_try(store: Store) -> None:
    building = bring(store, State.BUILDING)
    (claim,) = store.claim("a", 1, LEASE)
    store.release(claim, retry_in=300)
    assert store.claim("b", 1, LEASE) == []
    advance(store, building, e.CancelAsked)
    assert [c.refresh.stopping for c in store.claim("b", 1, LEASE)] == [True]


def test_progress_is_shown_and_gone_with_the_next_state(store: Store) -> None:
    building = bring(store, State.BUILDING)
    (claim,) = store.claim("a", 1, LEASE)
    assert store.progress(claim, "Building in dev", 0.4)
    shown = store.get(building.id)
    assert shown
    assert (shown.progress, shown.progress_share, shown.revision) == ("Building in dev", 0.4, building.revision)
    built = advance(store, shown, e.Planned, e.Built, claim=claim)
    assert built == store.get(building.id)
    assert (built.progress, built.progress_share) == ("", None)


# --- clicks ------------------------------------------------------------------------------------------------------------


def test_clicks_come_back_in_order_one_at_a_time_per_refresh(store: Store, clock: Clock) -> None:
    first, second, other, free = (
        store.add_click(a_click(refresh, action))
        for refresh, action in [(1, "explain"), (1, "approve"), (2, "cancel"), (None, "hold")]
    )
    taken = store.claim_clicks("a", 9, LEASE)
    assert [c.id for c in taken] == [first, other, free]
    assert taken[0] == replace(a_click(1, "explain"), id=first, attempt=1)
    assert store.claim_clicks("b", 9, LEASE) == []
    store.settle_click(taken[0], (post("answer", private_to="U0BOB"),))
    assert [c.id for c in store.claim_clicks("b", 9, LEASE)] == [second]
    clock.forward(LEASE + 1)
    again = store.claim_clicks("b", 9, LEASE)
    assert [(c.id, c.attempt) for c in again] == [(second, 2), (other, 2), (free, 2)]
    store.retry_click(again[0], 5)
    clock.forward(4)
    assert store.claim_clicks("c", 9, LEASE) == []
    clock.forward(1)
    assert [c.id for c in store.claim_clicks("c", 9, LEASE)] == [second]
    assert [letter.key for letter in store.take_letters("w", 9, LEASE)] == ["answer"]


def test_a_click_is_kept_while_it_is_renewed_and_not_after_somebody_else_has_taken_it(
    store: Store, clock: Clock
) -> None:
    store.add_click(a_click(1))
    (mine,) = store.claim_clicks("a", 1, LEASE)
    for _ in range(3):
        clock.forward(LEASE - 1)
        assert store.renew_click(mine, LEASE)
        assert store.claim_clicks("b", 1, LEASE) == []
    clock.forward(LEASE + 1)
    (theirs,) = store.claim_clicks("b", 1, LEASE)
    assert not store.renew_click(mine, LEASE)
    assert store.renew_click(theirs, LEASE)
    store.settle_click(theirs)
    assert not store.renew_click(theirs, LEASE)


def test_a_click_that_two_workers_decide_counts_once_and_is_answered_once(store: Store, clock: Clock) -> None:
    """The first is slow, and its lease lapses: from then on only the second counts, even before it is done."""
    awaiting = bring(store, State.AWAITING)
    click = store.add_click(a_click(awaiting.id))
    (slow,) = store.claim_clicks("a", 9, LEASE)
    clock.forward(LEASE + 1)
    (taken,) = store.claim_clicks("b", 9, LEASE)
    assert (slow.id, taken.id) == (click, click)
    for late in (e.Approved, e.Denied):
        with pytest.raises(Decided):
            commit(store, awaiting, late, click=slow, posts=(post("late", private_to="U0BOB"),))
    store.settle_click(slow, (post("late", private_to="U0BOB"),))
    store.retry_click(slow, 0.0)
    approved = commit(store, awaiting, e.Approved, click=taken)
    assert approved is not None
    trail = len(store.trail(awaiting.id))
    with pytest.raises(Decided):
        commit(store, approved, e.Denied, click=slow, posts=(post("denied", private_to="U0BOB"),))
    assert commit(store, awaiting, e.Approved, click=slow) is None
    store.settle_click(slow, (post("too late", private_to="U0BOB"),))
    assert store.get(awaiting.id) == approved
    assert len(store.trail(awaiting.id)) == trail
    assert store.take_letters("w", 9, LEASE) == []


def test_a_hold_that_two_workers_decide_is_not_put_back_after_it_was_lifted(store: Store, clock: Clock) -> None:
    hold = Hold(unique_id=UNIQUE_ID, by=BOB, at=AT)
    store.add_click(a_click(None, "hold"))
    (slow,) = store.claim_clicks("a", 9, LEASE)
    clock.forward(LEASE + 1)
    (taken,) = store.claim_clicks("b", 9, LEASE)
    store.put_on_hold(taken, hold, lambda live: [post(f"on hold, {live}")])
    assert store.held(UNIQUE_ID) == hold
    store.settle_click(pressed(store, "unhold"), lift=UNIQUE_ID)
    store.put_on_hold(slow, hold, lambda live: [post("late")])
    assert store.held(UNIQUE_ID) is None
    assert [letter.key for letter in store.take_letters("w", 9, LEASE)] == ["on hold, None"]


def test_a_hold_stops_the_promotion_or_its_answer_says_that_it_was_on_its_way(store: Store) -> None:
    """However close the two fall: the intent is not committed beside a hold that knew nothing of it."""
    start = threading.Barrier(2)

    def promote(claim: Claim) -> bool:
        start.wait()
        try:
            return commit(store, claim.refresh, e.PromotionIntended, claim=claim, unless_held=True) is not None
        except Held:
            return False

    def hold(unique_id: str, click: Click) -> Refresh | None:
        seen: list[Refresh | None] = []
        start.wait()
        put = Hold(unique_id=unique_id, by=BOB, at=AT)
        store.put_on_hold(click, put, lambda live: seen.append(live) or [post(unique_id)])
        return seen[0]

    for n in range(30):
        approved = bring(store, State.APPROVED, unique_id=f"model.{n}", **elsewhere(str(n)))
        (claim,) = [c for c in store.claim("a", 99, LEASE) if c.refresh.id == approved.id]
        with ThreadPoolExecutor(2) as pool:
            sent, known = pool.submit(promote, claim), pool.submit(hold, f"model.{n}", pressed(store, "hold"))
        now = store.get(approved.id)
        assert now == known.result()
        assert now.state is (State.PROMOTING if sent.result() else State.APPROVED)
        assert store.held(f"model.{n}")


def test_of_two_decisions_at_the_same_moment_one_counts(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    click = pressed(store, "approve", awaiting.id)
    ready = threading.Barrier(2)

    def decide(_: int) -> bool:
        ready.wait()
        try:
            return commit(store, awaiting, e.Denied, click=click) is not None
        except Decided:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(decide, range(2))) == [False, True]
    assert [line.event for line in store.trail(awaiting.id)].count("denied") == 1


def test_a_clock_that_is_set_back_an_hour_keeps_nothing_for_that_hour(store: Store, clock: Clock) -> None:
    """Whatever was leased or put off before lasts as long from then on as it would have, whoever of its owners lives."""
    ask(store)
    (dead,) = store.claim("dead", 1, LEASE)
    put_off = pressed(store, "cancel")
    store.retry_click(put_off, 5.0)
    store.answer(post("letter"))
    (letter,) = store.take_letters("dead", 1, LEASE)
    clock.forward(-3_600)
    assert store.claim("other", 1, LEASE) == []
    assert store.claim_clicks("other", 1, LEASE) == []
    assert store.take_letters("other", 1, LEASE) == []
    clock.forward(LEASE / 2)
    assert store.renew(dead, LEASE)  # who lives keeps it
    clock.forward(LEASE + 1)
    assert [c.refresh.id for c in store.claim("other", 1, LEASE)] == [dead.refresh.id]
    assert [x.id for x in store.take_letters("other", 1, LEASE)] == [letter.id]
    clock.forward(600)
    assert [c.id for c in store.claim_clicks("other", 1, LEASE)] == [put_off.id]


def test_a_message_is_drawn_anew_although_it_was_shown_in_what_is_the_future_now(store: Store, clock: Clock) -> None:
    refresh = ask(store)
    store.answer(post("card", live=Live.CARD), refresh.id)
    (letter,) = store.take_letters("sender", 1, LEASE)
    store.letter_sent(letter, "1.0", shown=1)
    store.redraw(refresh.id)
    assert store.take_live("sender", 1, LEASE, gap=4.0) == []
    clock.forward(-3_600)
    (live,) = store.take_live("sender", 1, LEASE, gap=4.0)
    assert live.wanted == 2


def test_a_press_is_stored_once_for_ever_and_presses_without_identifiers_each_time(store: Store, clock: Clock) -> None:
    first = replace(a_click(None), press="one")
    number = store.add_click(first)
    assert number is not None
    (claimed,) = store.claim_clicks("worker", 9, LEASE)
    store.settle_click(claimed)
    clock.forward(1e8)
    assert store.add_click(first) is None
    assert store.add_click(replace(first, press="two")) is not None
    assert store.add_click(a_click(None)) != store.add_click(a_click(None))
    asked = ask(store, press="three")
    assert ask(store, press="three") == asked


def test_all_processes_share_the_databases_clock(store: Store, clock: Clock) -> None:
    assert store.clock().timestamp() == clock()
    clock.forward(-3_600)
    assert store.clock().timestamp() == clock()
