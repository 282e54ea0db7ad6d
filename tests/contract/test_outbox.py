"""Delivery against the local Slack: in order, nothing lost, nothing doubled, live messages up to date."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot import events as e
from bot.machine import step
from bot.messages import THREAD_LINK, Attachment, Live, Message, Post
from bot.model import Refresh
from bot.outbox import Delivery
from bot.store import Store
from sandbox.slack import SlackSandbox
from tests.contract.databases import BACKENDS, Clock, store_on
from tests.contract.slacks import CHANNEL, chat_with, methods
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


@pytest.fixture(scope="module")
def module_slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as started:
        yield started


@pytest.fixture
def slack(module_slack: SlackSandbox) -> SlackSandbox:
    """One local Slack for all tests, emptied."""
    module_slack.control.clear_faults()
    with module_slack.state.changing():
        module_slack.state.messages.clear()
        module_slack.state.ephemerals.clear()
        module_slack.state.traffic.clear()
    return module_slack


@pytest.fixture(params=BACKENDS)
def bot(request: pytest.FixtureRequest, tmp_path: Path, slack: SlackSandbox) -> Iterator[Bot]:
    clock = Clock(time.time())
    with store_on(request.param, tmp_path, clock) as store:
        yield Bot(store, clock, slack)


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
    bot.ask("OTHER", (post("gone", channel="C0NOWHERE", live=Live.CARD), post("lost")))
    third = bot.ask("THIRD", (replace(post("x"), key="R3:card", live=Live.CARD),))
    bot.settle()
    assert bot.texts() == ["card: building r3 ", "plan"]
    assert bot.store.thread(third.id)
    assert bot.store.thread(2) is None
    other = bot.store.get(2)
    assert other
    assert other.undelivered == 2  # the card, and what has no thread without it


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
    bot.slack.control.fault("error", "chat.postMessage", times=2, error="restricted_action")
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
    bot.slack.control.fault("error", "chat.update", times=2, error="cant_update_message")
    before = updates(bot)
    bot.happens(e.Built)
    bot.settle()
    assert updates(bot) == before + 2  # with blocks, as text, then not again
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


def test_a_live_post_shows_the_row_as_it_is_when_it_is_sent(bot: Bot) -> None:
    bot.plan(post("ready", "as it was", live=Live.APPROVAL))
    bot.happens(e.BaselineTaken)
    bot.delivery.run_once()
    assert bot.texts() == ["card: building r4 ", "plan", "approval: building r4 "]
    assert bot.later(GAP) == 0
