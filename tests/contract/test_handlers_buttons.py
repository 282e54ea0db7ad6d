"""Buttons: stored with what the person saw, answered where they are old, foreign or not for this person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.blocks import posts_for, render_live
from bot.events import Started
from bot.machine import Topic
from bot.messages import Live, Message, Post
from bot.model import Refresh, State
from sandbox.slack import SlackSandbox
from tests.contract.listeners import NOW, Bot, explained, listening, waiting
from tests.contract.slacks import CHANNEL
from tests.unit import samples


@pytest.fixture
def bot(slack: SlackSandbox, tmp_path: Path) -> Iterator[Bot]:
    with listening(slack, tmp_path) as made:
        yield made


def test_a_click_is_acknowledged_and_stored_with_what_the_person_saw(bot: Bot) -> None:
    refresh = waiting(bot, explanations=explained())
    root = bot.shows(render_live(Live.CARD, refresh, samples.CONTEXT))
    post = render_live(Live.APPROVAL, refresh, samples.CONTEXT)
    ts = bot.shows(post, thread_ts=root)
    bot.presses("approve", ts)
    bot.presses("cancel", root, user="alice")
    approve, cancel = sorted(bot.clicks(), key=lambda c: c.action)
    assert (approve.action, approve.by.user_id, approve.by.team_id) == ("approve", "U0BOB", "T0DEMO")
    assert (approve.refresh, approve.revision, approve.digest) == (1, refresh.revision, samples.DIGEST)
    assert approve.wait == refresh.wait
    assert (approve.channel, approve.thread_ts) == (CHANNEL, root)
    assert (cancel.action, cancel.thread_ts) == ("cancel", "")


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
        stale | {"action_id": "cancel", "value": json.dumps({"r": 77, "v": 1, "w": 0, "d": ""})},
    ]
    ts = bot.shows(Message(text="old", blocks=({"type": "actions", "elements": elements},)))
    bot.presses("promote_v0", ts)
    bot.told("bob", "This button is from an older message")
    bot.presses("approve", ts, user="alice")
    bot.told("alice", "This button is from an older message")
    bot.presses("cancel", ts, user="carol")
    bot.told("carol", "There is no R77")
    assert bot.clicks() == []


@pytest.mark.parametrize(
    "value",
    [
        '{"r": 1e400, "v": 1, "w": 0, "d": "e"}',
        '{"r": 12345678901234567890123, "v": 1, "w": 0, "d": "e"}',
        '{"r": 1, "v": 1e400, "w": 0, "d": "e"}',
        '{"r": true, "v": 1, "w": 0, "d": "e"}',
        '{"r": 1, "v": 1, "w": -1, "d": "e"}',
        '{"r": 1, "v": 1, "w": 0, "d": 7}',
        "[" * 1_990,
    ],
)
def test_a_forged_value_is_answered_and_stores_nothing(bot: Bot, value: str, caplog: pytest.LogCaptureFixture) -> None:
    stale = {"type": "button", "text": {"type": "plain_text", "text": "?"}, "value": value}
    elements = [stale | {"action_id": action} for action in ("approve", "explain", "downstream")]
    ts = bot.shows(Message(text="forged", blocks=({"type": "actions", "elements": elements},)))
    for action, user in (("approve", "bob"), ("explain", "carol"), ("downstream", "alice")):
        bot.presses(action, ts, user=user)
        bot.told(user, "This button is from an older message")
    assert bot.clicks() == []
    assert not [r for r in caplog.records if r.exc_info]


def test_the_buttons_of_an_older_version_are_drawn_anew(bot: Bot) -> None:
    """They carried a shorter digest and no wait, and neither may count for the whole of it."""
    refresh = waiting(bot, explanations=explained())
    post = render_live(Live.APPROVAL, refresh, samples.CONTEXT)
    letter_of(bot, refresh, post)
    old = {"r": refresh.id, "v": refresh.revision, "d": refresh.digest[:12]}
    button = {"type": "button", "action_id": "approve", "text": {"type": "plain_text", "text": "Approve"}}
    ts = bot.shows(
        Message(text="old", blocks=({"type": "actions", "elements": [button | {"value": json.dumps(old)}]},))
    )
    before = bot.store.live_message(refresh.id, Live.APPROVAL)
    bot.presses("approve", ts)
    bot.told("bob", "The buttons of R1 were drawn anew: please press again.")
    assert bot.clicks() == []
    anew = bot.store.live_message(refresh.id, Live.APPROVAL)
    assert before is not None
    assert anew is not None
    assert anew.wanted == before.wanted + 1


def letter_of(bot: Bot, refresh: Refresh, shown: Message) -> None:
    """The approval post as the outbox would send it."""
    bot.store.answer(Post(key="approval", channel=CHANNEL, message=shown, live=Live.APPROVAL), refresh.id)


def test_a_press_that_slack_delivers_again_counts_once(bot: Bot) -> None:
    refresh = waiting(bot, explanations=explained())
    ts = bot.shows(render_live(Live.APPROVAL, refresh, samples.CONTEXT))
    for again in range(2):
        bot.presses("approve", ts)
        first = [t for t in bot.slack.control.traffic("delivery") if t["type"] == "block_actions"][-1]
        assert bot.slack.control.deliver_again(first).ok
        assert len(bot.clicks()) == 1, again  # and it may be pressed again, which is another press
    bot.presses("reject", ts)
    bot.form()
    assert bot.slack.control.submit("bob", "reject", {"reason": "The source is still wrong"}).ok
    form = [t for t in bot.slack.control.traffic("delivery") if t["type"] == "view_submission"][-1]
    assert bot.slack.control.deliver_again(form).ok
    assert len(bot.clicks()) == 1


def test_a_command_that_slack_delivers_again_asks_once(bot: Bot) -> None:
    """However much later it comes, when what it asked for has long ended."""
    bot.types("fact_dex")
    typed = [t for t in bot.slack.control.traffic("delivery") if t["type"] == "slash_commands"][-1]
    first = bot.store.get(1)
    assert first is not None
    cancelled = replace(first, state=State.CANCELLED)
    assert bot.store.commit(first, cancelled, event=Started(at=NOW))
    assert bot.slack.control.deliver_again(typed).ok
    assert bot.store.recent() == [bot.store.get(1)]
    bot.types("fact_dex")
    assert len(bot.store.recent()) == 2


def test_people_of_another_workspace_are_turned_away_with_a_sentence(bot: Bot) -> None:
    refresh = waiting(bot, explanations=explained())
    ts = bot.shows(render_live(Live.APPROVAL, refresh, samples.CONTEXT))
    bot.presses("approve", ts, user="eve")
    bot.told("eve", "Only members of this workspace may use this bot")
    assert bot.clicks() == []
