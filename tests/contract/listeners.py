"""The listeners on real slack-bolt in Socket Mode against the local Slack, with a real store behind them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from slack_sdk import WebClient

from bot import socket_mode
from bot.desk import Desk
from bot.events import Started
from bot.index import Entry, Index
from bot.messages import Click, Message
from bot.model import Explanation, Refresh, Relation, State
from bot.people import Home
from bot.settings import (
    DbtSection,
    PolicySection,
    Secrets,
    Settings,
    SlackSection,
    UserSection,
    WarehouseSection,
    WorkerSection,
)
from bot.store import Store
from handlers import build_app
from sandbox.slack import SlackSandbox
from tests.contract.slacks import CHANNEL
from tests.unit import samples

NOW = datetime(2026, 4, 21, 14, 7, tzinfo=UTC)


def settings_for(slack: SlackSandbox) -> Settings:
    user = UserSection(user="U", role="R", warehouse="ETHEREUM")
    return Settings(
        secrets=Secrets(slack_bot_token=SecretStr(slack.bot_token), slack_api_url=slack.api_url),
        slack=SlackSection(channels=(CHANNEL,)),
        policy=PolicySection(requesters=("S0DATA",), approvers=("S0DATA",)),
        people={},
        dbt=DbtSection(project_dir=Path()),
        warehouse=WarehouseSection(
            account="a",
            builder=user,
            promoter=user,
            prod_databases=("ANALYTICS", "ETHEREUM", "SOLANA"),
            warehouses=("ANALYTICS_XL",),
        ),
        worker=WorkerSection(),
        models=(),
    )


def entry(name: str, prod: str, materialized: str = "table", **more: Any) -> Entry:
    return Entry(
        unique_id=f"model.shop.{name}",
        name=name,
        package="shop",
        materialized=materialized,
        prod=Relation.parse(prod),
        dev=Relation("DEV", "DEV_REFRESH_BOT", name.upper()),
        **more,
    )


INCREMENTAL: dict[str, Any] = {
    "materialized": "incremental",
    "unique_key": ("date",),
    "reads_date": True,
    "reads_columns": True,
    "full_refresh": False,
}
INDEX = Index(
    code="3f9c2e1",
    dirty=False,
    made_at=NOW,
    project="shop",
    entries=(
        entry("fact_dex", "ANALYTICS.PROD.FACT_DEX"),
        entry("ez_ethereum_metrics", "ETHEREUM.PROD_CORE.EZ_METRICS", **INCREMENTAL),
        entry("ez_solana_metrics", "SOLANA.PROD_CORE.EZ_METRICS", **INCREMENTAL),
        entry("dex_view", "ANALYTICS.PROD.DEX_VIEW", "view"),
    ),
    exposures=(),
    sources={},
    analyses={},
)


@dataclass
class Bot:
    """The listeners, their store, and people in the local Slack."""

    slack: SlackSandbox
    store: Store
    desk: Desk

    def types(self, text: str, user: str = "alice", channel: str = CHANNEL) -> str:
        """Type the command; returns the private answer, read from the acknowledgement."""
        known = len(self.slack.control.private(user))
        receipt = self.slack.control.command(user, text, channel)
        assert receipt.ok, receipt
        self.slack.control.wait(lambda: len(self.slack.control.private(user)) > known, 5, "an answer")
        return self.slack.control.private(user)[-1]["text"]

    def shows(self, message: Message, thread_ts: str | None = None) -> str:
        """Post a message of the bot as the outbox does; returns its ts."""
        client = WebClient(self.slack.bot_token, base_url=self.slack.api_url)
        answer = client.chat_postMessage(
            channel=CHANNEL, text=message.text, blocks=list(message.blocks), thread_ts=thread_ts
        )
        return str(answer["ts"])

    def presses(self, action: str, ts: str, user: str = "bob") -> None:
        """Press a button, which is acknowledged."""
        receipt = self.slack.control.click(user, CHANNEL, ts, action)
        assert receipt.ok, receipt

    def told(self, user: str, text: str) -> str:
        """Wait for a private sentence."""

        def said() -> str:
            return next((m["text"] for m in self.slack.control.private(user) if text in m["text"]), "")

        return self.slack.control.wait(said, 5, f"{user} being told {text!r}; told: {self.slack.control.private(user)}")

    def form(self, user: str = "bob") -> dict[str, Any]:
        return self.slack.control.wait(lambda: self.slack.control.modal(user), 5, "a form")  # type: ignore[return-value]

    def clicks(self) -> list[Click]:
        """All that was stored; a worker takes those of one refresh one after the other."""
        found: list[Click] = []
        while taken := self.store.claim_clicks("test", 20):
            for click in taken:
                self.store.settle_click(click)
            found += taken
        return found


@contextmanager
def listening(slack: SlackSandbox, folder: Path) -> Iterator[Bot]:
    """The listeners, connected to the local Slack."""
    settings = settings_for(slack)
    store = Store(f"sqlite:///{folder / 'refresh.db'}")
    store.migrate()
    store.put_index(INDEX)
    desk = Desk(store, settings, Home("T0DEMO"), clock=lambda: NOW)
    app = build_app(desk, WebClient(slack.bot_token, base_url=slack.api_url, timeout=5), settings)
    client = WebClient(slack.app_token, base_url=slack.api_url, timeout=5)
    before = slack.control.connections()
    handler = socket_mode.connect(app, slack.app_token, client)
    slack.control.wait_connected(before + 1)
    yield Bot(slack, store, desk)
    socket_mode.hang_up(handler, 5)
    slack.control.wait(lambda: slack.control.connections() <= before, 5, "the connection to close")
    store.close()


def waiting(bot: Bot, state: State = State.AWAITING, **changes: Any) -> Refresh:
    """R1, asked for in Slack and brought into a state with everything that belongs to it."""
    bot.types("ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes reason=batch")
    stored = bot.store.get(1)
    assert stored
    after = replace(samples.refresh(state), id=1, revision=stored.revision, created_at=stored.created_at, **changes)
    committed = bot.store.commit(stored, after, event=Started(at=NOW))
    assert committed
    return committed


def explained() -> tuple[Explanation, ...]:
    return tuple(Explanation(group=f"g{n}", reason="late data", note="", by=samples.BOB, at=NOW) for n in range(2))
