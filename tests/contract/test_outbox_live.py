"""Files and live messages against the local Slack: once, up to date, and never a dead button."""

from __future__ import annotations

import pytest

from bot import events as e
from bot.messages import Attachment, Live
from tests.contract.outboxes import GAP, Bot, post
from tests.contract.slacks import CHANNEL, methods

# --- files -------------------------------------------------------------------------------------------------------------

FILES = (
    Attachment(name="p.png", content=b"\x89PNG", title="Picture", alt_text="dev over prod"),
    Attachment(name="details.txt", content=b"all of it", title="Details"),
)


def test_a_result_is_one_message_with_its_files(bot: Bot) -> None:
    bot.plan(post("result", "pass", files=FILES), post("ready"))
    bot.delivery.run_once()
    assert bot.texts()[1:] == ["plan", "pass", "ready"]
    result = bot.slack.control.thread(CHANNEL, bot.slack.control.channel(CHANNEL)[0]["ts"])[2]
    assert [bot.slack.control.file(f["id"]) for f in result["files"]] == [f.content for f in FILES]


@pytest.mark.parametrize("kind", ["lost_reply", "5xx"])
@pytest.mark.parametrize("method", ["files.getUploadURLExternal", "files.completeUploadExternal"])
def test_interrupted_files_appear_once(bot: Bot, method: str, kind: str) -> None:
    bot.plan(post("result", "pass", files=FILES), post("ready"))
    bot.slack.control.fault(kind, method)  # pyright: ignore[reportArgumentType]
    bot.settle()
    assert bot.texts()[1:] == ["plan", "pass", "ready"]
    again = method == "files.getUploadURLExternal"
    assert methods(bot.slack).count("files.getUploadURLExternal") == len(FILES) + again
    assert methods(bot.slack).count("files.completeUploadExternal") == (2 if kind == "5xx" and not again else 1)


def test_refused_files_leave_the_text_and_a_word_on_the_card(bot: Bot) -> None:
    bot.plan(post("result", "pass", files=FILES), post("ready"))
    bot.slack.control.fault("error", "files.completeUploadExternal", error="file_uploads_disabled")
    bot.settle()
    assert bot.texts() == ["card: building r3 1", "plan", "pass", "ready"]


# --- live messages -------------------------------------------------------------------------------------------------------


def updates(bot: Bot) -> int:
    return methods(bot.slack).count("chat.update")


def test_the_card_shows_the_latest_and_is_not_updated_too_often(bot: Bot) -> None:
    bot.plan()
    bot.delivery.run_once()
    (claim,) = bot.store.claim("w", 1, 600)
    for n in range(8):
        bot.store.progress(claim, f"step {n} ", n / 8)
        bot.later(GAP / 4)
    assert updates(bot) == 2
    assert bot.texts()[0] == "card: building r3 step 7 "
    bot.happens(e.BaselineTaken)
    assert bot.later(GAP) == 1
    assert bot.texts()[0].startswith("card: building r4")
    assert bot.later(GAP) == 0


def test_posts_go_before_updates(bot: Bot) -> None:
    bot.plan()
    bot.delivery.run_once()
    bot.slack.control.fault("5xx", "chat.postMessage")
    bot.happens(e.BaselineTaken, post("said"))
    bot.later(GAP)
    bot.later(0.5)  # the post has its pause, the update would be due
    assert updates(bot) == 0
    bot.settle()
    tail = [m for m in methods(bot.slack) if m in ("chat.postMessage", "chat.update")][-2:]
    assert tail == ["chat.postMessage", "chat.update"]


def test_an_update_that_fails_is_repeated_and_one_refused_is_given_up(bot: Bot) -> None:
    bot.plan()
    bot.delivery.run_once()
    bot.slack.control.fault("5xx", "chat.update", times=2)
    bot.happens(e.BaselineTaken)
    bot.settle()
    assert bot.texts()[0].startswith("card: building r4")
    bot.slack.control.fault("error", "chat.update", error="cant_update_message")
    before = updates(bot)
    bot.happens(e.Built)
    bot.settle()
    assert updates(bot) == before + 1  # not again, and not as text: nothing was wrong with its blocks
    assert bot.texts()[0].startswith("card: building r4")


def buttons(bot: Bot) -> list[tuple[str, bool]]:
    """Each reply of the thread that is an approval post, and whether it has buttons."""
    root = bot.slack.control.channel(CHANNEL)[0]["ts"]
    replies = [m for m in bot.slack.control.thread(CHANNEL, root) if m["text"].startswith("approval")]
    return [(m["text"].split()[1], "button" in str(m["blocks"])) for m in replies]


def test_a_second_approval_post_takes_over_and_no_dead_button_stays(bot: Bot) -> None:
    bot.plan()
    bot.happens(e.BaselineTaken)
    bot.happens(e.Built)
    bot.happens(e.Checked, post("ready 1", live=Live.APPROVAL))
    bot.settle()
    assert buttons(bot) == [("awaiting", True)]
    first = bot.texts()[-1]
    both = (Live.CARD, Live.APPROVAL)
    bot.slack.control.fault("outage")  # so that the first post cannot be updated in time
    bot.happens(e.RecheckAsked, touch=both)
    bot.later()
    bot.happens(e.Checked, post("ready 2", live=Live.APPROVAL))
    bot.later()
    bot.slack.control.clear_faults()
    bot.settle()
    assert buttons(bot) == [("awaiting", False), ("awaiting", True)]
    assert bot.texts()[-2] == first  # what people saw stays
    assert "awaiting" in str(bot.slack.control.thread(CHANNEL, bot.store.thread(1)[1])[-2]["blocks"])  # type: ignore[index]
    bot.happens(e.Rejected, touch=both)
    bot.settle()
    assert buttons(bot)[1] == ("rejected", True)


def test_a_process_that_thaws_over_an_update_writes_nothing_older_over_it(bot: Bot) -> None:
    bot.plan()
    bot.settle()
    bot.happens(e.BaselineTaken)
    bot.clock.forward(GAP)
    (old,) = bot.store.take_live("frozen", 1, 60, GAP)
    bot.clock.forward(61)
    bot.happens(e.Built)
    bot.settle()
    shown = bot.texts()[0]
    sent = methods(bot.slack).count("chat.update")
    assert bot.another()._refresh_live(old)
    bot.store.live_shown(old, None)
    bot.settle()
    assert (bot.texts()[0], methods(bot.slack).count("chat.update")) == (shown, sent)
    assert bot.store.get(1).undelivered == 0  # type: ignore[union-attr]


def test_a_live_post_shows_the_row_as_it_is_when_it_is_sent(bot: Bot) -> None:
    bot.plan(post("ready", "as it was", live=Live.APPROVAL))
    bot.happens(e.BaselineTaken)
    bot.delivery.run_once()
    assert bot.texts() == ["card: building r4 ", "plan", "approval: building r4 "]
    assert bot.later(GAP) == 0
