"""The audit trail as the store writes it: whole, and broken by whatever is done to its lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from bot import audit
from bot import events as e
from bot.audit import Line
from bot.machine import step
from bot.model import State
from bot.store import Store
from bot.store import tables as t
from tests.contract.databases import BACKENDS, store_on
from tests.refreshes import AT, EVENTS, PATHS, queued


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with store_on(request.param, tmp_path) as opened:
        yield opened


@pytest.fixture
def lines(store: Store) -> list[Line]:
    """The trail of a refresh that was explained, approved, promoted and verified."""
    sample = queued()
    names = ("request", "asker", "channel", "unique_id", "name", "prod", "dev")
    refresh = store.create(**{name: getattr(sample, name) for name in names}, at=AT)
    way = list(PATHS[State.DONE])
    for kind in [*way[:5], e.Denied, e.Explained, *way[5:]]:
        event = EVENTS[kind] if isinstance(kind, type) else kind
        stored = store.commit(refresh, step(refresh, event)[0], event=event)
        assert stored
        refresh = stored
    return store.trail(refresh.id)


def test_the_trail_names_everything_that_happened(lines: list[Line]) -> None:
    assert [line.event for line in lines] == [
        "asked",
        "started",
        "planned",
        "baseline taken",
        "built",
        "checked",
        "denied",
        "explained",
        "approved",
        "promotion intended",
        "promoted",
        "verified",
    ]
    assert lines[-1].state == "done"
    assert audit.verify(lines) is None


CHANGES: dict[str, Any] = {
    "refresh": 7,
    "n": 99,
    "at": "2020-01-01T00:00:00+00:00",
    "event": "rejected",
    "state": "rejected",
    "revision": 99,
    "data": '{"by":null}',
    "hash": "0" * 64,
}


@pytest.mark.parametrize("name", [f.name for f in fields(Line)])
def test_a_changed_field_is_found_in_its_line(lines: list[Line], name: str) -> None:
    for place in (0, 5, len(lines) - 1):
        changed = list(lines)
        changed[place] = replace(changed[place], **{name: CHANGES[name]})
        found = audit.verify(changed)
        assert found
        blamed = place + 1 if (name, place) == ("refresh", 0) else place  # the others then belong elsewhere
        assert changed.index(found) in (place, blamed)


def test_removed_swapped_and_inserted_lines_are_found(lines: list[Line]) -> None:
    assert audit.verify(lines[1:]) is lines[1]
    assert audit.verify([*lines[:4], *lines[5:]]) is lines[5]
    assert audit.verify([*lines[:4], lines[5], lines[4], *lines[6:]]) is lines[5]
    assert audit.verify([*lines[:4], lines[3], *lines[4:]]) is lines[3]
    assert audit.head(lines[:-1]) != audit.head(lines)


def test_a_forged_line_needs_all_later_hashes(lines: list[Line]) -> None:
    forged = audit.link(
        lines[6],
        refresh=lines[7].refresh,
        at=lines[7].at,
        event=lines[7].event,
        state=lines[7].state,
        revision=lines[7].revision,
        data='{"by":{"user_id":"U0EVE"}}',
    )
    assert audit.verify([*lines[:7], forged, *lines[8:]]) is lines[8]


def test_a_hand_in_the_database_shows(store: Store, lines: list[Line]) -> None:
    number = lines[0].refresh
    with store.writing() as connection:
        connection.execute(update(t.audit).where(t.audit.c.n == 8).values(data='{"by":null}'))
    broken = audit.verify(store.trail(number))
    assert broken
    assert broken.n == 8
    (marked,) = [line for line in audit.as_text(store.trail(number)).splitlines() if "the chain breaks here" in line]
    assert "explained" in marked
    with store.writing() as connection:
        connection.execute(delete(t.audit).where(t.audit.c.n == 3))
    broken = audit.verify(store.trail(number))
    assert broken
    assert broken.n == 4


def test_the_exports_say_who_did_what(lines: list[Line]) -> None:
    text = audit.as_text(lines)
    explained = next(line for line in text.splitlines() if "  explained" in line)
    assert "by bob (U0BOB) -> awaiting" in explained
    assert "rule: four eyes" in text
    assert f"{len(lines)} lines, chain whole, head {audit.head(lines)}" in text
    document = json.loads(audit.as_json(lines))
    assert document["whole"] is True
    assert document["head"] == audit.head(lines)
    assert document["lines"][5]["data"]["report"]["headline"]["after"] == "1676204911.20"


def test_an_empty_trail_has_a_head_too() -> None:
    assert audit.verify([]) is None
    assert audit.head([]) == audit.START
