"""One refresh, its store, a local Slack and a delivery between them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot import events as e
from bot.machine import step
from bot.messages import Live, Message, Post
from bot.model import Refresh
from bot.outbox import Delivery
from bot.store import Store
from sandbox.slack import SlackSandbox
from tests.contract.databases import Clock
from tests.contract.slacks import CHANNEL, chat_with
from tests.refreshes import AT, DEV, EVENTS, PROD, queued

GAP = 4.0
BUTTON = {"type": "button", "action_id": "cancel", "text": {"type": "plain_text", "text": "Cancel"}, "value": "{}"}
UNKNOWN = {"type": "no_such_block"}


def render(live: Live, refresh: Refresh, _: datetime) -> Message:
    text = f"{live}: {refresh.state} r{refresh.revision} {refresh.progress}{refresh.undelivered or ''}"
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}, "accessory": BUTTON | {"action_id": "x"}}
    return Message(text=text, blocks=(section, {"type": "actions", "elements": [BUTTON]}))


class Bot:
    """One refresh, its store, a local Slack and a delivery between them."""

    def __init__(self, store: Store, clock: Clock, slack: SlackSandbox) -> None:
        self.store, self.clock, self.slack = store, clock, slack
        self.delivery = self.another()
        self.refresh = self.ask()

    def another(self) -> Delivery:
        return Delivery(self.store, chat_with(self.slack), render, lambda: datetime.now(UTC), GAP)

    def ask(self, name: str = "T", posts: tuple[Post, ...] = ()) -> Refresh:
        sample = queued()
        names = ("request", "asker", "channel", "unique_id", "name")
        given: dict[str, Any] = {n: getattr(sample, n) for n in names}
        where = {"prod": PROD.renamed(name), "dev": DEV.renamed(name)}
        return self.store.create(**given, **where, at=AT, posts=posts)

    def happens(self, kind: type[e.Event], *posts: Post, touch: tuple[Live, ...] = (Live.CARD,)) -> None:
        event = EVENTS[kind]
        after = step(self.refresh, event)[0]
        stored = self.store.commit(self.refresh, after, event=event, posts=posts, touch=touch)
        assert stored
        self.refresh = stored

    def plan(self, *more: Post) -> None:
        """Started and planned: the card, the plan and `more` are queued."""
        self.happens(e.Started)
        self.happens(e.Planned, post("card", live=Live.CARD), post("plan"), *more)

    def later(self, seconds: float = 120.0) -> int:
        """Time passes, then one run."""
        self.clock.forward(seconds)
        return self.delivery.run_once()

    def settle(self) -> None:
        for _ in range(20):
            self.later()
        assert self.store.unsent() == 0

    def texts(self, channel: str = CHANNEL) -> list[str]:
        """What stands in the channel's first thread."""
        roots = self.slack.control.channel(channel)
        return [m["text"] for m in self.slack.control.thread(channel, roots[0]["ts"])] if roots else []


def post(key: str, text: str = "", **changes: Any) -> Post:
    return replace(Post(key=f"R1:{key}", channel=CHANNEL, message=Message(text=text or key)), **changes)
