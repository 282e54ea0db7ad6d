"""Web API: who is who. auth, Socket Mode addresses, users, user groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from sandbox.slack.errors import SlackError
from sandbox.slack.state import Json
from sandbox.slack.web_api import Call, method
from sandbox.slack.workspace import Group, Person

T = TypeVar("T")


@method("auth.test")
def auth_test(call: Call) -> Json:
    workspace = call.state.workspace
    app = workspace.app
    return {
        "url": f"{call.state.url}/",
        "team": workspace.name,
        "user": app.name,
        "team_id": workspace.team_id,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


@method("apps.connections.open", token="app")
def apps_connections_open(call: Call) -> Json:
    return {"url": call.sockets.new_url(call.state.url)}


@method("api.test", token="none")
def api_test(call: Call) -> Json:
    return {"args": call.args}


@method("users.info", "users:read")
def users_info(call: Call) -> Json:
    person = call.state.workspace.people.get(call.need("user"))
    if person is None:
        raise SlackError("user_not_found")
    return {"user": user_object(call, person)}


@method("users.list", "users:read")
def users_list(call: Call) -> Json:
    people, more = paged(call, list(call.state.workspace.people.values()))
    return {"members": [user_object(call, p) for p in people], **more}


@method("users.lookupByEmail", "users:read.email")
def users_lookup_by_email(call: Call) -> Json:
    email = call.need("email").lower()
    person = next((p for p in call.state.workspace.people.values() if p.email.lower() == email), None)
    if person is None or person.deleted:
        raise SlackError("users_not_found")
    return {"user": user_object(call, person)}


@method("usergroups.list", "usergroups:read")
def usergroups_list(call: Call) -> Json:
    groups = [group_object(call, g) for g in call.state.workspace.groups.values()]
    if call.flag("include_users"):
        groups = [g | {"users": list(call.state.workspace.groups[g["id"]].users)} for g in groups]
    return {"usergroups": groups}


@method("usergroups.users.list", "usergroups:read")
def usergroups_users_list(call: Call) -> Json:
    group = call.state.workspace.groups.get(call.need("usergroup"))
    if group is None:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def user_object(call: Call, person: Person) -> Json:
    """A user as Slack returns it; the email needs its own scope and is never known of a stranger."""
    profile: Json = {
        "real_name": person.real_name,
        "display_name": person.name,
        "title": person.title,
        "team": person.team_id,
    }
    if person.email and not person.is_stranger and "users:read.email" in call.state.workspace.app.scopes:
        profile["email"] = person.email
    return {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.name,
        "real_name": person.real_name,
        "deleted": person.deleted,
        "is_bot": person.is_bot,
        "is_app_user": False,
        "is_admin": person.is_admin,
        "is_owner": False,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        "is_stranger": person.is_stranger,
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "updated": 0,
        "profile": profile,
    }


def group_object(call: Call, group: Group) -> Json:
    return {
        "id": group.id,
        "team_id": call.state.workspace.team_id,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "description": group.name,
        "date_delete": 0,
        "user_count": len(group.users),
    }


def paged(call: Call, items: Sequence[T], default: int = 100) -> tuple[list[T], Json]:
    """One page of a list and the cursor to the next. Raises SlackError."""
    start = call.number("cursor", 0)
    limit = call.number("limit", default) or default
    if start < 0 or not 1 <= limit <= 1000:
        raise SlackError("invalid_cursor" if start < 0 else "invalid_limit")
    following = str(start + limit) if start + limit < len(items) else ""
    return list(items[start : start + limit]), {"response_metadata": {"next_cursor": following}}
