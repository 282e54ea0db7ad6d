"""The records beside the refreshes: what waits, what is kept, what prod was seen to do, the model index."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import update

from bot import events as e
from bot.index import Entry, Index
from bot.messages import Live, Message
from bot.model import Exposure, Mode, Relation, State
from bot.store import Store, tables
from bot.store.codec import dumps, loads
from tests.contract.stores import LEASE, advance, ask, bring, elsewhere, post
from tests.refreshes import ALICE, AT, DEV, EVENTS, PROD, UNIQUE_ID


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


def test_a_reminder_is_remembered_and_posted_once(store: Store) -> None:
    waits = (State.AWAITING, State.STALE, State.FAULTY, State.NEEDS_ATTENTION)
    waiting = [bring(store, state, **elsewhere(state)) for state in waits]
    for state in set(State) - set(waits):
        bring(store, state, **elsewhere(state))
    assert store.waiting() == [(refresh, None) for refresh in waiting]
    for _ in range(2):  # two workers at once
        store.remind(waiting[0], post("reminder"), AT)
    assert store.waiting()[0] == (waiting[0], AT)
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
        exposures=(Exposure(name="board", type="dashboard", owner="BI", reads=(UNIQUE_ID,)),),
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


def test_what_an_older_version_stored_with_fields_that_are_gone_is_still_read(store: Store) -> None:
    awaiting = bring(store, State.AWAITING)
    stored = json.loads(dumps(awaiting))
    stored["report"] |= {"window_rows": 14, "history_rows": 3018}
    entry = Entry(unique_id=UNIQUE_ID, name="ez", package="demo", materialized="table", prod=PROD, dev=DEV)
    index = Index(
        code="3f9c2e1", dirty=False, made_at=AT, project="demo", entries=(entry,), exposures=(), sources={}, analyses={}
    )
    older = json.loads(dumps(index))
    older["entries"][0] |= {"incremental_strategy": "merge", "on_schema_change": "ignore", "documented": ["date"]}
    with store.writing() as connection:
        connection.execute(update(tables.refreshes).values(body=json.dumps(stored)))
    assert store.get(awaiting.id) == awaiting
    assert loads(Index, json.dumps(older)) == index


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
    assert store.live_message(building.id, Live.CARD) == replace(old, shown=3, body=Message(text="now"), owner="")
    assert planned.asker == ALICE
