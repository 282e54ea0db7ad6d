"""What Slack sends, read once: who acts, where, and what a button or a form carries."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from bot.desk import Pressed, Where
from bot.model import Actor

Body = dict[str, Any]
_LARGEST = 2**31 - 1  # of the numbers that a row has


def actor(body: Body) -> Actor:
    """The person, from the payload's own fields; the team is the person's, which in a shared channel is not ours."""
    user = body.get("user")
    if isinstance(user, dict):
        home = user.get("team_id") or (body.get("team") or {}).get("id", "")
        return Actor(user_id=user.get("id", ""), team_id=home, name=user.get("username") or user.get("name", ""))
    event = body.get("event", {})
    team = body.get("team_id") or event.get("team", "")
    return Actor(user_id=body.get("user_id") or event.get("user", ""), team_id=team, name=body.get("user_name", ""))


def where(body: Body, by: Actor) -> Where:
    """Channel and thread of what was pressed; the thread is empty for the card itself, which stands in the channel."""
    channel = (body.get("channel") or {}).get("id") or body.get("channel_id") or ""
    shown = body.get("message") or body.get("container") or {}
    ts = shown.get("ts") or shown.get("message_ts") or ""
    thread = shown.get("thread_ts") or ""
    return Where(by=by, channel=channel, thread_ts=thread if thread != ts else "", press=press(body))


def press(body: Body) -> str:
    """Slack's own identifiers of what a person did, hashed: the same when the payload is delivered again.

    Empty for what has none.
    """
    action, view, shown = (body.get("actions") or [{}])[0], body.get("view") or {}, body.get("container") or {}
    parts: list[object]
    match body.get("type"):
        case "block_actions":
            parts = [shown.get("message_ts") or shown.get("view_id"), action.get("action_id"), action.get("action_ts")]
        case "view_submission":
            parts = [view.get("id"), view.get("hash")]
        case _:
            parts = [body.get("command"), body.get("trigger_id")]
    if not all(parts):
        return ""
    return hashlib.sha256(json.dumps([actor(body).user_id, *parts]).encode()).hexdigest()


def pressed(value: str) -> Pressed | None:
    """A button's value; None for one that this version does not write."""
    found = carried(value)
    refresh, revision, wait = (number(found, name) for name in ("r", "v", "w"))
    digest = found.get("d")
    if refresh is None or revision is None or wait is None or not isinstance(digest, str):
        return None
    return Pressed(refresh=refresh, revision=revision, wait=wait, digest=digest)


def chosen(value: str) -> tuple[int, str] | None:
    """The refresh and the model of [Refresh downstream]; None for a value that this version does not write."""
    found = carried(value)
    refresh, model = number(found, "r"), found.get("m")
    return (refresh, model) if refresh is not None and isinstance(model, str) else None


def number(found: Body, name: str) -> int | None:
    """A number that a row can have; None for anything else that a forged value may hold."""
    value = found.get(name)
    return value if type(value) is int and 0 <= value <= _LARGEST else None


def carried(text: str) -> dict[str, Any]:
    """A JSON object from a button's value or a form's private metadata; empty when it is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def element_value(action: Body) -> str:
    """What a pressed button or a chosen menu option carries."""
    return str((action.get("selected_option") or action).get("value") or "")


def submitted(view: Body) -> dict[str, Any]:
    """A form's answers by input: text, one value, a list of values, or None."""
    return {block: _answer(state) for inputs in [view["state"]["values"]] for block, state in _flat(inputs)}


def _flat(inputs: Body) -> list[tuple[str, Body]]:
    return [(block, state) for block, fields in inputs.items() for state in fields.values()]


def _answer(state: Body) -> Any:
    if "selected_options" in state:
        return [o["value"] for o in state["selected_options"] or ()]
    if "selected_option" in state:
        return (state["selected_option"] or {}).get("value")
    for key in ("value", "selected_date", "selected_conversation"):
        if key in state:
            return state[key]
    return None
