"""Migrations on both databases: from empty, from every earlier version with data, and back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Table, insert

import bot
from bot import audit
from bot import events as e
from bot.index import Index
from bot.messages import Message
from bot.model import State
from bot.store import Hold, Store, tables
from bot.store.codec import dumps
from bot.store.records import Object
from tests.contract.databases import BACKENDS, database
from tests.contract.stores import LEASE, a_click, commit, post
from tests.refreshes import AT, BOB, DEV, PROD, UNIQUE_ID, in_state

MIGRATIONS = Path(bot.__file__).parent / "migrations"
EARLIER = sorted(path.name[:4] for path in (MIGRATIONS / "versions").glob("0*.py"))[:-1]
CARD = Message(text="as it was")
HOLD = Hold(unique_id="model.demo.other", by=BOB, at=AT)
INDEX = Index(
    code="c0de",
    dirty=False,
    made_at=AT,
    project="demo",
    entries=(),
    exposures=(),
    sources={},
    analyses={},
    fingerprint="f",
)


@pytest.fixture(params=BACKENDS)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with database(request.param, tmp_path) as url:
        store = Store(url)
        yield store
        store.close()


def move(store: Store, to: str) -> None:
    """Bring the tables to a revision, forwards or backwards."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.writing() as connection:
        config.attributes["connection"] = connection
        known = MigrationContext.configure(connection).get_current_revision() or ""
        (command.upgrade if to > known else command.downgrade)(config, to)


def as_an_earlier_version_stored_it(store: Store, revision: str) -> None:
    """One refresh that waits for approval and one that has ended, with all that belongs to them, as of that revision."""
    for number, state in enumerate((State.AWAITING, State.DONE), 1):
        refresh = replace(in_state(state), id=number)
        row = {"id": number, "state": state, "revision": refresh.revision, "unique_id": UNIQUE_ID}
        row |= {"mode": refresh.request.mode, "prod": refresh.prod.sql, "dev": refresh.dev.sql, "channel": "C0"}
        row |= {"body": dumps(refresh)}
        if revision > "0001":
            assert refresh.plan
            row |= {"warehouse": refresh.plan.warehouse}
        with store.writing() as connection:
            connection.execute(insert(tables.refreshes).values(row))
    with store.writing() as connection:
        for table, row in beside_them():
            connection.execute(insert(table).values(row))


def beside_them() -> Iterator[tuple[Table, dict[str, Any]]]:
    """A row of each other table: what waits for Slack and for a worker, and what is remembered."""
    asked = audit.link(None, refresh=1, at=AT.isoformat(), event="asked", state="queued", revision=1, data="{}")
    for line in (
        asked,
        audit.link(asked, refresh=1, at=AT.isoformat(), event="x", state="awaiting", revision=2, data="{}"),
    ):
        yield tables.audit, asdict(line)
    card = {"key": "R1/card", "lane": "R1", "refresh": 1, "channel": "C0", "thread": True, "created_at": 1.0}
    yield tables.outbox, {**card, "live": "card", "message": dumps(CARD), "state": "sent", "ts": "1.1"}
    waits = {**card, "key": "R1/result", "message": dumps(Message(text="result")), "state": "waiting", "attempts": 2}
    yield tables.outbox, {**waits, "not_before": 5.0}
    yield tables.files, {"post": 2, "n": 0, "name": "f.csv", "title": "F", "alt_text": "", "content": b"a,b"}
    shown = {"wanted": 3, "shown": 2, "shown_at": 1.0, "body": dumps(CARD)}
    yield tables.live_messages, {"refresh": 1, "live": "card", "channel": "C0", "ts": "1.1", **shown}
    pressed = {"refresh": 1, "action": "approve", "body": dumps(a_click(1))}
    yield tables.clicks, {**pressed, "attempts": 1, "owner": "before", "lease_until": 2.0}
    made = Object(relation=DEV.renamed("CANDIDATE"), kind="candidate", refresh=1, keep_until=None)
    yield tables.objects, {"relation": made.relation.sql, "kind": "candidate", "refresh": 1, "body": dumps(made)}
    yield tables.holds, {"unique_id": HOLD.unique_id, "body": dumps(HOLD)}
    yield tables.changes, {"relation": PROD.sql, "at": AT.timestamp()}
    yield tables.model_index, {"id": 1, "version": 4, "body": dumps(INDEX)}


@pytest.mark.parametrize("revision", EARLIER)
def test_from_an_earlier_version_with_data(empty: Store, revision: str) -> None:
    move(empty, revision)
    as_an_earlier_version_stored_it(empty, revision)
    installation = empty.installation

    empty.migrate()

    waiting, ended = empty.get(1), empty.get(2)
    assert waiting and waiting.state is State.AWAITING and waiting.plan
    assert ended and ended.state is State.DONE
    assert [r.id for r in empty.live()] == [1]
    assert empty.installation == installation
    with empty.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []
        found = connection.execute(tables.refreshes.select().order_by(tables.refreshes.c.id)).all()
    assert [row.warehouse for row in found] == [waiting.plan.warehouse] * 2
    everything_of_it_is_used(empty)


def everything_of_it_is_used(store: Store) -> None:
    """As the next process finds it: the work is taken up, and what was remembered counts."""
    assert [line.event for line in store.trail(1)] == ["asked", "x"]
    assert audit.verify(store.trail(1)) is None
    (letter,) = store.take_letters("next", 9, LEASE)
    assert (letter.id, letter.key, letter.message.text, letter.attempt) == (2, "R1/result", "result", 3)
    assert [(f.attachment.name, f.attachment.content) for f in letter.files] == [("f.csv", b"a,b")]
    store.letter_sent(letter, "1.2")
    (card,) = store.take_live("next", 9, LEASE, 0.0)
    assert (card.ts, card.wanted, card.body) == ("1.1", 3, CARD)
    (click,) = store.claim_clicks("next", 9, LEASE)
    assert click == replace(a_click(1), id=1, attempt=2)
    assert commit(store, store.get(1), e.Denied, click=click)
    assert [made.relation.name for made in store.objects(1)] == ["CANDIDATE"]
    assert store.held(HOLD.unique_id) == HOLD
    assert store.usual_write_times(PROD) == [AT]
    assert store.index() == INDEX
    assert store.answer(post("new", private_to="U0BOB")) is None
    assert [made.id for made in store.take_letters("next", 9, LEASE)] == [3]  # ids go on where they were


def test_back_and_forth_keeps_the_data(empty: Store) -> None:
    empty.migrate()
    move(empty, "0001")
    as_an_earlier_version_stored_it(empty, "0001")
    empty.migrate()
    assert {r.state for r in empty.recent()} == {State.AWAITING, State.DONE}
    everything_of_it_is_used(empty)
