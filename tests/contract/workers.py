"""A worker with a real scheduler and store, what it is given to do, and what was seen of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from bot import events as e
from bot.leases import ClickLease, Lease
from bot.machine import step
from bot.messages import Click, Live, Message, Post
from bot.model import Refresh
from bot.outbox import Delivery
from bot.settings import WorkerSection
from bot.store import Store
from bot.worker import Worker
from sandbox.slack import SlackSandbox
from tests.contract.slacks import CHANNEL, chat_with
from tests.refreshes import AT, BOB, DEV, EVENTS, PROD, queued

TIMEOUT = 10.0
SLOW = WorkerSection(sweep_seconds=60)  # so that only wake() and finished slots find work
FAST = WorkerSection(sweep_seconds=0.05)


class Seen:
    """What happened so far, to be waited for."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self._changed = threading.Condition()

    def add(self, item: Any) -> None:
        with self._changed:
            self.items.append(item)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.items) >= count, TIMEOUT), self.items
            return list(self.items)


def ask(store: Store, name: str = "T", *events: type[e.Event] | e.Event) -> Refresh:
    sample = queued()
    names = ("request", "asker", "channel", "unique_id", "name")
    given: dict[str, Any] = {n: getattr(sample, n) for n in names}
    refresh = store.create(**given, prod=PROD.renamed(name), dev=DEV.renamed(name), at=AT)
    for event in events:
        refresh = record(store, refresh, EVENTS[event] if isinstance(event, type) else event)
    return refresh


def record(store: Store, refresh: Refresh, event: e.Event, **also: Any) -> Refresh:
    stored = store.commit(refresh, step(refresh, event)[0], event=event, **also)
    assert stored
    return stored


def click(refresh: int | None = None, action: str = "approve") -> Click:
    return Click(action=action, by=BOB, channel=CHANNEL, at=AT, refresh=refresh, payload={})


def end(store: Store) -> Callable[[Lease], bool]:
    """A step that cancels what it drives."""

    def drive(lease: Lease) -> bool:
        refresh = record(store, lease.refresh, EVENTS[e.CancelAsked], claim=lease.claim)
        if refresh.cancel and refresh.live:
            record(store, refresh, EVENTS[e.Stopped], claim=lease.claim)
        return True

    return drive


@contextmanager
def running(
    store: Store,
    slack: SlackSandbox,
    drive: Callable[[Lease], object] = lambda lease: None,
    decide: Callable[[ClickLease], None] = lambda lease: None,
    settings: WorkerSection = FAST,
    timers: dict[str, tuple[float, Callable[[], object]]] | None = None,
    apologise: Callable[[Click], Post] | None = None,
    drain: float = TIMEOUT,
) -> Iterator[Worker]:
    def render(live: Live, refresh: Refresh, _: datetime) -> Message:
        return Message(text=f"{live} {refresh.state}")

    delivery = Delivery(store, chat_with(slack), render, lambda: datetime.now(UTC), 0.0)
    worker = Worker(store, delivery, drive, decide, timers or {}, settings, apologise)
    worker.start()
    try:
        yield worker
    finally:
        worker.stop(drain)


def replace_steps(steps: int) -> WorkerSection:
    return FAST.model_copy(update={"steps": steps})
