"""Who a Slack user is, as `users.info` says; the gateway fills these and `policy.py` judges them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Person:
    """One Slack user. `team_id` and `enterprise_id` are the person's own, not those of the channel."""

    user_id: str
    team_id: str
    enterprise_id: str = ""  # Enterprise Grid only
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False  # guest
    is_ultra_restricted: bool = False  # guest of one channel
    is_stranger: bool = False  # seen through a shared channel
    email: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """The workspace this installation belongs to, as `auth.test` says."""

    team_id: str
    enterprise_id: str = ""
