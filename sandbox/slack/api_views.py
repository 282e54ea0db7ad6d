"""Web API: modals (a stack of at most three) and App Home."""

from __future__ import annotations

import copy
import secrets
from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.kit_blocks import Surface
from sandbox.slack.state import Json, OpenView, State
from sandbox.slack.validate import check_view, with_ids
from sandbox.slack.web_api import Call, method

STACK_LIMIT = 3


@method("views.open")
def views_open(call: Call) -> Json:
    view = _given(call)
    trigger = call.state.use_trigger(call.need("trigger_id"))
    opened = OpenView(view=new_view(call.state, view))
    call.state.modals[trigger.user] = [opened]
    return _shown(opened)


@method("views.push")
def views_push(call: Call) -> Json:
    view = _given(call)
    trigger = call.state.use_trigger(call.need("trigger_id"))
    if not any(v.view["id"] == trigger.view_id for v in call.state.modals.get(trigger.user, [])):
        raise SlackError("not_found")
    return _shown(push(call.state, trigger.user, view))


@method("views.update")
def views_update(call: Call) -> Json:
    view = _given(call)
    view_id, external_id = call.text("view_id"), call.text("external_id")
    if not view_id and not external_id:
        raise SlackError.invalid("invalid_arguments", ["missing required field: view_id or external_id"])
    for opened in [v for stack in call.state.modals.values() for v in stack]:
        if view_id == opened.view["id"] or (external_id and external_id == opened.view["external_id"]):
            _check_hash(call, opened.view)
            replace(call.state, opened, view)
            return _shown(opened)
    raise SlackError("not_found")


@method("views.publish")
def views_publish(call: Call) -> Json:
    view = _given(call, surface="home")
    user = call.need("user_id")
    if user not in call.state.workspace.people:
        raise SlackError("user_not_found")
    home = call.state.homes.get(user)
    if home is None:
        home = call.state.homes[user] = OpenView(view=new_view(call.state, view))
    else:
        _check_hash(call, home.view)
        replace(call.state, home, view)
    return _shown(home)


def new_view(state: State, given: Json, parent: Json | None = None) -> Json:
    """A checked view as Slack keeps it, with its own id and hash."""
    workspace = state.workspace
    view_id = state.new_id("V")
    return {
        "id": view_id,
        "team_id": workspace.team_id,
        "app_id": workspace.app.id,
        "bot_id": workspace.app.bot_id,
        "app_installed_team_id": workspace.team_id,
        "type": given["type"],
        "title": given.get("title"),
        "submit": given.get("submit"),
        "close": given.get("close"),
        "blocks": with_ids(given["blocks"]),
        "callback_id": given.get("callback_id", ""),
        "private_metadata": given.get("private_metadata", ""),
        "external_id": given.get("external_id", ""),
        "clear_on_close": given.get("clear_on_close", False),
        "notify_on_close": given.get("notify_on_close", False),
        "state": {"values": {}},
        "hash": f"{state.next_ts()}.{secrets.token_hex(4)}",
        "root_view_id": parent["root_view_id"] if parent else view_id,
        "previous_view_id": parent["id"] if parent else None,
    }


def push(state: State, user: str, given: Json) -> OpenView:
    """Put a view on top of somebody's open modal. Raises SlackError."""
    stack = state.modals[user]
    if len(stack) >= STACK_LIMIT:
        raise SlackError("push_limit_reached")
    stack.append(OpenView(view=new_view(state, given, stack[-1].view)))
    return stack[-1]


def replace(state: State, opened: OpenView, given: Json) -> None:
    """Show another view in the same place; what was entered stays where block_id and action_id are the same."""
    identity = ("id", "root_view_id", "previous_view_id")
    opened.view = new_view(state, given) | {k: opened.view[k] for k in identity}
    kept = {b["block_id"] for b in opened.view["blocks"]}
    opened.draft = {b: values for b, values in opened.draft.items() if b in kept}
    opened.errors = {}
    opened.notice = ""


def _given(call: Call, surface: Surface = "modal") -> Json:
    view: Any = call.data("view")
    check_view(call.state, view, surface)
    return view


def _check_hash(call: Call, view: Json) -> None:
    if call.text("hash") and call.text("hash") != view["hash"]:
        raise SlackError("hash_conflict")


def _shown(opened: OpenView) -> Json:
    return {"view": copy.deepcopy(opened.view)}
