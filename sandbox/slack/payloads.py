"""The payloads of what people do, as Slack sends them to an app."""

from __future__ import annotations

import copy
import re
from typing import Any

from sandbox.slack.inputs import SHAPES, values
from sandbox.slack.state import Json, OpenView, ResponseUrl, State
from sandbox.slack.workspace import Channel, Person

_MENTION = re.compile(r"(?<![\w<])([@#])([\w.-]*\w)")
_LINK = re.compile(
    r"(?<![\w<|/])(https?://[^\s<>]+)|(?<![\w<|/@.:=])((?:[\w-]+\.)+(?:com|io|net|org|dev|app|co)\b(?:/[^\s<>]*)?)"
)


def slash_command(state: State, person: Person, channel: Channel, command: str, text: str, *, escape: bool) -> Json:
    """The form of a slash command; with `escape`, people, channels and links are written as ids."""
    target = ResponseUrl(user=person.id, channel=channel.id, expires=state.now() + 1800)
    return {
        "token": "verification",
        "team_id": person.team_id,
        "team_domain": state.workspace.domain,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": escaped(state, text) if escape else text,
        "api_app_id": state.workspace.app.id,
        "is_enterprise_install": "false",
        "response_url": state.new_response_url(target),
        "trigger_id": state.new_trigger(person.id),
    }


def escaped(state: State, text: str) -> str:
    """What `should_escape` makes of the typed text: `<@U0BOB|bob>`, `<#C0GENERAL|general>`, `<http://a.com|a.com>`."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    def mention(found: re.Match[str]) -> str:
        sign, name = found.groups()
        try:
            if sign == "#":
                return f"<#{state.workspace.channel(name).id}|{name}>"
            return f"<@{state.workspace.person(name).id}|{name}>"
        except KeyError:
            group = next((g for g in state.workspace.groups.values() if sign == "@" and g.handle == name), None)
            return f"<!subteam^{group.id}|@{name}>" if group else found[0]

    text = _LINK.sub(lambda m: f"<{m[1]}>" if m[1] else f"<http://{m[2]}|{m[2]}>", text)
    return _MENTION.sub(mention, text)


def message_action(state: State, person: Person, channel: Channel, message: Json, action: Json) -> Json:
    """block_actions from a message; an ephemeral one comes without its content."""
    ephemeral = bool(message.get("is_ephemeral"))
    thread_ts = message.get("thread_ts", "")
    container = {"type": "message", "message_ts": message["ts"], "channel_id": channel.id, "is_ephemeral": ephemeral}
    target = ResponseUrl(
        user=person.id,
        channel=channel.id,
        expires=state.now() + 1800,
        message_ts=message["ts"],
        thread_ts=thread_ts,
        ephemeral=ephemeral,
    )
    entered = state.choices.get((person.id, message["ts"]), {})
    payload = _interaction(state, person, "block_actions") | {
        "container": container | ({"thread_ts": thread_ts} if thread_ts else {}),
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": values(message.get("blocks", []), entered)},
        "response_url": state.new_response_url(target),
        "trigger_id": state.new_trigger(person.id),
        "actions": [action],
    }
    return payload if ephemeral else payload | {"message": copy.deepcopy(message)}


def view_action(state: State, person: Person, opened: OpenView, action: Json) -> Json:
    """block_actions from a modal or from App Home."""
    return _interaction(state, person, "block_actions") | {
        "container": {"type": "view", "view_id": opened.view["id"]},
        "view": view_with_state(opened),
        "trigger_id": state.new_trigger(person.id, opened.view["id"]),
        "actions": [action],
    }


def submission(state: State, person: Person, opened: OpenView) -> Json:
    return _interaction(state, person, "view_submission") | {
        "view": view_with_state(opened),
        "trigger_id": state.new_trigger(person.id, opened.view["id"]),
        "response_urls": [],
    }


def closed(state: State, person: Person, opened: OpenView, *, is_cleared: bool) -> Json:
    return _interaction(state, person, "view_closed") | {"view": view_with_state(opened), "is_cleared": is_cleared}


def suggestion(state: State, person: Person, block: Json, element: Json, typed: str, place: Json) -> Json:
    """block_suggestion: what somebody has typed so far into an external select."""
    return _interaction(state, person, "block_suggestion") | {
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "value": typed,
        **place,
    }


def shortcut(state: State, person: Person, callback_id: str) -> Json:
    return _interaction(state, person, "shortcut") | {
        "callback_id": callback_id,
        "action_ts": state.next_ts(),
        "trigger_id": state.new_trigger(person.id),
    }


def event(state: State, person: Person, inner: Json) -> Json:
    """The Events API's envelope around one event."""
    workspace = state.workspace
    return {
        "token": "verification",
        "team_id": workspace.team_id,
        "api_app_id": workspace.app.id,
        "event": inner | {"user": person.id, "event_ts": state.next_ts()},
        "type": "event_callback",
        "event_id": state.new_id("Ev"),
        "event_time": int(state.now()),
        "authorizations": [
            {"team_id": workspace.team_id, "user_id": workspace.app.bot_user_id, "is_bot": True, "enterprise_id": None}
        ],
        "is_ext_shared_channel": False,
    }


def action_of(state: State, block: Json, element: Json, value: Json | None) -> Json:
    """One entry of `actions`: the element with what was chosen."""
    found: Json = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block["block_id"],
        "action_ts": state.next_ts(),
    }
    if element["type"] == "button":
        keys = ("text", "value", "style", "url")
        return found | {k: copy.deepcopy(element[k]) for k in keys if k in element}
    key = SHAPES[element["type"]][0]
    return found | {key: (value or {}).get(key)}


def view_with_state(opened: OpenView) -> Json:
    view = copy.deepcopy(opened.view)
    view["state"] = {"values": copy.deepcopy(values(view["blocks"], opened.draft))}
    return view


def _interaction(state: State, person: Person, kind: str) -> dict[str, Any]:
    workspace = state.workspace
    user = {"id": person.id, "username": person.name, "name": person.name, "team_id": person.team_id}
    return {
        "type": kind,
        "user": user,
        "team": {"id": workspace.team_id, "domain": workspace.domain},
        "api_app_id": workspace.app.id,
        "token": "verification",
        "enterprise": None,
        "is_enterprise_install": False,
    }
