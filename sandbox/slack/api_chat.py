"""Web API: posting, changing and finding messages."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.state import Json, State
from sandbox.slack.validate import check_blocks, check_metadata, with_ids
from sandbox.slack.web_api import Call, method

TEXT_LIMIT = 40_000


@method("chat.postMessage", "chat:write")
def post_message(call: Call) -> Json:
    channel = call.channel(member=True)
    message = bot_message(call.state, content(call))
    if call.data("metadata") is not None:
        message["metadata"] = check_metadata(call.data("metadata"))
    thread_ts = thread(call, channel.id)
    if thread_ts:
        message["thread_ts"] = thread_ts
        if call.flag("reply_broadcast"):
            message["subtype"] = "thread_broadcast"
    stored = call.state.add_message(channel.id, message)
    return {"channel": channel.id, "ts": stored["ts"], "message": _public(stored)}


@method("chat.update", "chat:write")
def update(call: Call) -> Json:
    """Text without blocks removes the blocks; metadata stays unless it is given."""
    channel = call.channel()
    message = call.state.find(channel.id, call.need("ts"))
    if message is None or message.get("subtype") == "tombstone":
        raise SlackError("message_not_found")
    if message.get("bot_id") != call.state.workspace.app.bot_id:
        raise SlackError("cant_update_message")
    changes = content(call)
    if call.data("metadata") is not None:
        changes["metadata"] = check_metadata(call.data("metadata"))
    message.pop("blocks", None)
    message.update(changes)
    if "blocks" not in changes:
        message["edited"] = {"user": message["user"], "ts": call.state.next_ts()}
    return {"channel": channel.id, "ts": message["ts"], "text": message["text"], "message": _public(message)}


@method("chat.postEphemeral", "chat:write")
def post_ephemeral(call: Call) -> Json:
    channel = call.channel(member=True)
    user = call.need("user")
    if user not in channel.members:
        raise SlackError("user_not_in_channel")
    message = bot_message(call.state, content(call))
    thread_ts = thread(call, channel.id)
    if thread_ts:
        message["thread_ts"] = thread_ts
    return {"message_ts": call.state.add_ephemeral(user, channel.id, message)["ts"]}


@method("chat.delete", "chat:write")
def delete(call: Call) -> Json:
    channel = call.channel()
    message = call.state.find(channel.id, call.need("ts"))
    if message is None:
        raise SlackError("message_not_found")
    if message.get("bot_id") != call.state.workspace.app.bot_id:
        raise SlackError("cant_delete_message")
    if message.get("reply_count"):
        kept = {k: v for k, v in message.items() if k.startswith(("reply", "latest", "thread", "ts", "type"))}
        message.clear()
        message.update(kept, subtype="tombstone", user="USLACKBOT", text="This message was deleted.", hidden=True)
    else:
        call.state.messages[channel.id].remove(message)
        call.state.refresh_parent(channel.id, message.get("thread_ts", ""))
    return {"channel": channel.id, "ts": call.text("ts")}


@method("chat.getPermalink")
def get_permalink(call: Call) -> Json:
    channel = call.channel()
    message = call.state.find(channel.id, call.need("message_ts"))
    if message is None:
        raise SlackError("message_not_found")
    return {"channel": channel.id, "permalink": permalink(call.state, channel.id, message)}


@method("reactions.add", "reactions:write")
def reactions_add(call: Call) -> Json:
    channel = call.channel(member=True)
    message = call.state.find(channel.id, call.need("timestamp"))
    if message is None:
        raise SlackError("message_not_found")
    reactions = message.setdefault("reactions", [])
    if any(r["name"] == call.need("name") for r in reactions):
        raise SlackError("already_reacted")
    reactions.append({"name": call.text("name"), "users": [call.state.workspace.app.bot_user_id], "count": 1})
    return {}


@method("blocks.validate", token="none")
def blocks_validate(call: Call) -> Json:
    message = call.data("message")
    blocks = message.get("blocks") if isinstance(message, dict) else call.data("blocks")
    check_blocks(call.state, blocks or [])
    return {}


def permalink(state: State, channel: str, message: Json) -> str:
    link = f"{state.url}/archives/{channel}/p{message['ts'].replace('.', '')}"
    root = message.get("thread_ts")
    return f"{link}?thread_ts={root}&cid={channel}" if root and root != message["ts"] else link


def thread(call: Call, channel: str) -> str:
    """The thread to post in, always by its parent. Raises SlackError when there is no such message."""
    ts = call.text("thread_ts")
    if not ts:
        return ""
    parent = call.state.find(channel, ts)
    if parent is None:
        raise SlackError("thread_not_found")
    return parent.get("thread_ts", ts)


def content(call: Call) -> Json:
    """Text and checked blocks of a message to be. Raises SlackError."""
    return checked_content(call.state, call.text("text"), call.data("blocks"))


def checked_content(state: State, text: str, blocks: Any) -> Json:
    """Text cut at Slack's length, blocks checked and given the ids that were left out. Raises SlackError."""
    if not text and not blocks:
        raise SlackError("no_text")
    found: Json = {"text": text[:TEXT_LIMIT]}
    if blocks:
        check_blocks(state, blocks)
        found["blocks"] = with_ids(blocks)
    return found


def bot_message(state: State, found: Json) -> Json:
    app = state.workspace.app
    return {"user": app.bot_user_id, "bot_id": app.bot_id, "app_id": app.id, **found}


def _public(message: Json) -> Json:
    return copy.deepcopy(message)
