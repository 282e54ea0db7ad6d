"""Web API: channels, their members and what was said in them."""

from __future__ import annotations

import copy

from sandbox.slack.api_people import paged
from sandbox.slack.errors import SlackError
from sandbox.slack.state import Json
from sandbox.slack.web_api import Call, method
from sandbox.slack.workspace import Channel


def _allowed(call: Call, right: str, *, member: bool = False) -> Channel:
    """The channel named; a private one asks for another scope than a public one. Raises SlackError."""
    channel = call.channel(member=member)
    call.need_scope(f"{'groups' if channel.is_private else 'channels'}:{right}")
    return channel


@method("conversations.info", "channels:read", "groups:read")
def conversations_info(call: Call) -> Json:
    channel = _allowed(call, "read")
    found = channel_object(call, channel)
    return {"channel": found | ({"num_members": len(channel.members)} if call.flag("include_num_members") else {})}


@method("conversations.list", "channels:read", "groups:read")
def conversations_list(call: Call) -> Json:
    types = call.text("types", "public_channel").split(",")
    bot = call.state.workspace.app.bot_user_id
    visible = [
        c
        for c in call.state.workspace.channels.values()
        if ("private_channel" in types and bot in c.members if c.is_private else "public_channel" in types)
    ]
    channels, more = paged(call, visible)
    return {"channels": [channel_object(call, c) for c in channels], **more}


@method("conversations.members", "channels:read", "groups:read")
def conversations_members(call: Call) -> Json:
    members, more = paged(call, sorted(_allowed(call, "read").members))
    return {"members": members, **more}


@method("conversations.join", "channels:join")
def conversations_join(call: Call) -> Json:
    channel = call.channel()
    if channel.is_private:
        raise SlackError("method_not_supported_for_channel_type")
    channel.members.add(call.state.workspace.app.bot_user_id)
    return {"channel": channel_object(call, channel)}


@method("conversations.history", "channels:history", "groups:history")
def conversations_history(call: Call) -> Json:
    channel = _allowed(call, "history", member=True)
    found = [m for m in reversed(call.state.roots(channel.id)) if _within(call, m["ts"])]
    return _messages(call, found)


@method("conversations.replies", "channels:history", "groups:history")
def conversations_replies(call: Call) -> Json:
    channel = _allowed(call, "history", member=True)
    ts = call.need("ts")
    message = call.state.find(channel.id, ts)
    if message is None:
        raise SlackError("thread_not_found")
    root = message.get("thread_ts", ts)
    found = [m for m in call.state.thread(channel.id, root) if m["ts"] == root or _within(call, m["ts"])]
    return _messages(call, found)


def _within(call: Call, ts: str) -> bool:
    oldest, latest = call.text("oldest", "0"), call.text("latest") or "9" * 12
    if call.flag("inclusive"):
        return float(oldest) <= float(ts) <= float(latest)
    return float(oldest) < float(ts) < float(latest)


def _messages(call: Call, found: list[Json]) -> Json:
    page, more = paged(call, found)
    hidden = () if call.flag("include_all_metadata") else ("metadata",)
    messages = [{k: v for k, v in copy.deepcopy(m).items() if k not in hidden} for m in page]
    return {"messages": messages, "has_more": bool(more["response_metadata"]["next_cursor"]), **more}


def channel_object(call: Call, channel: Channel) -> Json:
    shared = channel.is_ext_shared
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": False,
        "is_general": channel.name == "general",
        "is_shared": shared,
        "is_ext_shared": shared,
        "is_org_shared": False,
        "is_pending_ext_shared": channel.is_pending_ext_shared,
        "is_member": call.state.workspace.app.bot_user_id in channel.members,
        "context_team_id": call.state.workspace.team_id,
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }
