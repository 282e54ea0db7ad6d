"""The Slack app's manifest: every scope, command and event the code uses, and nothing more.

`dbt-refresh manifest` prints it to be pasted into "Create an app from a manifest".
"""

from __future__ import annotations

import re
from typing import Any

from bot.wording.requests import COMMAND

# What each scope is for. The local Slack installs the app with these alone, and a test takes each one away.
SCOPES = {
    "commands": "the slash command, the shortcut",
    "chat:write": "cards, replies, private answers",
    "files:write": "picture, CSV and details in the thread",
    "files:read": "recognising a file that was shared already",
    "usergroups:read": "who is in an approvers' group",
    "users:read": "whether a person is a full member",
    "users:read.email": "{user} in [dbt.env]",
    "channels:read": "whether a channel is shared with others",
    "groups:read": "the same for private channels",
    "channels:history": "recognising a message that was posted already",
    "groups:history": "the same in private channels",
}
_ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]+)?(/[^\s?#]*)?")
HTTP_PATH = "/slack/events"


def manifest(http_url: str = "") -> dict[str, Any]:
    """The manifest as Slack's schema wants it: for Socket Mode, or for HTTP under the bot's public `http_url`.

    Raises ValueError for an address that Slack would not call.
    """
    if http_url and not _ADDRESS.fullmatch(http_url):
        raise ValueError(f"{http_url!r} is not an https:// address of a host")
    url = f"{http_url.rstrip('/')}{HTTP_PATH}" if http_url else ""
    interactivity: dict[str, Any] = {"is_enabled": True}
    events: dict[str, Any] = {"bot_events": ["app_home_opened"]}
    features = _features()
    if url:
        features["slash_commands"][0]["url"] = events["request_url"] = interactivity["request_url"] = url
        interactivity["message_menu_options_url"] = url
    return {
        "_metadata": {"major_version": 1},
        "display_information": {
            "name": "dbt refresh",
            "description": "Refreshes dbt models in production safely: rebuilt in dev, proven, approved, undoable.",
        },
        "features": features,
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": events,
            "interactivity": interactivity,
            "org_deploy_enabled": False,
            "socket_mode_enabled": not url,
            "token_rotation_enabled": False,
        },
    }


def _features() -> dict[str, Any]:
    command: dict[str, Any] = {
        "command": COMMAND,
        "description": "Rebuild a dbt model in dev, prove it, approve it into production",
        "usage_hint": "<model> [backfill <date>] | status | list | cancel <id> | help",
        "should_escape": True,
    }
    shortcut = {
        "name": "Refresh a dbt model",
        "type": "global",
        "callback_id": "refresh_open",
        "description": "Open the form",
    }
    return {
        "bot_user": {"display_name": "dbt-refresh", "always_online": True},
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False, "messages_tab_read_only_enabled": True},
        "slash_commands": [command],
        "shortcuts": [shortcut],
    }
