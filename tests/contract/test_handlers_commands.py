"""What is typed is answered privately, also where it is not understood or a listener fails; nothing gets in unsigned."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from slack_bolt import BoltRequest
from slack_sdk import WebClient
from slack_sdk.signature import SignatureVerifier

from bot.messages import Click, Message, Post
from bot.model import Actor, Mode, Relation
from bot.store import Hold
from handlers import build_app
from sandbox.slack import SlackSandbox
from tests.contract.listeners import NOW, Bot, listening
from tests.contract.slacks import CHANNEL


@pytest.fixture
def bot(slack: SlackSandbox, tmp_path: Path) -> Iterator[Bot]:
    with listening(slack, tmp_path) as made:
        yield made


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
    bot.store.put_on_hold(click, hold, lambda live: [Post(key="h", channel=CHANNEL, message=Message(text="on hold"))])
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


def test_six_people_at_once_are_all_answered(bot: Bot) -> None:
    with ThreadPoolExecutor(12) as pool:
        users = ["alice", "bob", "carol", "dave"] * 3
        receipts = list(pool.map(lambda u: bot.slack.control.command(u, "help"), users))
    assert all(r.ok for r in receipts)


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


def test_a_token_in_the_environment_is_nothing_to_warn_of(
    bot: Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It always is there: Bolt looks for it by itself, beside the one that it is given."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-unused")
    with caplog.at_level("WARNING"):
        build_app(bot.desk, WebClient(bot.slack.bot_token, base_url=bot.slack.api_url), bot.desk.settings)
    assert caplog.records == []
