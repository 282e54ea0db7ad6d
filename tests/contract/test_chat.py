"""The Slack gateway against the local Slack: what is sent, what is read, and which trouble is which."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import pytest

from bot.chat import Chat, ChatDown, ChatError, ChatRefused
from bot.messages import Attachment, Message
from bot.slack_manifest import SCOPES, manifest
from sandbox.slack import SlackSandbox
from sandbox.slack.workspace import InstalledApp, demo
from tests.contract.slacks import CHANNEL, chat_with, methods

BLOCK = {"type": "section", "text": {"type": "mrkdwn", "text": "*R1*"}}
HELLO = Message(text="R1 · ez", blocks=(BLOCK,))


@pytest.fixture
def chat(slack: SlackSandbox) -> Chat:
    return chat_with(slack)


def hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def test_a_post_an_update_and_an_update_to_text(slack: SlackSandbox, chat: Chat) -> None:
    ts = chat.post(CHANNEL, HELLO, key="R1:card", refresh=1)
    posted = slack.control.message(CHANNEL, ts)
    assert posted
    assert (posted["text"], posted["blocks"][0]["text"]["text"]) == ("R1 · ez", "*R1*")
    assert posted["metadata"] == {"event_type": "dbt_refresh", "event_payload": {"key": "R1:card", "refresh": 1}}
    call = slack.control.traffic("api")[-1]["args"]
    assert (call["unfurl_links"], call["unfurl_media"]) in {(False, False), ("0", "0")}
    assert (call["parse"], call["link_names"]) in {("none", False), ("none", "0")}  # what others wrote is text
    chat.update(CHANNEL, ts, Message(text="plain"))
    updated = slack.control.message(CHANNEL, ts)
    assert updated
    assert updated["text"] == "plain"
    assert "blocks" not in updated
    reply = chat.post(CHANNEL, Message(text="plan"), key="R1:plan", refresh=1, thread_ts=ts)
    assert [m["ts"] for m in slack.control.thread(CHANNEL, ts)] == [ts, reply]
    assert slack.url in chat.permalink(CHANNEL, ts)


def test_a_private_answer(slack: SlackSandbox, chat: Chat) -> None:
    chat.ephemeral(CHANNEL, "U0ALICE", HELLO)
    assert [m["text"] for m in slack.control.private("alice")] == ["R1 · ez"]
    assert slack.control.private("bob") == []
    with pytest.raises(ChatRefused, match="user_not_in_channel"):
        chat.ephemeral(CHANNEL, "U0EVE", HELLO)


def test_files_are_seen_only_when_shared_and_then_found(slack: SlackSandbox, chat: Chat) -> None:
    root = chat.post(CHANNEL, HELLO, key="R1:card")
    files = [
        Attachment(name="p.png", content=b"\x89PNG\x00\xff", title="Picture", alt_text="dev over prod"),
        Attachment(name="outliers.csv", content=b"date,metric\n", title="Outliers"),
    ]
    ids = [chat.upload(file) for file in files]
    assert len(slack.control.thread(CHANNEL, root)) == 1
    assert chat.find_file(CHANNEL, ids[0], thread_ts=root, since=hour_ago()) is None
    chat.share([(i, f.title) for i, f in zip(ids, files, strict=True)], CHANNEL, "Result: pass", thread_ts=root)
    (shared,) = slack.control.thread(CHANNEL, root)[1:]
    assert shared["text"] == "Result: pass"
    assert [(f["title"], f["alt_txt"]) for f in shared["files"]] == [("Picture", "dev over prod"), ("Outliers", "")]
    assert [slack.control.file(i) for i in ids] == [f.content for f in files]
    assert chat.find_file(CHANNEL, ids[0], thread_ts=root, since=hour_ago()) == shared["ts"]


def test_our_messages_are_found_by_key_on_any_page(slack: SlackSandbox, chat: Chat) -> None:
    root = chat.post(CHANNEL, HELLO, key="R1:card")
    for n in range(3):
        slack.control.say("alice", f"chatter {n}", CHANNEL, root)
    wanted = chat.post(CHANNEL, Message(text="here"), key="R1:plan", thread_ts=root)
    for n in range(250):
        slack.control.say("bob", f"more {n}", CHANNEL, root)
    assert chat.find(CHANNEL, "R1:plan", thread_ts=root, since=hour_ago()) == wanted
    assert chat.find(CHANNEL, "R1:card", since=hour_ago()) == root
    assert chat.find(CHANNEL, "R1:result", thread_ts=root, since=hour_ago()) is None
    assert chat.find(CHANNEL, "R1:card", since=datetime.now(UTC) + timedelta(hours=1)) is None


def test_people_groups_and_channels_as_slack_says(chat: Chat) -> None:
    alice, guest, bot, eve = (chat.person(u) for u in ("U0ALICE", "U0GUEST", "U0BOT", "U0EVE"))
    assert (alice.user_id, alice.team_id, alice.name) == ("U0ALICE", "T0DEMO", "alice")
    assert "@" in alice.email
    assert [alice.is_bot, alice.is_restricted, alice.is_stranger, alice.deleted] == [False] * 4
    assert guest.is_restricted
    assert bot.is_bot
    assert (eve.is_stranger, eve.team_id) == (True, "T0OTHER")
    assert chat.members("S0DATA") == {"U0ALICE", "U0BOB", "U0CAROL"}
    assert chat.channel(CHANNEL).name == "data-incidents"
    assert (chat.channel(CHANNEL).is_ext_shared, chat.channel("C0SHARED").is_ext_shared) == (False, True)
    assert chat.auth() == ("T0DEMO", "U0BOT", "", "dbt-refresh")


def test_who_cannot_be_read_is_an_error_and_never_nobody(slack: SlackSandbox, chat: Chat) -> None:
    for look in (lambda: chat.person("U0NOBODY"), lambda: chat.members("S0NONE"), lambda: chat.channel("C0NONE")):
        with pytest.raises(ChatRefused):
            look()
    slack.control.fault("5xx", "usergroups.users.list", times=9, status=503)
    with pytest.raises(ChatDown):
        chat.members("S0DATA")


def test_reading_survives_a_hiccup(slack: SlackSandbox, chat: Chat) -> None:
    slack.control.fault("5xx", "users.info", status=503)
    assert chat.person("U0BOB").name == "bob"
    slack.control.fault("429", "users.info", seconds=1)
    assert chat.person("U0BOB").name == "bob"
    assert methods(slack).count("users.info") == 4


@pytest.mark.parametrize(
    ("fault", "details", "code", "sent_maybe", "wait"),
    [
        ("429", {"seconds": 7}, "ratelimited", False, 7.0),
        ("5xx", {"status": 503}, "HTTP 503", True, 0.0),
        ("error", {"error": "internal_error"}, "internal_error", True, 0.0),
        ("error", {"error": "token_revoked"}, "token_revoked", False, 60.0),
        ("lost_reply", {}, "RemoteDisconnected|ConnectionReset", True, 0.0),
    ],
)
def test_posting_is_never_repeated_here(
    slack: SlackSandbox, chat: Chat, fault: str, details: dict, code: str, sent_maybe: bool, wait: float
) -> None:
    slack.control.fault(fault, "chat.postMessage", **details)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ChatDown, match=code) as down:
        chat.post(CHANNEL, HELLO, key="R1:card")
    assert (down.value.sent_maybe, down.value.retry_after) == (sent_maybe, wait)
    assert methods(slack) == ["chat.postMessage"]
    there = len(slack.control.channel(CHANNEL))
    assert there == (1 if fault == "lost_reply" else 0)


def test_slack_that_is_slow_or_not_there_is_down(slack: SlackSandbox) -> None:
    slack.control.fault("late", "chat.postMessage", seconds=2)
    with pytest.raises(ChatDown):
        chat_with(slack, timeout=1).post(CHANNEL, HELLO, key="k")
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    nowhere = SlackSandbox()
    nowhere.state.url = f"http://127.0.0.1:{port}"
    with pytest.raises(ChatDown):
        chat_with(nowhere).post(CHANNEL, HELLO, key="k")


def test_what_slack_refuses_stays_refused(slack: SlackSandbox, chat: Chat) -> None:
    many = tuple({"type": "divider"} for _ in range(51))
    odd = ({"type": "no_such_block"},)
    for message in (Message(text="t", blocks=many), Message(text="t", blocks=odd)):
        with pytest.raises(ChatRefused):
            chat.post(CHANNEL, message, key="k")
    with pytest.raises(ChatRefused, match="channel_not_found"):
        chat.post("C0NOWHERE", HELLO, key="k")
    with pytest.raises(ChatRefused, match="thread_not_found"):
        chat.post(CHANNEL, HELLO, key="k", thread_ts="1.1")
    with pytest.raises(ChatDown, match="invalid_auth"):
        chat_with(slack, token="xoxb-wrong").post(CHANNEL, HELLO, key="k")
    assert slack.control.channel(CHANNEL) == []


def installed(scopes: set[str]) -> SlackSandbox:
    asked = manifest()
    asked["oauth_config"]["scopes"]["bot"] = sorted(scopes)
    return SlackSandbox(workspace=demo(InstalledApp.from_manifest(asked)))


def trouble_with(slack: SlackSandbox) -> str:
    """What goes wrong when everything is used once, in a public channel and in a private one."""
    chat, private = chat_with(slack), slack.state.workspace.channel("C0AUDIT")
    private.is_private = True
    try:
        for channel in (CHANNEL, private.id):
            chat.channel(channel)
            root = chat.post(channel, HELLO, key="R1:card")
            chat.update(channel, root, HELLO)
            chat.ephemeral(channel, "U0ALICE", HELLO)
            chat.permalink(channel, root)
            assert chat.find(channel, "R1:card", since=hour_ago()) == root
            assert chat.find(channel, "R1:plan", since=hour_ago(), thread_ts=root) is None
        file = chat.upload(Attachment(name="a.csv", content=b"a", title="A"))
        chat.share([(file, "A")], CHANNEL, "files")
        assert chat.members("S0DATA")
    except ChatError as error:
        return error.code
    try:
        return "" if chat.person("U0ALICE").email else "no address"
    except ChatError as error:
        return error.code


def test_the_scopes_of_the_manifest_are_enough() -> None:
    with installed(set(SCOPES)) as slack:
        assert trouble_with(slack) == ""


@pytest.mark.parametrize("scope", sorted(set(SCOPES) - {"commands", "files:read"}))  # these open no method we call
def test_each_scope_of_the_manifest_is_used(scope: str) -> None:
    with installed(set(SCOPES) - {scope}) as slack:
        assert trouble_with(slack) == ("no address" if scope == "users:read.email" else "missing_scope")
