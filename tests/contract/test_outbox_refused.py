"""What Slack refuses for a while is kept and tried again; what people delete is posted anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bot import events as e
from bot.messages import THREAD_LINK, Live
from bot.slack_errors import REMEDIES, Remedy
from tests.contract.outboxes import GAP, UNKNOWN, Bot, post
from tests.contract.slacks import CHANNEL, methods
from tests.contract.test_outbox_live import FILES, buttons

# --- refused for now -----------------------------------------------------------------------------------------------------


@contextmanager
def outside(bot: Bot, channel: str = CHANNEL) -> Iterator[None]:
    """While the bot is not in the channel."""
    members = bot.slack.state.workspace.channels[channel].members
    members.discard("U0BOT")
    try:
        yield
    finally:
        members.add("U0BOT")


def waits(bot: Bot) -> None:
    """Built and compared: the result and the approval post are queued."""
    bot.happens(e.BaselineTaken)
    bot.happens(e.Built)
    bot.happens(e.Checked, post("result"), post("ready", live=Live.APPROVAL))


def test_out_of_the_channel_for_a_while_loses_nothing(bot: Bot) -> None:
    bot.plan()
    bot.settle()
    with outside(bot):
        waits(bot)
        for _ in range(20):
            bot.later(30)
    bot.settle()
    assert bot.texts()[1:] == ["plan", "result", "approval: awaiting r6 "]
    assert bot.texts()[0].startswith("card: awaiting")
    assert bot.store.get(1).undelivered == 0  # type: ignore[union-attr]


@pytest.mark.parametrize("code", sorted(c for c, r in REMEDIES.items() if r is Remedy.LATER))
def test_whatever_may_pass_is_kept_for_as_long_as_the_lock_stands(bot: Bot, code: str) -> None:
    bot.plan()
    bot.settle()
    waits(bot)
    bot.slack.control.fault("error", "chat.postMessage", error=code, times=10_000)
    for _ in range(40):
        bot.later(3_600)
    assert len(bot.texts()) == 2
    bot.slack.control.clear_faults()
    bot.settle()
    assert bot.texts()[2:] == ["result", "approval: awaiting r6 "]
    assert buttons(bot) == [("awaiting", True)]


def test_what_is_refused_is_tried_at_growing_pauses(bot: Bot) -> None:
    bot.plan()
    bot.slack.control.fault("error", "chat.postMessage", error="restricted_action", times=10_000)
    for _ in range(3_600):
        bot.later(1)
    assert 10 <= methods(bot.slack).count("chat.postMessage") <= 25


def test_the_asker_is_told_once_what_is_in_the_way(bot: Bot) -> None:
    bot.plan(post("result"))
    bot.slack.control.fault("error", "chat.postMessage", error="restricted_action", times=3)
    bot.settle()
    (told,) = bot.slack.control.private("alice")
    assert "*I cannot post R1 in <#C0INCIDENTS>.* Who may post there is restricted" in told["text"]
    assert bot.texts() == ["card: building r3 ", "plan", "result"]


def test_an_audit_channel_that_refuses_keeps_nothing_from_the_thread(bot: Bot) -> None:
    with outside(bot, "C0AUDIT"):
        bot.plan(post("audit", f"R1 started · <{THREAD_LINK}|thread>", channel="C0AUDIT", thread=False), post("result"))
        bot.later()
        assert bot.texts() == ["card: building r3 ", "plan", "result"]
        bot.happens(e.BaselineTaken)
        bot.later(GAP)
        assert bot.texts()[0] == "card: building r4 "
    bot.settle()
    (audit,) = bot.slack.control.channel("C0AUDIT")
    assert audit["text"] == f"R1 started · <{bot.store.permalink(1)}|thread>"


def test_a_code_that_nobody_knows_is_tried_for_an_hour_and_then_given_up(bot: Bot) -> None:
    bot.plan(post("result"), post("ready"))
    bot.slack.control.fault("error", "chat.postMessage", error="slack_invented_this", times=10_000)
    for _ in range(10):
        bot.later(300)
    bot.slack.control.clear_faults()
    bot.settle()
    assert bot.texts() == ["card: building r3 ", "plan", "result", "ready"]
    bot.slack.control.fault("error", "chat.postMessage", error="slack_invented_this", times=10_000)
    bot.happens(e.BaselineTaken, post("lost"))
    for _ in range(30):
        bot.later(300)
    bot.slack.control.clear_faults()
    bot.settle()
    assert bot.texts() == ["card: building r4 1", "plan", "result", "ready"]


def test_after_the_end_a_day_is_enough(bot: Bot) -> None:
    bot.plan()
    bot.settle()
    with outside(bot):
        bot.happens(e.Failed, post("failed"))
        for _ in range(48):
            bot.later(3_600)
    assert bot.store.unsent() == 0
    assert bot.store.get(1).undelivered  # type: ignore[union-attr]


def test_a_post_whose_fate_is_not_known_is_looked_for_after_a_refusal_too(bot: Bot) -> None:
    bot.plan(post("result"))
    for n in range(2):
        assert len(bot.texts()) == n
        (letter,) = bot.store.take_letters("test", 1, 60)
        assert bot.delivery._deliver(letter)
    bot.slack.control.fault("lost_reply", "chat.postMessage")
    bot.delivery.run_once()
    bot.slack.control.fault("error", "conversations.replies", error="not_in_channel", times=2)
    bot.later()
    bot.later()
    bot.settle()
    assert bot.texts() == ["card: building r3 ", "plan", "result"]


def test_only_blocks_that_are_refused_are_left_out(bot: Bot) -> None:
    """A refusal that passes between two tries must not take the buttons off the approval post."""
    bot.plan()
    waits(bot)
    bot.settle()
    bot.slack.control.fault("error", "chat.update", error="not_in_channel")
    bot.happens(e.Explained, touch=(Live.CARD, Live.APPROVAL))
    bot.settle()
    assert buttons(bot) == [("awaiting", True)]
    assert all(
        call["args"].get("blocks") for call in bot.slack.control.traffic("api") if call["method"] == "chat.update"
    )
    assert UNKNOWN not in bot.slack.control.channel(CHANNEL)


def test_without_the_right_to_upload_the_text_is_posted_alone(bot: Bot) -> None:
    bot.plan(post("result", "pass", files=FILES), post("ready"))
    bot.slack.control.fault("error", "files.*", error="missing_scope", times=10_000)
    bot.settle()
    assert bot.texts() == ["card: building r3 1", "plan", "pass", "ready"]


# --- the address of the card ------------------------------------------------------------------------------------------------


def test_an_address_that_is_not_known_is_left_out_and_asked_for_again(bot: Bot) -> None:
    bot.slack.control.fault("error", "chat.getPermalink", error="internal_error", times=6)
    bot.plan(post("audit", f"R1 started · <{THREAD_LINK}|thread>", channel="C0AUDIT", thread=False))
    bot.delivery.run_once()
    (audit,) = bot.slack.control.channel("C0AUDIT")
    assert audit["text"] == "R1 started"
    bot.slack.control.clear_faults()
    bot.happens(e.BaselineTaken)
    bot.settle()
    assert bot.store.permalink(1).startswith(bot.slack.url)


# --- deleted ------------------------------------------------------------------------------------------------------------


def delete(bot: Bot, ts: str) -> None:
    """A person deletes a message of the bot, as an administrator of the workspace may."""
    bot.delivery._chat._writer.chat_delete(channel=CHANNEL, ts=ts)


def test_an_approval_post_that_was_deleted_comes_again(bot: Bot) -> None:
    bot.plan()
    waits(bot)
    bot.settle()
    found = bot.store.live_message(1, Live.APPROVAL)
    assert found
    delete(bot, found.ts)
    assert buttons(bot) == []
    for _ in range(3):
        bot.clock.forward(301)
        bot.store.look_for_live(300)
        bot.later()
    assert buttons(bot) == [("awaiting", True)]
    assert bot.texts()[-2:] == [
        "*The approval post was deleted in Slack, so I post it anew:*",
        "approval: awaiting r6 ",
    ]
    notes = [json.loads(line.data)["text"] for line in bot.store.trail(1) if line.event == "noted"]
    assert notes == ["the approval post was deleted in Slack, and posted anew"]
    bot.happens(e.Rejected, touch=(Live.CARD, Live.APPROVAL))
    bot.settle()
    assert bot.texts()[-1] == "approval: rejected r7 "


@pytest.mark.parametrize("replies", [True, False])
def test_a_card_that_was_deleted_comes_again_and_what_waits_follows_it(bot: Bot, replies: bool) -> None:
    bot.plan()
    if replies:
        waits(bot)
        bot.settle()
    else:
        (letter,) = bot.store.take_letters("test", 1, 60)
        bot.delivery._deliver(letter)
        waits(bot)
    old = bot.store.thread(1)
    assert old
    delete(bot, old[1])
    bot.happens(e.Explained, touch=(Live.CARD, Live.APPROVAL))
    bot.settle()
    new = bot.store.thread(1)
    assert new
    assert new != old
    shown = [m["text"] for m in bot.slack.control.thread(CHANNEL, new[1])]
    assert shown[0] == "card: awaiting r7 "
    assert "*The card was deleted in Slack, so I posted it anew.*" in shown[-2] or replies is False
    assert "approval: awaiting r7 " in shown
    assert bot.store.permalink(1).endswith(new[1].replace(".", ""))
    approval = bot.store.live_message(1, Live.APPROVAL)
    assert approval
    message = bot.slack.control.message(CHANNEL, approval.ts)
    assert message
    assert message["thread_ts"] == new[1]
    if replies:  # the one of the old thread no longer decides anything
        (before,) = [m for m in bot.slack.control.thread(CHANNEL, old[1]) if m["text"].startswith("approval")]
        assert "button" not in str(before["blocks"])
