"""The store on a real database: locks, compare-and-set, leases, and what one transaction holds together."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot import audit
from bot import events as e
from bot.index import Entry, Index
from bot.machine import step
from bot.messages import AUDIT_HEAD, Attachment, Click, Live, Message, Post
from bot.model import Actor, Mode, Refresh, Relation, Series, State
from bot.store import Claim, Held, Hold, Store, Taken
from bot.store.codec import dumps, loads
from bot.store.tables import metadata
from tests.contract.databases import BACKENDS, Clock, store_on
from tests.refreshes import ALICE, AT, BOB, DAY, DEV, EVENTS, PATHS, PROD, UNIQUE_ID, queued, report

LEASE = 60.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with store_on(request.param, tmp_path, clock) as opened:
        yield opened


def ask(store: Store, **changes: Any) -> Refresh:
    sample = queued()
    given = {
        name: getattr(sample, name) for name in ("request", "asker", "channel", "unique_id", "name", "prod", "dev")
    }
    return store.create(**{**given, "at": AT, **changes})


def commit(store: Store, before: Refresh, event: e.Event | type[e.Event], **also: Any) -> Refresh | None:
    happened = EVENTS[event] if isinstance(event, type) else event
    return store.commit(before, step(before, happened)[0], event=happened, **also)


def advance(store: Store, refresh: Refresh, *events: e.Event | type[e.Event], **also: Any) -> Refresh:
    for event in events:
        stored = commit(store, refresh, event, **also)
        assert stored is not None
        refresh = stored
    return refresh


def bring(store: Store, state: State, **changes: Any) -> Refresh:
    return advance(store, ask(store, **changes), *PATHS[state])


def post(key: str, **changes: Any) -> Post:
    return replace(Post(key=key, channel="C0INCIDENTS", message=Message(text=key)), **changes)


def elsewhere(name: str) -> dict[str, Relation]:
    return {"prod": PROD.renamed(name), "dev": DEV.renamed(name)}


# --- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", list(State))
def test_a_refresh_in_any_state_is_read_back_as_it_was(store: Store, state: State) -> None:
    stored = bring(store, state)
    assert store.get(stored.id) == stored
    assert stored.state is state
    assert stored.revision == len(PATHS[state]) + 1


def test_numbers_survive_exactly() -> None:
    days = (DAY, DAY)
    series = Series(metric="m", days=days, baseline=(1.1, float("inf")), candidate=(None, -0.0), changed=days)
    told = replace(report(), series=series)
    assert loads(type(told), dumps(told)).series == series
    assert dumps(loads(type(told), dumps(told))) == dumps(told)


def test_the_migrations_make_the_tables_that_the_code_uses(store: Store) -> None:
    store.migrate()
    with store.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    assert store.installation.isalnum()


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new' / 'refresh.db'}"
    stores = [Store(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Store.migrate, stores))
    assert len({s.installation for s in stores}) == 1
    for opened in stores:
        opened.close()


# --- locks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["prod", "dev"])
def test_one_live_refresh_per_relation(store: Store, side: str) -> None:
    first = ask(store)
    free = elsewhere("OTHER") | {side: getattr(first, side)}
    with pytest.raises(Taken) as taken:
        ask(store, **free)
    assert taken.value.holder == first
    advance(store, first, e.CancelAsked)
    assert ask(store, **free).id > first.id


def test_the_lock_holds_while_people_are_waited_for(store: Store) -> None:
    waiting = [State.AWAITING, State.STALE, State.FAULTY, State.NEEDS_ATTENTION]
    for n, state in enumerate(waiting):
        bring(store, state, **elsewhere(str(n)))
        with pytest.raises(Taken):
            ask(store, **elsewhere(str(n)))


def test_of_many_who_ask_at_once_one_gets_it(store: Store) -> None:
    def one(_: int) -> Refresh | int:
        try:
            return ask(store)
        except Taken as taken:
            return taken.holder.id

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(one, range(16)))
    winners = [r for r in results if isinstance(r, Refresh)]
    assert len(winners) == 1
    assert {r for r in results if isinstance(r, int)} == {winners[0].id}


def test_an_undo_needs_the_lock_again(store: Store) -> None:
    done = bring(store, State.DONE)
    other = ask(store)
    with pytest.raises(Taken) as taken:
        commit(store, done, e.UndoAsked)
    assert taken.value.holder == other
    assert store.get(done.id) == done


def test_a_held_model_cannot_be_asked_for(store: Store) -> None:
    undoing = bring(store, State.UNDOING)
    advance(store, undoing, e.Undone, hold=UNIQUE_ID)
    with pytest.raises(Held) as refused:
        ask(store)
    assert refused.value.hold == Hold(unique_id=UNIQUE_ID, by=BOB, at=AT, refresh=undoing.id)
    assert [h.unique_id for h in store.holds()] == [UNIQUE_ID]
    assert store.unhold(UNIQUE_ID)
    assert not store.unhold(UNIQUE_ID)
    assert ask(store).state is State.QUEUED


# --- compare-and-set ---------------------------------------------------------------------------------------------------


def test_a_commit_on_something_older_stores_nothing(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    told = advance(store, awaiting, e.Explained)
    click = store.add_click(a_click(awaiting.id))
    assert commit(store, awaiting, e.Rejected, posts=[post("no")], hold="m", click=click) is None
    assert store.get(awaiting.id) == told
    assert [line.event for line in store.trail(awaiting.id)][-1] == "explained"
    assert store.take_letters("w", 9, LEASE) == []
    assert store.holds() == []
    assert [c.id for c in store.claim_clicks("w", 9)] == [click]


def test_two_clicks_at_once_act_once(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    start = threading.Barrier(2)

    def click(kind: type[e.Event]) -> Refresh | None:
        start.wait()
        return commit(store, awaiting, kind, posts=[post(str(kind))])

    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(click, [e.Approved, e.Rejected]))
    (won,) = [r for r in results if r is not None]
    assert store.get(awaiting.id) == won
    assert len(store.take_letters("w", 9, LEASE)) == 1


def test_everything_of_a_commit_is_there_at_once(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    click = store.add_click(a_click(awaiting.id))
    picture = Attachment(name="p.png", content=b"\x89PNG\x00", title="Picture", alt_text="up")
    said = post("R1:end", message=Message(text=f"head {AUDIT_HEAD}", blocks=({"type": "divider"},)), files=(picture,))
    advance(store, awaiting, e.Rejected, posts=[said], click=click)
    (letter,) = store.take_letters("w", 9, LEASE)
    lines = store.trail(awaiting.id)
    assert letter.message == Message(text=f"head {audit.head(lines)[:12]}", blocks=({"type": "divider"},))
    assert [f.attachment for f in letter.files] == [picture]
    assert store.claim_clicks("w", 9) == []
    assert audit.verify(lines) is None
    assert [line.n for line in lines] == list(range(1, len(lines) + 1))


def test_a_key_is_posted_once_for_ever(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    told = advance(store, awaiting, e.Explained, posts=[post("same")])
    (letter,) = store.take_letters("w", 9, LEASE)
    store.letter_sent(letter, "1.1")
    advance(store, told, e.Waived, posts=[post("same"), post("other")])
    assert [x.key for x in store.take_letters("w", 9, LEASE)] == ["other"]


def test_a_remark_disturbs_nobody(store: Store) -> None:
    building = bring(store, State.BUILDING)
    assert commit(store, building, e.Denied) == building
    assert advance(store, building, e.Planned).revision == building.revision + 1
    assert [line.event for line in store.trail(building.id)] == [
        "asked",
        "started",
        "planned",
        "baseline taken",
        "denied",
        "planned",
    ]


def test_many_remarks_at_once_make_one_chain(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: commit(store, awaiting, e.Denied), range(18)))
    lines = store.trail(awaiting.id)
    assert audit.verify(lines) is None
    assert sum(line.event == "denied" for line in lines) == 18


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
    assert (second.fence, second.attempt) == (first.fence + 1, 2)


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


def a_click(refresh: int | None, action: str = "approve", by: Actor = BOB) -> Click:
    return Click(
        action=action, by=by, channel="C0INCIDENTS", at=AT, refresh=refresh, revision=4, digest="d", payload={"a": [1]}
    )


def test_clicks_come_back_in_order_one_at_a_time_per_refresh(store: Store, clock: Clock) -> None:
    first, second, other, free = (
        store.add_click(a_click(refresh, action))
        for refresh, action in [(1, "explain"), (1, "approve"), (2, "cancel"), (None, "hold")]
    )
    taken = store.claim_clicks("a", 9, LEASE)
    assert [c.id for c in taken] == [first, other, free]
    assert taken[0] == replace(a_click(1, "explain"), id=first, attempt=1)
    assert store.claim_clicks("b", 9, LEASE) == []
    store.settle_click(first, (post("answer", private_to="U0BOB"),))
    assert [c.id for c in store.claim_clicks("b", 9, LEASE)] == [second]
    clock.forward(LEASE + 1)
    assert [(c.id, c.attempt) for c in store.claim_clicks("b", 9, LEASE)] == [(second, 2), (other, 2), (free, 2)]
    store.retry_click(second, 5)
    clock.forward(4)
    assert store.claim_clicks("c", 9, LEASE) == []
    clock.forward(1)
    assert [c.id for c in store.claim_clicks("c", 9, LEASE)] == [second]
    assert [letter.key for letter in store.take_letters("w", 9, LEASE)] == ["answer"]


# --- the small records ---------------------------------------------------------------------------------------------------


def test_what_waits_for_people(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    assert awaiting.expires_at
    stale = bring(store, State.STALE, **elsewhere("A"))
    ask(store, **elsewhere("B"))
    assert store.in_state(State.AWAITING, State.STALE) == [awaiting, stale]
    assert store.expired(awaiting.expires_at - timedelta(seconds=1)) == []
    assert store.expired(awaiting.expires_at) == [awaiting, stale]
    assert [r.id for r in store.recent(2)] == [3, 2]
    assert [r.id for r in store.live()] == [1, 2, 3]


def test_reminders_are_given_once_per_interval(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    every = timedelta(hours=4)
    assert store.to_remind(AT - timedelta(seconds=1)) == []
    assert store.to_remind(AT + every - every) == [awaiting]
    store.remind(awaiting, post("reminder"), AT + every)
    assert store.to_remind(AT + every - timedelta(seconds=1)) == []
    assert store.to_remind(AT + every) == [awaiting]
    assert [letter.key for letter in store.take_letters("w", 9, LEASE)] == ["reminder"]


def test_build_times_of_a_model_by_mode(store: Store) -> None:
    for n, seconds in enumerate((10.0, 20.0)):
        building = bring(store, State.BUILDING, **elsewhere(str(n)))
        built = EVENTS[e.Built]
        assert isinstance(built, e.Built)
        advance(store, building, replace(built, build=replace(built.build, seconds=seconds)))
    assert store.durations(UNIQUE_ID) == [20.0, 10.0]
    assert store.durations(UNIQUE_ID, Mode.BACKFILL, limit=1) == [20.0]
    assert store.durations(UNIQUE_ID, Mode.FULL_REFRESH) == []
    assert store.durations("model.demo.other") == []


def test_objects_are_known_by_exact_name_and_dropped_when_due(store: Store) -> None:
    odd = Relation("DB", "S.1", 'the "odd" one')
    store.record_object(odd, "candidate", 1)
    store.record_object(PROD, "backup", 1, AT + timedelta(days=7))
    assert {o.relation for o in store.objects(1)} == {odd, PROD}
    assert store.due_objects(AT + timedelta(days=6)) == []
    store.keep_objects(1, AT, ("candidate", "baseline"))
    assert [(o.relation, o.kind, o.keep_until) for o in store.due_objects(AT)] == [(odd, "candidate", AT)]
    store.forget_object(odd)
    assert [o.relation for o in store.due_objects(AT + timedelta(days=7))] == [PROD]


def test_when_prod_is_usually_written(store: Store) -> None:
    for hours in (0, 24, 24, 48):
        store.note_change(PROD, AT + timedelta(hours=hours))
    assert store.usual_write_times(PROD) == [AT + timedelta(hours=h) for h in (48, 24, 0)]
    assert store.usual_write_times(PROD, limit=1) == [AT + timedelta(hours=48)]
    assert store.usual_write_times(DEV) == []


def test_the_model_index_is_decoded_once_per_version(store: Store) -> None:
    assert store.index() is None
    entry = Entry(unique_id=UNIQUE_ID, name="ez", package="demo", materialized="table", prod=PROD, dev=DEV)
    index = Index(
        code="3f9c2e1",
        dirty=False,
        made_at=AT,
        project="demo",
        entries=(entry,),
        exposures={"board": (UNIQUE_ID,)},
        sources={"source.demo.raw": PROD.renamed("RAW")},
        analyses={"spot": "select 1"},
    )
    store.put_index(index)
    read = store.index()
    assert read == index
    store.put_index(replace(index, made_at=AT + timedelta(hours=1)))
    assert store.index() is read
    store.put_index(replace(index, code="0000000"))
    again = store.index()
    assert again
    assert again.code == "0000000"


def test_a_live_message_is_wanted_anew_with_every_touch(store: Store) -> None:
    building = advance(store, ask(store), e.Started)
    planned = advance(store, building, e.Planned, posts=[post("card", live=Live.CARD)], touch=[Live.CARD])
    assert store.live_message(building.id, Live.PROMOTED) is None
    card = store.live_message(building.id, Live.CARD)
    assert card
    assert (card.ts, card.shown, card.wanted) == ("", 0, 2)
    assert store.take_live("w", 9, LEASE, 0) == []  # not posted yet
    (letter,) = store.take_letters("w", 9, LEASE)
    store.letter_sent(letter, "1.5", shown=card.wanted)
    assert store.thread(building.id) == ("C0INCIDENTS", "1.5")
    assert store.take_live("w", 9, LEASE, 0) == []
    advance(store, planned, e.BaselineTaken, touch=[Live.CARD, Live.APPROVAL])
    (old,) = store.take_live("w", 9, LEASE, 0)
    assert (old.live, old.ts, old.wanted) == (Live.CARD, "1.5", 3)
    assert store.take_live("w", 9, LEASE, 0) == []  # leased
    store.live_shown(old, Message(text="now"))
    assert store.live_message(building.id, Live.CARD) == replace(old, shown=3, body=Message(text="now"))
    assert planned.asker == ALICE
