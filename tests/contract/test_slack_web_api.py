"""The local Slack's Web API through the real slack_sdk client: strict where Slack is strict."""

from __future__ import annotations

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError

from sandbox.slack import SlackSandbox
from sandbox.slack.workspace import InstalledApp, demo
from tests.contract.bolt_bot import CHANNEL, actions, button, client, mrkdwn, section


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as sandbox:
        yield sandbox


def refusal(call: Any, /, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The answer of a call that Slack refuses."""
    with pytest.raises(SlackApiError) as caught:
        call(*args, **kwargs)
    answer = caught.value.response.data
    assert isinstance(answer, dict)
    return answer


def test_only_the_right_token_is_let_in(slack: SlackSandbox) -> None:
    assert client(slack).auth_test()["user_id"] == "U0BOT"
    assert refusal(client(slack, "xoxb-wrong").auth_test)["error"] == "invalid_auth"
    assert refusal(client(slack, "").auth_test)["error"] == "not_authed"
    assert refusal(client(slack, slack.app_token).auth_test)["error"] == "not_allowed_token_type"
    assert refusal(client(slack).apps_connections_open, app_token=slack.bot_token)["error"] == "not_allowed_token_type"


def test_a_scope_that_the_manifest_lacks_is_named() -> None:
    manifest = {"oauth_config": {"scopes": {"bot": ["chat:write", "users:read"]}}}
    with SlackSandbox(workspace=demo(InstalledApp.from_manifest(manifest))) as slack:
        web = client(slack)
        answer = refusal(web.usergroups_users_list, usergroup="S0DATA")
        assert (answer["error"], answer["needed"]) == ("missing_scope", "usergroups:read")
        assert answer["provided"] == "chat:write,users:read"
        assert "email" not in web.users_info(user="U0BOB")["user"]["profile"]
        assert web.chat_postMessage(channel=CHANNEL, text="allowed")["ok"]


def test_people_carry_what_policy_decides_on(slack: SlackSandbox) -> None:
    web = client(slack)
    people = {name: web.users_info(user=f"U0{name}")["user"] for name in ("BOB", "GUEST", "EVE", "BOT")}
    flags = ("team_id", "deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger")
    assert {n: tuple(p[f] for f in flags) for n, p in people.items()} == {
        "BOB": ("T0DEMO", False, False, False, False, False),
        "GUEST": ("T0DEMO", False, False, True, False, False),
        "EVE": ("T0OTHER", False, False, False, False, True),
        "BOT": ("T0DEMO", False, True, False, False, False),
    }
    assert people["BOB"]["profile"]["email"] == "bob@example.com"
    assert "email" not in people["EVE"]["profile"]
    assert web.users_lookupByEmail(email="bob@example.com")["user"]["id"] == "U0BOB"
    assert refusal(web.users_info, user="U0NOBODY")["error"] == "user_not_found"
    assert {u["name"] for u in web.users_list()["members"]} >= {"alice", "bob", "carol", "dave", "gus", "eve"}


def test_user_groups_and_channels(slack: SlackSandbox) -> None:
    web = client(slack)
    assert web.usergroups_list()["usergroups"][0]["handle"] == "data-approvers"
    assert web.usergroups_users_list(usergroup="S0DATA")["users"] == ["U0ALICE", "U0BOB", "U0CAROL"]
    assert refusal(web.usergroups_users_list, usergroup="S0NONE")["error"] == "no_such_subteam"
    assert web.conversations_info(channel="C0SHARED")["channel"]["is_ext_shared"] is True
    assert web.conversations_info(channel=CHANNEL)["channel"]["is_ext_shared"] is False
    assert "U0DAVE" in web.conversations_members(channel=CHANNEL)["members"]
    assert refusal(web.conversations_join, channel="C0GENERAL")["error"] == "missing_scope"


def test_form_and_json_bodies_are_the_same(slack: SlackSandbox) -> None:
    web = client(slack)
    blocks = [section("*hello*")]
    as_json = web.api_call("chat.postMessage", json={"channel": CHANNEL, "text": "a", "blocks": blocks})
    as_form = web.api_call("chat.postMessage", data={"channel": CHANNEL, "text": "a", "blocks": json.dumps(blocks)})
    assert as_json["message"]["blocks"][0]["text"] == as_form["message"]["blocks"][0]["text"] == mrkdwn("*hello*")
    broken = refusal(web.api_call, "chat.postMessage", data={"channel": CHANNEL, "blocks": "[{"})
    assert broken["error"] == "invalid_arguments"


def test_posting_needs_membership_and_content(slack: SlackSandbox) -> None:
    web = client(slack)
    assert refusal(web.chat_postMessage, channel="C0GENERAL", text="x")["error"] == "not_in_channel"
    assert refusal(web.chat_postMessage, channel="C0NOWHERE", text="x")["error"] == "channel_not_found"
    assert refusal(web.chat_postMessage, channel="#data-incidents", text="x")["error"] == "channel_not_found"
    assert refusal(web.api_call, "chat.postMessage", json={"channel": CHANNEL})["error"] == "no_text"
    assert refusal(web.chat_postMessage, channel=CHANNEL, text="x", thread_ts="1.0")["error"] == "thread_not_found"
    assert refusal(web.chat_postEphemeral, channel=CHANNEL, user="U0EVE", text="x")["error"] == "user_not_in_channel"
    assert refusal(web.api_call, "chat.shout")["error"] == "unknown_method"
    long = web.chat_postMessage(channel=CHANNEL, text="x" * 40_001)["message"]
    assert len(long["text"]) == 40_000


def test_threads_belong_to_their_root(slack: SlackSandbox) -> None:
    web = client(slack)
    root = web.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    reply = web.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=root)["ts"]
    web.chat_postMessage(channel=CHANNEL, text="reply to a reply", thread_ts=reply)
    web.chat_postMessage(channel=CHANNEL, text="for all", thread_ts=root, reply_broadcast=True)
    assert [m["text"] for m in slack.control.thread(CHANNEL, root)] == ["root", "reply", "reply to a reply", "for all"]
    assert [m["text"] for m in slack.control.channel()] == ["root", "for all"]
    assert slack.control.channel()[0]["reply_count"] == 3
    link = web.chat_getPermalink(channel=CHANNEL, message_ts=reply)["permalink"]
    assert link.startswith(f"{slack.url}/archives/{CHANNEL}/p{reply.replace('.', '')}?thread_ts={root}")


def test_update_without_blocks_removes_them_and_only_own_messages_change(slack: SlackSandbox) -> None:
    web = client(slack)
    metadata = {"event_type": "post", "event_payload": {"key": "R1:card"}}
    ts = web.chat_postMessage(channel=CHANNEL, text="card", blocks=[actions(button("go"))], metadata=metadata)["ts"]
    web.chat_update(channel=CHANNEL, ts=ts, text="card 2")
    message = slack.control.message(CHANNEL, ts)
    assert message
    assert "blocks" not in message
    assert message["metadata"] == metadata
    foreign = slack.control.say("alice", "mine")
    assert refusal(web.chat_update, channel=CHANNEL, ts=foreign["ts"], text="x")["error"] == "cant_update_message"
    assert refusal(web.chat_update, channel=CHANNEL, ts="1.0", text="x")["error"] == "message_not_found"
    web.chat_delete(channel=CHANNEL, ts=ts)
    assert [m["text"] for m in slack.control.channel()] == ["mine"]


def test_metadata_comes_back_only_when_asked_for(slack: SlackSandbox) -> None:
    web = client(slack)
    metadata = {"event_type": "post", "event_payload": {"key": "R1:plan", "n": 1}}
    ts = web.chat_postMessage(channel=CHANNEL, text="root", metadata=metadata)["ts"]
    assert "metadata" not in web.conversations_history(channel=CHANNEL)["messages"][0]
    assert web.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"][0]["metadata"] == metadata
    replies = web.conversations_replies(channel=CHANNEL, ts=ts, include_all_metadata=True)
    assert replies["messages"][0]["metadata"] == metadata
    nested = {"event_type": "post", "event_payload": {"a": {"b": {"c": 1}}}}
    assert (
        refusal(web.chat_postMessage, channel=CHANNEL, text="x", metadata=nested)["error"] == "invalid_metadata_schema"
    )


def test_history_comes_in_pages_newest_first(slack: SlackSandbox) -> None:
    web = client(slack)
    sent = [web.chat_postMessage(channel=CHANNEL, text=str(n))["ts"] for n in range(5)]
    first = web.conversations_history(channel=CHANNEL, limit=2)
    assert [m["text"] for m in first["messages"]] == ["4", "3"]
    assert first["has_more"] is True
    cursor = first["response_metadata"]["next_cursor"]
    assert [m["text"] for m in web.conversations_history(channel=CHANNEL, limit=2, cursor=cursor)["messages"]] == [
        "2",
        "1",
    ]
    since = web.conversations_history(channel=CHANNEL, oldest=sent[2])["messages"]
    assert [m["text"] for m in since] == ["4", "3"]
    assert refusal(web.conversations_history, channel="C0GENERAL")["error"] == "not_in_channel"


def test_ephemerals_are_never_in_the_history(slack: SlackSandbox) -> None:
    web = client(slack)
    root = web.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    web.chat_postEphemeral(channel=CHANNEL, user="U0ALICE", text="for alice", thread_ts=root)
    assert [m["text"] for m in slack.control.private("alice")] == ["for alice"]
    assert slack.control.private("bob") == []
    assert len(web.conversations_replies(channel=CHANNEL, ts=root)["messages"]) == 1
    ephemeral = slack.control.private("alice")[0]["ts"]
    assert refusal(web.chat_update, channel=CHANNEL, ts=ephemeral, text="x")["error"] == "message_not_found"


PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40


def test_several_files_become_one_message_in_the_thread(slack: SlackSandbox) -> None:
    web = client(slack)
    root = web.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    done = web.files_upload_v2(
        channel=CHANNEL,
        thread_ts=root,
        initial_comment="*Result*",
        file_uploads=[
            {"filename": "chart.png", "content": PNG, "title": "Chart", "alt_txt": "A chart"},
            {"filename": "outliers.csv", "content": "a,b\n1,2\n", "title": "Outliers"},
        ],
    )
    _, message = slack.control.thread(CHANNEL, root)
    assert message["text"] == "*Result*"
    assert [(f["title"], f["mimetype"]) for f in message["files"]] == [("Chart", "image/png"), ("Outliers", "text/csv")]
    file_id = done["files"][0]["id"]
    share = web.files_info(file=file_id)["file"]["shares"]["public"][CHANNEL][0]
    assert (share["ts"], share["thread_ts"]) == (message["ts"], root)
    assert slack.control.file(file_id) == PNG
    shown = [{"type": "image", "slack_file": {"id": file_id}, "alt_text": "A chart"}]
    assert web.chat_postMessage(channel=CHANNEL, text="x", blocks=shown)["ok"]
    text_file = [{"type": "image", "slack_file": {"id": done["files"][1]["id"]}, "alt_text": "no picture"}]
    assert refusal(web.chat_postMessage, channel=CHANNEL, text="x", blocks=text_file)["error"] == "invalid_blocks"


def test_an_upload_has_the_announced_length(slack: SlackSandbox) -> None:
    web = client(slack)
    given = web.files_getUploadURLExternal(filename="a.txt", length=5)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(urllib.request.Request(given["upload_url"], data=b"four"), timeout=5)
    caught.value.close()
    assert caught.value.code == 400
    answer = refusal(web.files_completeUploadExternal, files=[{"id": given["file_id"]}], channel_id=CHANNEL)
    assert answer["error"] == "file_update_failed"
    assert refusal(web.files_info, file=given["file_id"])["error"] == "file_not_found"


def test_faults_hit_the_named_method_as_often_as_said(slack: SlackSandbox) -> None:
    web = client(slack)
    slack.control.fault("429", "chat.postMessage", seconds=7)
    with pytest.raises(SlackApiError) as caught:
        web.chat_postMessage(channel=CHANNEL, text="x")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "7"
    slack.control.fault("5xx", "chat.*", times=2, status=502)
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            web.chat_postMessage(channel=CHANNEL, text="x")
        assert caught.value.response.status_code == 502
    slack.control.fault("error", "chat.postMessage", error="restricted_action")
    assert refusal(web.chat_postMessage, channel=CHANNEL, text="x")["error"] == "restricted_action"
    assert slack.control.channel() == []
    assert web.chat_postMessage(channel=CHANNEL, text="x")["ok"]


def test_a_lost_reply_was_executed(slack: SlackSandbox) -> None:
    slack.control.fault("lost_reply", "chat.postMessage")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, urllib.error.URLError)):
        client(slack).chat_postMessage(channel=CHANNEL, text="sent, not confirmed")
    assert [m["text"] for m in slack.control.channel()] == ["sent, not confirmed"]
    assert slack.control.traffic("api")[-1]["lost"] is True


def test_a_late_reply_outlasts_an_impatient_client(slack: SlackSandbox) -> None:
    slack.control.fault("late", "chat.postMessage", seconds=0.6)
    web = client(slack)
    web.timeout = 0.2  # type: ignore[assignment]
    with pytest.raises((TimeoutError, urllib.error.URLError)):
        web.chat_postMessage(channel=CHANNEL, text="executed")
    assert [m["text"] for m in slack.control.channel()] == ["executed"]


def test_an_outage_lasts_until_it_is_cleared(slack: SlackSandbox) -> None:
    web = client(slack)
    slack.control.fault("outage")
    for _ in range(3):
        with pytest.raises(SlackApiError) as caught:
            web.auth_test()
        assert caught.value.response.status_code == 503
    slack.control.clear_faults()
    assert web.auth_test()["ok"]


def test_traffic_is_complete_and_without_tokens(slack: SlackSandbox) -> None:
    web = client(slack)
    web.chat_postMessage(channel=CHANNEL, text="x")
    refusal(web.chat_postMessage, channel="C0GENERAL", text="y")
    log = [(e["method"], e["args"].get("text"), e["ok"], e["error"]) for e in slack.control.traffic("api")]
    assert log == [("chat.postMessage", "x", True, ""), ("chat.postMessage", "y", False, "not_in_channel")]
    assert slack.bot_token not in json.dumps(slack.control.traffic())


def test_it_starts_and_stops_quickly_and_frees_its_port() -> None:
    started = time.monotonic()
    slack = SlackSandbox()
    slack.start()
    port = slack.port
    slack.stop()
    again = SlackSandbox(port)
    again.start()
    again.stop()
    assert time.monotonic() - started < 5
    assert slack.url.startswith("http://127.0.0.1:")
