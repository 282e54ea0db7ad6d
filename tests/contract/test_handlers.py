"""The listeners on real slack-bolt in Socket Mode against the local Slack, with a real store behind them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from slack_bolt import BoltRequest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from bot import socket_mode
from bot.blocks import posts_for, render_live
from bot.desk import Desk
from bot.events import Started
from bot.index import Entry, Index
from bot.machine import Topic
from bot.messages import Click, Live, Message, Post
from bot.model import Actor, Explanation, Mode, Refresh, Relation, State, Verdict
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
from bot.store import Hold, Store
from handlers import build_app
from sandbox.slack import SlackSandbox
from tests.unit import samples

CHANNEL = "C0INCIDENTS"
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


@pytest.fixture(scope="module")
def server() -> Iterator[SlackSandbox]:
    with SlackSandbox() as started:
        yield started


@pytest.fixture
def bot(server: SlackSandbox, tmp_path: Path) -> Iterator[Bot]:
    with server.state.changing():
        server.state.messages.clear()
        server.state.ephemerals.clear()
        server.state.traffic.clear()
        server.state.modals.clear()
        server.state.homes.clear()
    settings = settings_for(server)
    store = Store(f"sqlite:///{tmp_path / 'refresh.db'}")
    store.migrate()
    store.put_index(INDEX)
    desk = Desk(store, settings, Home("T0DEMO"), clock=lambda: NOW)
    app = build_app(desk, WebClient(server.bot_token, base_url=server.api_url, timeout=5), settings)
    client = WebClient(server.app_token, base_url=server.api_url, timeout=5)
    before = server.control.connections()
    handler = socket_mode.connect(app, server.app_token, client)
    server.control.wait_connected(before + 1)
    yield Bot(server, store, desk)
    socket_mode.hang_up(handler, 5)
    server.control.wait(lambda: server.control.connections() <= before, 5, "the connection to close")
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


def button(message: Message, action: str) -> dict[str, Any]:
    return next(x for b in message.blocks if b["type"] == "actions" for x in b["elements"] if x["action_id"] == action)


# --- commands ----------------------------------------------------------------------------------------------------------


def test_a_request_becomes_one_row_and_a_private_answer(bot: Bot) -> None:
    said = bot.types("ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes reason=“frozen batch”")
    assert (
        said == "*R1* is on its way: `ez_ethereum_metrics`, backfill from 2026-04-08. Its card comes here in a moment."
    )
    refresh = bot.store.get(1)
    assert refresh
    assert (refresh.asker.user_id, refresh.asker.team_id, refresh.channel) == ("U0ALICE", "T0DEMO", CHANNEL)
    assert refresh.prod == Relation("ETHEREUM", "PROD_CORE", "EZ_METRICS")
    assert refresh.request.reason == "frozen batch"
    assert bot.slack.control.channel(CHANNEL) == []


def test_the_same_request_delivered_twice_is_one_and_another_is_told_who_holds_the_table(bot: Bot) -> None:
    first = bot.types("fact_dex")
    assert bot.types("fact_dex") == first
    assert len(bot.store.live()) == 1
    said = bot.types("fact_dex", user="bob")
    assert said.startswith("R1 already refreshes this table (queued, asked by <@U0ALICE> just now)")
    assert "Two refreshes of one table never run at once" in said


@pytest.mark.parametrize(
    ("text", "channel", "says"),
    [
        ("ez_etherium_metrics backfill 2026-04-08", CHANNEL, "Did you mean `ez_ethereum_metrics`"),
        ("ez_metrics backfill 2026-04-08", CHANNEL, "is the table name of 2 models"),
        ("dex_view", CHANNEL, "view"),
        ("ez_ethereum_metrics", CHANNEL, "full_refresh: false"),
        ("ez_ethereum_metrics backfill", CHANNEL, "A backfill needs a date"),
        ("fact_dex at=2031-01-01", CHANNEL, "lies in the future"),
        ("fact_dex warehouse=HUGE", CHANNEL, "ANALYTICS_XL"),
        ("fact_dex", "C0GENERAL", f"Refreshes are asked for in <#{CHANNEL}>"),
        ("status R9", CHANNEL, "There is no R9"),
        ("list", CHANNEL, "There was no refresh yet"),
        ("status", "C0GENERAL", "Nothing is going on"),
        ("help", "C0GENERAL", "When a targeted UPDATE is simpler"),
    ],
)
def test_everything_else_is_answered_privately_and_stores_nothing(bot: Bot, text: str, channel: str, says: str) -> None:
    assert says in bot.types(text, channel=channel)
    assert bot.store.recent() == []


def test_an_ambiguous_name_offers_the_whole_command_for_each_as_a_button(bot: Bot) -> None:
    bot.types("ez_metrics backfill 2026-04-08")
    message = bot.slack.control.private("alice")[-1]
    offers = [x["value"] for b in message["blocks"] if b["type"] == "actions" for x in b["elements"]]
    assert "ez_solana_metrics backfill 2026-04-08" in offers
    bot.slack.control.click(
        "alice", CHANNEL, message["ts"], f"offer:{offers.index('ez_solana_metrics backfill 2026-04-08')}"
    )
    bot.told("alice", "*R1* is on its way: `ez_solana_metrics`")
    (refresh,) = bot.store.live()
    assert refresh.request.mode is Mode.BACKFILL


def test_a_model_on_hold_says_so(bot: Bot) -> None:
    by = Actor(user_id="U0BOB", team_id="T0DEMO")
    bot.store.add_click(Click(action="hold", by=by, channel=CHANNEL, at=NOW, payload={}))
    (click,) = bot.store.claim_clicks("test", 1)
    hold = Hold(unique_id="model.shop.fact_dex", by=by, at=NOW, reason="wait for Dune")
    bot.store.put_on_hold(click, hold, lambda live: Post(key="h", channel=CHANNEL, message=Message(text="on hold")))
    said = bot.types("fact_dex")
    assert "`fact_dex` is on hold by <@U0BOB> since 14:07 UTC: wait for Dune." in said
    assert bot.store.live() == []
    assert "On hold: `fact_dex`." in bot.types("status")


def test_commands_that_need_rights_are_stored_for_the_worker(bot: Bot) -> None:
    bot.types("fact_dex")
    assert "Cancelling" in bot.types("cancel R1", user="bob")
    bot.types("hold fact_dex reason=“wait”", user="bob")
    bot.types("plan ez_ethereum_metrics backfill 2026-04-08", user="bob")
    found = {c.action: c for c in bot.clicks()}
    assert found["cancel"].refresh == 1
    assert found["hold"].payload == {"unique_id": "model.shop.fact_dex", "name": "fact_dex", "reason": "wait"}
    assert found["plan"].payload["text"] == "ez_ethereum_metrics backfill 2026-04-08"
    assert all(c.by.user_id == "U0BOB" for c in found.values())


def test_status_and_list_link_to_the_thread(bot: Bot) -> None:
    bot.types("fact_dex")
    bot.store.keep_permalink(1, "https://slack.example/1")
    line = "*R1* · `fact_dex` · full refresh · queued since 14:07 UTC · asked by <@U0ALICE> · <https://slack.example/1|thread>"
    assert line in bot.types("status")
    assert line in bot.types("list")
    assert line in bot.types("status R1")


# --- the form ----------------------------------------------------------------------------------------------------------


def test_the_form_asks_like_a_command(bot: Bot) -> None:
    assert bot.slack.control.command("alice", "").ok
    form = bot.form("alice")
    assert form["callback_id"] == "ask"
    offered = bot.slack.control.options("alice", "model", "metrics eth")
    assert [o["value"] for o in offered] == ["model.shop.ez_ethereum_metrics"]
    answers = {
        "model": "ez_ethereum_metrics",
        "mode": "backfill",
        "since": "2026-04-08",
        "columns": "dex_volumes, fees",
        "reason": "batch",
    }
    assert bot.slack.control.submit("alice", "ask", answers).ok
    refresh = bot.store.get(1)
    assert refresh
    assert refresh.name == "ez_ethereum_metrics"
    assert refresh.request.columns == ("dex_volumes", "fees")
    (letter,) = bot.store.take_letters("test", 5, 60.0)
    assert letter.private_to == "U0ALICE"
    assert "*R1* is on its way" in letter.message.text


@pytest.mark.parametrize(
    ("answers", "field", "says"),
    [
        ({"model": "ez_ethereum_metrics", "mode": "backfill"}, "since", "A backfill needs a date"),
        ({"model": "fact_dex", "at": "2031-01-01"}, "at", "lies in the future"),
        (
            {"model": "ez_ethereum_metrics", "mode": "backfill", "since": "2026-04-08", "at": "2026-04-01"},
            "at",
            "2026-04-01 lies before the backfill date 2026-04-08",
        ),
        ({"model": "fact_dex", "since": "2026-04-08"}, "since", "choose the backfill above"),
        ({"model": "fact_dex", "columns": "fees"}, "columns", "choose the backfill above"),
        ({"model": "ez_ethereum_metrics"}, "model", "full_refresh: false"),
    ],
)
def test_what_is_wrong_is_said_next_to_its_field(bot: Bot, answers: dict[str, str], field: str, says: str) -> None:
    bot.slack.control.command("alice", "")
    bot.form("alice")
    receipt = bot.slack.control.submit("alice", "ask", answers)
    assert not receipt.ok
    form = bot.form("alice")
    assert says in form["errors"][field]
    assert "model." not in form["errors"][field]  # the id that the menu carries is nobody's business
    assert bot.store.recent() == []


def test_the_shortcut_opens_the_form(bot: Bot) -> None:
    assert bot.slack.control.shortcut("alice", "refresh_open").ok
    assert bot.form("alice")["callback_id"] == "ask"


# --- buttons -----------------------------------------------------------------------------------------------------------


def test_a_click_is_acknowledged_and_stored_with_what_the_person_saw(bot: Bot) -> None:
    refresh = waiting(bot, explanations=explained())
    root = bot.shows(render_live(Live.CARD, refresh, samples.CONTEXT))
    post = render_live(Live.APPROVAL, refresh, samples.CONTEXT)
    ts = bot.shows(post, thread_ts=root)
    bot.presses("approve", ts)
    bot.presses("cancel", root, user="alice")
    approve, cancel = sorted(bot.clicks(), key=lambda c: c.action)
    assert (approve.action, approve.by.user_id, approve.by.team_id) == ("approve", "U0BOB", "T0DEMO")
    assert (approve.refresh, approve.revision, approve.digest) == (1, refresh.revision, samples.DIGEST[:12])
    assert (approve.channel, approve.thread_ts) == (CHANNEL, root)
    assert (cancel.action, cancel.thread_ts) == ("cancel", "")


def explained() -> tuple[Explanation, ...]:
    return tuple(Explanation(group=f"g{n}", reason="late data", note="", by=samples.BOB, at=NOW) for n in range(2))


def test_explain_opens_a_form_with_all_groups_and_stores_one_reason(bot: Bot) -> None:
    refresh = waiting(bot)
    ts = bot.shows(render_live(Live.APPROVAL, refresh, samples.CONTEXT))
    bot.presses("explain", ts)
    form = bot.form()
    assert form["callback_id"] == "explain"
    assert not bot.slack.control.submit("bob", "explain", {"reason": "other"}).ok
    assert "needs a word" in bot.form()["errors"]["note"]
    assert bot.slack.control.submit("bob", "explain", {"reason": "upstream correction", "note": "Dune"}).ok
    (click,) = bot.clicks()
    assert click.action == "explain"
    assert click.payload == {"groups": ["g0", "g1"], "reason": "upstream correction", "note": "Dune"}
    assert click.revision == refresh.revision


@pytest.mark.parametrize(
    ("action", "state", "live", "answers", "payload"),
    [
        ("reject", State.AWAITING, Live.APPROVAL, {"reason": "wrong day"}, {"reason": "wrong day"}),
        ("accept", State.FAULTY, Live.PROMOTED, {"reason": "known"}, {"reason": "known"}),
        ("happened", State.NEEDS_ATTENTION, Live.APPROVAL, {"reason": "seen"}, {"reason": "seen"}),
        ("not_happened", State.NEEDS_ATTENTION, Live.APPROVAL, {"reason": "no"}, {"reason": "no"}),
        ("undo_forced", State.FAULTY, Live.PROMOTED, {"name": "ez_ethereum_metrics"}, {"name": "ez_ethereum_metrics"}),
    ],
)
def test_forms_that_decide_are_stored_as_clicks(
    bot: Bot, action: str, state: State, live: Live, answers: dict[str, str], payload: dict[str, str]
) -> None:
    refresh = waiting(bot, state)
    bot.presses(action, bot.shows(render_live(live, refresh, samples.CONTEXT)))
    assert bot.form()["callback_id"] == action
    assert bot.slack.control.submit("bob", action, answers).ok
    (click,) = bot.clicks()
    assert (click.action, click.payload, click.channel) == (action, payload, CHANNEL)


@pytest.mark.parametrize("reason", ["   ", "\n\t\u00a0", "\u200b", " . "])
@pytest.mark.parametrize(
    ("action", "state", "live"),
    [
        ("waive", State.AWAITING, Live.APPROVAL),
        ("reject", State.AWAITING, Live.APPROVAL),
        ("accept", State.FAULTY, Live.PROMOTED),
        ("happened", State.NEEDS_ATTENTION, Live.APPROVAL),
        ("not_happened", State.NEEDS_ATTENTION, Live.APPROVAL),
    ],
)
def test_a_reason_that_says_nothing_is_refused_at_its_field(
    bot: Bot, action: str, state: State, live: Live, reason: str
) -> None:
    failing = samples.finding("turned null", Verdict.FAIL, blocks=True, waivable=True, values=1, by_column=["FEES: 1"])
    refresh = waiting(bot, state, report=samples.report(findings=(failing,)))
    bot.presses(action, bot.shows(render_live(live, refresh, samples.CONTEXT)))
    bot.form()
    assert not bot.slack.control.submit("bob", action, {"reason": reason}).ok
    assert bot.form()["errors"] == {"reason": "Please say it in words: it stands in the thread as the reason."}
    assert bot.clicks() == []


def test_the_forced_undo_wants_the_name_typed(bot: Bot) -> None:
    refresh = waiting(bot, State.FAULTY)
    bot.presses("undo_forced", bot.shows(render_live(Live.PROMOTED, refresh, samples.CONTEXT)))
    bot.form()
    assert not bot.slack.control.submit("bob", "undo_forced", {"name": "ez"}).ok
    assert bot.form()["errors"]["name"] == "This is not the model's name."
    assert bot.clicks() == []


def test_a_form_of_a_state_that_is_over_is_not_opened(bot: Bot) -> None:
    waiting(bot, State.REJECTED)
    old = samples.refresh(State.AWAITING, id=1)
    bot.presses("explain", bot.shows(render_live(Live.APPROVAL, old, samples.CONTEXT)))
    bot.told("bob", "R1 has moved on and this did nothing: rejected by <@U0BOB>")
    assert bot.slack.control.modal("bob") is None


def test_downstream_starts_the_next_refresh_in_the_name_of_whoever_presses(bot: Bot) -> None:
    plan = samples.plan(readers=(samples.reader("fact_dex"),))
    refresh = waiting(bot, State.DONE, plan=plan)
    bot.presses("downstream", bot.shows(render_live(Live.PROMOTED, refresh, samples.CONTEXT)), user="carol")
    bot.told("carol", "*R2* is on its way: `fact_dex`, full refresh")
    following = bot.store.get(2)
    assert following
    assert (following.asker.user_id, following.request.from_refresh) == ("U0CAROL", 1)
    assert following.request.at == refresh.request.dates


def test_a_failed_refresh_offers_to_try_again(bot: Bot) -> None:
    refresh = waiting(bot, State.FAILED)
    (_, failed) = posts_for(Topic.FAILED, refresh, Started(at=NOW), samples.CONTEXT)
    bot.presses("again", bot.shows(failed.message), user="alice")
    bot.told("alice", "*R2* is on its way: `ez_ethereum_metrics`, backfill from 2026-04-08")


def test_old_and_foreign_buttons_get_an_answer(bot: Bot) -> None:
    stale = {"type": "button", "text": {"type": "plain_text", "text": "?"}}
    elements = [
        stale | {"action_id": "promote_v0", "value": "42"},
        stale | {"action_id": "approve", "value": "not ours"},
        stale | {"action_id": "cancel", "value": json.dumps({"r": 77, "v": 1, "d": ""})},
    ]
    ts = bot.shows(Message(text="old", blocks=({"type": "actions", "elements": elements},)))
    bot.presses("promote_v0", ts)
    bot.told("bob", "This button is from an older message")
    bot.presses("approve", ts, user="alice")
    bot.told("alice", "This button is from an older message")
    bot.presses("cancel", ts, user="carol")
    bot.told("carol", "There is no R77")
    assert bot.clicks() == []


# --- who, and what goes wrong ------------------------------------------------------------------------------------------


def test_people_of_another_workspace_are_turned_away_with_a_sentence(bot: Bot) -> None:
    refresh = waiting(bot, explanations=explained())
    ts = bot.shows(render_live(Live.APPROVAL, refresh, samples.CONTEXT))
    bot.presses("approve", ts, user="eve")
    bot.told("eve", "Only members of this workspace may use this bot")
    assert bot.clicks() == []


def test_a_listener_that_fails_tells_the_person_a_number_to_quote(bot: Bot) -> None:
    with bot.store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE model_index")
    bot.slack.control.command("alice", "fact_dex")
    assert re.search(
        r"Please try again; if it stays, name `[0-9a-f]{8}`", bot.told("alice", "Something went wrong here")
    )


def test_without_a_signing_secret_nothing_gets_in_over_http(bot: Bot) -> None:
    client = WebClient(bot.slack.bot_token, base_url=bot.slack.api_url)
    app = build_app(bot.desk, client, bot.desk.settings)
    body = "command=/dbt-refresh&text=help&user_id=U0ALICE&team_id=T0DEMO"
    headers = SignatureVerifier("a guess").generate_signature(timestamp=str(int(time.time())), body=body)
    signed = {"x-slack-signature": [headers or ""], "x-slack-request-timestamp": [str(int(time.time()))]}
    assert app.dispatch(BoltRequest(body=body, headers=signed)).status == 401
    assert app.dispatch(BoltRequest(body=body, headers={})).status == 401


def test_six_people_at_once_are_all_answered(bot: Bot) -> None:
    with ThreadPoolExecutor(12) as pool:
        users = ["alice", "bob", "carol", "dave"] * 3
        receipts = list(pool.map(lambda u: bot.slack.control.command(u, "help"), users))
    assert all(r.ok for r in receipts)


# --- home --------------------------------------------------------------------------------------------------------------


def test_the_home_tab_is_drawn_when_it_is_opened_and_its_button_opens_the_form(bot: Bot) -> None:
    waiting(bot)
    bot.slack.control.open_home("bob")
    home = bot.slack.control.wait(lambda: bot.slack.control.home("bob"), 5, "a home tab")
    assert home
    assert "*R1*" in json.dumps(home["blocks"])
    bot.slack.control.press("bob", "form", view="home")
    assert bot.form()["callback_id"] == "ask"
