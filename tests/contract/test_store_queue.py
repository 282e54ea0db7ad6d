"""Back-pressure: builds are bounded per warehouse, by all workers together, and who waits knows the place."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from bot import events as e
from bot.model import BUILDS, Refresh, State
from bot.store import Claim, Store
from bot.wording.queue import place
from tests.contract.databases import Clock
from tests.contract.stores import LEASE, advance, ask, bring, elsewhere


def ask_on(store: Store, name: str, warehouse: str) -> Refresh:
    return ask(store, warehouse=warehouse, **elsewhere(name))


def claim(store: Store, limit: int = 9, owner: str = "a") -> list[Claim]:
    return store.claim(owner, limit, LEASE, BUILDS, per_warehouse=2)


def numbers(claims: list[Claim]) -> list[int]:
    return [c.refresh.id for c in claims]


def test_a_full_warehouse_lets_others_pass(store: Store) -> None:
    for n, warehouse in enumerate(["SMALL", "SMALL", "SMALL", "LARGE"]):
        ask_on(store, f"T{n}", warehouse)
    assert numbers(claim(store)) == [1, 2, 4]
    assert claim(store) == []


def test_a_place_that_is_given_back_is_taken_by_the_next(store: Store) -> None:
    for n in range(4):
        ask_on(store, f"T{n}", "SMALL")
    first, _ = claim(store)
    advance(store, first.refresh, e.CancelAsked)
    assert numbers(claim(store)) == [3]


def test_a_dead_worker_holds_no_place(store: Store, clock: Clock) -> None:
    for n in range(3):
        ask_on(store, f"T{n}", "SMALL")
    assert numbers(claim(store)) == [1, 2]
    clock.forward(LEASE + 1)
    assert numbers(claim(store, owner="b")) == [1, 2]


def test_workers_that_claim_together_keep_the_bound(store: Store) -> None:
    for n in range(12):
        ask_on(store, f"T{n}", "SMALL")
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda n: claim(store, 1, f"w{n}"), range(6)))
    assert sum(map(len, found)) == 2


def test_who_waits_reads_the_place(store: Store) -> None:
    for n in range(4):
        ask_on(store, f"T{n}", "SMALL")
    claim(store)
    assert told(store) == ["", "", "Next in line", "Waits for a free place, 1 refresh before it"]


def told(store: Store) -> list[str]:
    store.tell_places(place, 2)
    return [r.progress for r in sorted(store.live(), key=lambda r: r.id)]


def test_nobody_counts_who_waits_for_another_warehouse(store: Store) -> None:
    for n, warehouse in enumerate(["SMALL", "SMALL", "LARGE", "LARGE", "SMALL", "SMALL", "LARGE", "OTHER"]):
        ask_on(store, f"T{n}", warehouse)
    assert numbers(claim(store, 4)) == [1, 2, 3, 4]
    assert store.places(2) == {5: 0, 6: 1, 7: 0, 8: 0}


def test_where_only_the_workers_are_busy_everybody_older_is_before(store: Store) -> None:
    for n, warehouse in enumerate(["SMALL", "LARGE", "OTHER"]):
        ask_on(store, f"T{n}", warehouse)
    assert store.places(2) == {1: 0, 2: 1, 3: 2}


def test_a_check_that_waits_reads_its_place_and_loses_it_when_it_is_taken(store: Store) -> None:
    stale = bring(store, State.STALE, warehouse="SMALL", **elsewhere("T"))
    for n in range(3):
        ask_on(store, f"T{n}", "SMALL")
    advance(store, stale, e.RecheckAsked)
    assert told(store)[:2] == ["Next in line", "Waits for a free place, 1 refresh before it"]
    claim(store, 1)
    assert told(store)[:2] == ["", "Next in line"]
    (retried,) = claim(store, 1)
    store.release(retried, retry_in=60.0)
    assert 2 not in store.places(2), "it waits for what went wrong to pass, not for a place"
