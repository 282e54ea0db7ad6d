"""Buttons: stored with what the person saw, answered where they are old, foreign or not for this person."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.blocks import posts_for, render_live
from bot.events import Started
from bot.machine import Topic
from bot.messages import Live, Message
from bot.model import State
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
    assert (approve.refresh, approve.revision, approve.digest) == (1, refresh.revision, samples.DIGEST[:12])
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


def test_people_of_another_workspace_are_turned_away_with_a_sentence(bot: Bot) -> None:
    refresh = waiting(bot, explanations=explained())
    ts = bot.shows(render_live(Live.APPROVAL, refresh, samples.CONTEXT))
    bot.presses("approve", ts, user="eve")
    bot.told("eve", "Only members of this workspace may use this bot")
    assert bot.clicks() == []
