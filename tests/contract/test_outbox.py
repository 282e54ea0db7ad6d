"""Delivery against the local Slack: in order, nothing lost, nothing doubled."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot import events as e
from bot.messages import THREAD_LINK, Attachment, Live, Message
from bot.model import Refresh
from bot.outbox import Delivery
from tests.contract.outboxes import GAP, UNKNOWN, Bot, post
from tests.contract.slacks import CHANNEL, chat_with, methods

# --- order -------------------------------------------------------------------------------------------------------------


def test_the_card_is_the_root_and_the_rest_follows_in_order(bot: Bot) -> None:
    bot.plan(post("result"), post("ready"))
    assert bot.delivery.run_once() == 4
    (root,) = bot.slack.control.channel(CHANNEL)
    assert bot.store.thread(1) == (CHANNEL, root["ts"])
    assert bot.store.permalink(1).startswith(bot.slack.url)
    assert bot.texts() == ["card: building r3 ", "plan", "result", "ready"]
    assert bot.delivery.run_once() == 0
    assert bot.store.unsent() == 0


def test_threads_of_several_refreshes_do_not_wait_for_each_other(bot: Bot) -> None:
    bot.plan()
    bot.ask("OTHER", (post("gone", channel="C0NOWHERE", live=Live.CARD), post("kept")))
    third = bot.ask("THIRD", (replace(post("x"), key="R3:card", live=Live.CARD),))
    for _ in range(3):
        bot.later()
    assert bot.texts() == ["card: building r3 ", "plan"]
    assert bot.store.thread(third.id)
    assert bot.store.thread(2) is None
    assert bot.store.unsent() == 2  # the card, and what has no thread without it


def test_a_post_outside_the_thread_links_to_it(bot: Bot) -> None:
    link = f"R1 started, <{THREAD_LINK}|thread>"
    bot.plan(post("audit", link, channel="C0AUDIT", thread=False))
    bot.delivery.run_once()
    (audit,) = bot.slack.control.channel("C0AUDIT")
    assert audit["text"] == f"R1 started, <{bot.store.permalink(1)}|thread>"
    assert bot.store.permalink(1)
    assert "thread_ts" not in audit


# --- trouble -----------------------------------------------------------------------------------------------------------


def test_an_outage_loses_and_doubles_nothing(bot: Bot) -> None:
    bot.slack.control.fault("outage")
    bot.plan(post("result"))
    assert [bot.later() for _ in range(5)] == [0] * 5
    bot.happens(e.BaselineTaken)
    bot.slack.control.clear_faults()
    bot.settle()
    assert bot.texts() == ["card: building r4 ", "plan", "result"]


def test_an_outage_is_not_hammered(bot: Bot) -> None:
    bot.slack.control.fault("outage")
    bot.plan()
    for _ in range(60):
        bot.later(1)
    assert len(methods(bot.slack)) < 15


def test_a_pause_that_slack_asks_for_is_kept(bot: Bot) -> None:
    bot.slack.control.fault("429", "chat.postMessage", seconds=30)
    bot.plan()
    assert bot.delivery.run_once() == 0
    assert bot.later(29) == 0
    assert len(methods(bot.slack)) == 1
    assert bot.later(2) == 2
    assert methods(bot.slack).count("conversations.history") == 0  # it was surely not sent


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_lost_reply_does_not_double(bot: Bot, place: int) -> None:
    bot.plan(post("result"))
    for n in range(3):
        if n == place:
            bot.slack.control.fault("lost_reply", "chat.postMessage")
            bot.delivery.run_once()
            assert len(bot.texts()) == n + 1
            break
        _one(bot)
    bot.happens(e.BaselineTaken)
    bot.settle()
    assert bot.texts() == ["card: building r4 ", "plan", "result"]
    assert methods(bot.slack).count("chat.postMessage") == 3


def _one(bot: Bot) -> None:
    """Deliver exactly one post."""
    (letter,) = bot.store.take_letters("test", 1, 60)
    assert bot.delivery._deliver(letter)


@pytest.mark.parametrize("arrived", [False, True])
def test_a_process_killed_while_sending_neither_loses_nor_doubles(bot: Bot, arrived: bool) -> None:
    bot.plan()
    (letter,) = bot.store.take_letters("killed", 1, 60)
    if arrived:
        chat_with(bot.slack).post(CHANNEL, Message(text="card, first"), key=letter.key, refresh=1)
    assert bot.delivery.run_once() == 0  # leased, and the plan waits for it
    bot.clock.forward(61)
    bot.another().run_once()
    assert len(bot.texts()) == 2
    bot.settle()
    assert bot.texts() == ["card: building r3 ", "plan"]


def test_a_process_that_thaws_over_a_post_does_not_send_it_a_second_time(bot: Bot) -> None:
    bot.plan(post("result", files=(Attachment(name="f.csv", content=b"a,b", title="F"),)))
    frozen = []
    for _ in range(3):
        frozen += bot.store.take_letters("frozen", 1, 60)
        bot.clock.forward(61)
        _one(bot)
    for letter in frozen:
        assert bot.another()._deliver(letter)
    assert bot.texts() == ["card: building r3 ", "plan", "result"]
    sent = methods(bot.slack)
    assert (sent.count("chat.postMessage"), sent.count("files.completeUploadExternal")) == (2, 1)


def test_a_process_that_thaws_says_nothing_of_a_post_that_another_has_sent(bot: Bot) -> None:
    bot.plan()
    (letter,) = bot.store.take_letters("frozen", 1, 60)
    bot.clock.forward(61)
    _one(bot)
    bot.store.letter_later(letter, 0.0, "ratelimited", sent_maybe=False)
    bot.store.letter_refused(letter, "channel_not_found")
    bot.settle()
    assert bot.texts() == ["card: building r3 ", "plan"]  # once, and not as one that could not be delivered


def test_two_workers_deliver_one_thread_in_order(bot: Bot) -> None:
    bot.plan(*(post(f"p{n}") for n in range(15)))
    workers = [bot.another() for _ in range(3)]

    def run(delivery: Delivery) -> None:
        while bot.store.unsent():
            delivery.run_once()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, workers))
    assert bot.texts()[1:] == ["plan", *(f"p{n}" for n in range(15))]


def test_slack_forgetting_the_thread_does_not_stop_the_queue(bot: Bot) -> None:
    bot.plan()
    bot.delivery.run_once()
    bot.slack.state.messages[CHANNEL].clear()
    bot.happens(e.BaselineTaken, post("lost"), post("audit", channel="C0AUDIT", thread=False))
    bot.settle()
    assert [m["text"] for m in bot.slack.control.channel("C0AUDIT")] == ["audit"]


# --- refused -----------------------------------------------------------------------------------------------------------


def test_refused_blocks_are_sent_as_text(bot: Bot) -> None:
    bot.plan(post("odd", message=Message(text="as text", blocks=(UNKNOWN,))))
    bot.settle()
    assert bot.texts()[1:] == ["plan", "as text"]
    assert bot.refresh.undelivered == 0


def test_what_is_refused_twice_is_said_on_the_card_and_the_next_goes_on(bot: Bot) -> None:
    bot.plan()
    bot.delivery.run_once()
    odd = post("odd", message=Message(text="odd", blocks=(UNKNOWN,)))
    bot.slack.control.fault("error", "chat.postMessage", times=2, error="invalid_blocks")
    bot.happens(e.BaselineTaken, odd, post("next"))
    bot.settle()
    assert bot.texts() == ["card: building r4 1", "plan", "next"]


def test_a_message_that_cannot_be_made_does_not_stop_the_queue(bot: Bot) -> None:
    def broken(live: Live, refresh: Refresh, now: datetime) -> Message:
        raise KeyError("headline")

    bot.plan()
    bot.delivery = Delivery(bot.store, chat_with(bot.slack), broken, lambda: datetime.now(UTC), GAP)
    other = bot.ask("OTHER")
    bot.store.answer(post("answer", private_to="U0ALICE"), other.id)
    bot.settle()
    assert [m["text"] for m in bot.slack.control.private("alice")] == ["answer"]
    stored = bot.store.get(1)
    assert stored
    assert stored.undelivered == 2


# --- private answers -----------------------------------------------------------------------------------------------------


def test_a_private_answer_waits_for_nothing_and_survives_an_outage(bot: Bot) -> None:
    bot.slack.control.fault("error", "chat.postMessage", times=99, error="internal_error")
    bot.plan()
    bot.delivery.run_once()
    bot.store.answer(post("no", "four eyes", private_to="U0ALICE"), 1)
    bot.slack.control.fault("5xx", "chat.postEphemeral", status=503)
    for _ in range(3):
        bot.later()
    assert [m["text"] for m in bot.slack.control.private("alice")] == ["four eyes"]
    assert bot.texts() == []


def test_a_private_answer_in_the_thread(bot: Bot) -> None:
    bot.plan()
    bot.delivery.run_once()
    bot.store.answer(post("no", private_to="U0ALICE"), 1)
    bot.store.answer(post("hello", private_to="U0ALICE", thread=False), 1)
    bot.delivery.run_once()
    thread = bot.store.thread(1)
    assert thread
    assert [m.get("thread_ts") for m in bot.slack.control.private("alice")] == [thread[1], None]


def test_who_left_the_channel_hears_nothing_and_holds_up_nobody(bot: Bot) -> None:
    bot.plan()
    bot.store.answer(post("no", private_to="U0EVE"), 1)
    bot.settle()
    assert len(bot.texts()) == 2
    assert bot.refresh.undelivered == 0
