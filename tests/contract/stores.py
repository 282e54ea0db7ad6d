"""Refreshes in a store: asked for, brought into a state, changed by events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bot import events as e
from bot.machine import step
from bot.messages import Click, Message, Post
from bot.model import Actor, Refresh, Relation, State
from bot.store import Store
from tests.refreshes import AT, BOB, DEV, EVENTS, PATHS, PROD, queued

LEASE = 60.0


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


def a_click(refresh: int | None, action: str = "approve", by: Actor = BOB) -> Click:
    return Click(
        action=action, by=by, channel="C0INCIDENTS", at=AT, refresh=refresh, revision=4, digest="d", payload={"a": [1]}
    )


def pressed(store: Store, action: str, refresh: int | None = None) -> Click:
    """A click that a worker has claimed."""
    number = store.add_click(a_click(refresh, action))
    (click,) = [c for c in store.claim_clicks("presser", 9, LEASE) if c.id == number]
    return click
