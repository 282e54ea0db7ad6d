"""The store on a real database: values, locks, compare-and-set, and what one transaction holds together."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from bot import audit
from bot import events as e
from bot.messages import AUDIT_HEAD, Attachment, Message
from bot.model import Refresh, Series, State
from bot.store import Held, Hold, Store, Taken
from bot.store.codec import dumps, loads
from bot.store.database import address
from bot.store.tables import metadata
from tests.contract.databases import BACKENDS, database
from tests.contract.stores import LEASE, advance, ask, bring, commit, elsewhere, post, pressed
from tests.refreshes import AT, BOB, DAY, PATHS, UNIQUE_ID, report

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


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("sqlite:////data/refresh.db", "sqlite:////data/refresh.db"),
        ("postgresql+psycopg://u:p@db/refresh", "postgresql+psycopg://u:p@db/refresh?connect_timeout=10"),
        ("postgresql+psycopg://db/refresh?connect_timeout=3", "postgresql+psycopg://db/refresh?connect_timeout=3"),
    ],
)
def test_a_database_that_swallows_what_is_sent_is_given_up_soon(given: str, used: str) -> None:
    assert address(given).render_as_string(hide_password=False) == used


@pytest.mark.parametrize("backend", BACKENDS)
def test_processes_that_start_together_migrate_once(backend: str, tmp_path: Path) -> None:
    with database(backend, tmp_path / "new") as url:
        stores = [Store(url) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(Store.migrate, stores))
        assert len({s.installation for s in stores}) == 1
        for opened in stores:
            opened.close()


# --- locks -----------------------------------------------------------------------------------------------------------


def test_a_connection_in_use_while_the_store_closes_is_closed_when_it_comes_back(store: Store) -> None:
    with store.reading() as connection:
        used = connection.connection.driver_connection
        assert used is not None
        store.close()
    with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError), match="closed"):
        used.cursor().execute("select 1")


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
    store.settle_click(pressed(store, "unhold"), lift=UNIQUE_ID)
    assert store.held(UNIQUE_ID) is None
    assert ask(store).state is State.QUEUED


# --- compare-and-set ---------------------------------------------------------------------------------------------------


def test_a_commit_on_something_older_stores_nothing(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    told = advance(store, awaiting, e.Explained)
    click = pressed(store, "approve", awaiting.id)
    assert commit(store, awaiting, e.Rejected, posts=[post("no")], hold="m", click=click) is None
    assert store.get(awaiting.id) == told
    assert [line.event for line in store.trail(awaiting.id)][-1] == "explained"
    assert store.take_letters("w", 9, LEASE) == []
    assert store.holds() == []
    assert store.renew_click(click, LEASE)  # it is still to be decided


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
    click = pressed(store, "approve", awaiting.id)
    picture = Attachment(name="p.png", content=b"\x89PNG\x00", title="Picture", alt_text="up")
    said = post("R1:end", message=Message(text=f"head {AUDIT_HEAD}", blocks=({"type": "divider"},)), files=(picture,))
    advance(store, awaiting, e.Rejected, posts=[said], click=click)
    (letter,) = store.take_letters("w", 9, LEASE)
    lines = store.trail(awaiting.id)
    assert letter.message == Message(text=f"head {audit.head(lines)[:12]}", blocks=({"type": "divider"},))
    assert [f.attachment for f in letter.files] == [picture]
    assert not store.renew_click(click, LEASE)
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
