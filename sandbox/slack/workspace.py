"""The workspace as data: people, groups, channels and the installed app. `demo()` is the world of the demo and the tests."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

TEAM = "T0DEMO"
SCOPES = (
    "commands",
    "chat:write",
    "files:write",
    "files:read",
    "usergroups:read",
    "users:read",
    "users:read.email",
    "channels:read",
    "groups:read",
    "channels:history",
    "groups:history",
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user. `is_stranger` marks somebody of another workspace, known through a shared channel."""

    id: str
    name: str
    real_name: str
    team_id: str
    email: str = ""
    title: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_admin: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False


@dataclass(frozen=True, kw_only=True)
class Group:
    """A user group; mentioned as `@handle`."""

    id: str
    handle: str
    name: str
    users: tuple[str, ...]


@dataclass(kw_only=True)
class Channel:
    """A channel with its members; `is_ext_shared` means that people of another workspace read it."""

    id: str
    name: str
    topic: str = ""
    members: set[str] = field(default_factory=set)
    is_private: bool = False
    is_ext_shared: bool = False
    is_pending_ext_shared: bool = False


@dataclass(frozen=True, kw_only=True)
class SlashCommand:
    command: str
    description: str = ""
    usage_hint: str = ""
    should_escape: bool = True


@dataclass(frozen=True, kw_only=True)
class Shortcut:
    """A global shortcut, offered beside the composer."""

    callback_id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class InstalledApp:
    """The one app of the workspace and what its manifest asked for."""

    id: str = "A0DBTREFRESH"
    name: str = "dbt-refresh"
    bot_id: str = "B0BOT"
    bot_user_id: str = "U0BOT"
    scopes: tuple[str, ...] = SCOPES
    commands: tuple[SlashCommand, ...] = (
        SlashCommand(
            command="/dbt-refresh",
            description="Refresh a dbt model in production",
            usage_hint="<model> [backfill <date>] | status | help",
        ),
    )
    shortcuts: tuple[Shortcut, ...] = (Shortcut(callback_id="refresh_open", name="Refresh a dbt model"),)
    events: tuple[str, ...] = ("app_home_opened",)

    @classmethod
    def from_manifest(cls, manifest: dict[str, Any]) -> Self:
        """Install the app as its manifest says: only these scopes, commands, shortcuts and events exist."""
        features = manifest.get("features", {})
        subscriptions = manifest.get("settings", {}).get("event_subscriptions", {})
        return cls(
            scopes=tuple(manifest.get("oauth_config", {}).get("scopes", {}).get("bot", ())),
            commands=tuple(
                SlashCommand(
                    command=c["command"],
                    description=c.get("description", ""),
                    usage_hint=c.get("usage_hint", ""),
                    should_escape=c.get("should_escape", False),
                )
                for c in features.get("slash_commands", ())
            ),
            shortcuts=tuple(
                Shortcut(callback_id=s["callback_id"], name=s["name"])
                for s in features.get("shortcuts", ())
                if s.get("type") == "global"
            ),
            events=tuple(subscriptions.get("bot_events", ())),
        )


@dataclass(kw_only=True)
class Workspace:
    """One team with everything that exists in it before the first message."""

    team_id: str
    name: str
    domain: str
    people: dict[str, Person]
    groups: dict[str, Group]
    channels: dict[str, Channel]
    app: InstalledApp = field(default_factory=InstalledApp)

    def person(self, key: str) -> Person:
        """Find somebody by id, name or `@name`. Raises KeyError."""
        key = key.removeprefix("@")
        found = self.people.get(key) or next((p for p in self.people.values() if p.name == key), None)
        if found is None:
            raise KeyError(key)
        return found

    def channel(self, key: str) -> Channel:
        """Find a channel by id, name or `#name`. Raises KeyError."""
        key = key.removeprefix("#")
        found = self.channels.get(key) or next((c for c in self.channels.values() if c.name == key), None)
        if found is None:
            raise KeyError(key)
        return found


def demo(app: InstalledApp | None = None) -> Workspace:
    """The demo world: four colleagues, one guest, one stranger, the bot, four channels and the approvers' group."""
    app = app or InstalledApp()
    approvers = Group(
        id="S0DATA", handle="data-approvers", name="Data approvers", users=("U0ALICE", "U0BOB", "U0CAROL")
    )
    return Workspace(
        team_id=TEAM,
        name="Demo",
        domain="demo",
        people={p.id: p for p in _people(app)},
        groups={approvers.id: approvers},
        channels={c.id: c for c in _channels(app)},
        app=app,
    )


def _people(app: InstalledApp) -> list[Person]:
    guest = _colleague("gus", "Gus Weber", "Guest")
    stranger = _colleague("eve", "Eve Vendor", "Vendor")
    return [
        replace(_colleague("alice", "Alice Moreau", "Data engineer"), is_admin=True),
        _colleague("bob", "Bob Tanaka", "Analytics lead"),
        _colleague("carol", "Carol Okafor", "Data engineer"),
        _colleague("dave", "Dave Lind", "Product manager"),
        replace(guest, id="U0GUEST", is_restricted=True),
        replace(stranger, team_id="T0OTHER", email="eve@vendor.example", is_stranger=True),
        Person(id=app.bot_user_id, name=app.name, real_name=app.name, team_id=TEAM, is_bot=True),
    ]


def _channels(app: InstalledApp) -> list[Channel]:
    inside = {"U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"}
    bot = {app.bot_user_id}
    return [
        Channel(
            id="C0INCIDENTS",
            name="data-incidents",
            topic="Wrong numbers, and what we do about them",
            members=inside | bot | {"U0GUEST"},
        ),
        Channel(id="C0AUDIT", name="data-audit", topic="Every production change, one line each", members=inside | bot),
        Channel(id="C0GENERAL", name="general", topic="Company-wide", members=inside | {"U0GUEST"}),
        Channel(
            id="C0SHARED",
            name="shared-vendor",
            topic="Shared with the vendor",
            members=inside | bot | {"U0EVE"},
            is_ext_shared=True,
        ),
    ]


def _colleague(name: str, real_name: str, title: str) -> Person:
    return Person(
        id=f"U0{name.upper()}",
        name=name,
        real_name=real_name,
        team_id=TEAM,
        email=f"{name}@example.com",
        title=title,
    )
