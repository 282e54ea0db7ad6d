"""Who somebody is, for rights and for names: read from Slack when it matters, never remembered."""

from __future__ import annotations

import re
from contextlib import suppress

from bot import policy
from bot.chat import Chat, ChatError
from bot.errors import RefreshError, Refusal
from bot.model import Actor, Refresh
from bot.people import Home, Person
from bot.services import Services
from bot.wording import rules as say

_NOT_IN_A_NAME = re.compile(r"[^A-Z0-9_]+")


def home_of(chat: Chat) -> Home:
    """The workspace of this installation, as Slack says."""
    identity = chat.auth()
    return Home(team_id=identity.team_id, enterprise_id=identity.enterprise_id)


def judge(
    services: Services, action: str, by: Actor, refresh: Refresh | None, model: str = ""
) -> policy.Allowed | policy.Denied:
    """Whether `by` may do this now; Slack not answering means no."""
    try:
        person, home = services.chat.person(by.user_id), home_of(services.chat)
    except ChatError:
        return policy.Denied("could not check", say.could_not_check())
    return policy.decide(action, person, refresh, services.settings, services.chat.members, home, model=model)


def require_requester(services: Services, refresh: Refresh) -> None:
    """Raises Refusal with the sentence for the asker."""
    verdict = judge(services, "ask", refresh.asker, refresh)
    if isinstance(verdict, policy.Denied):
        raise Refusal(verdict.text, verdict.rule)
    require_own_channel(services, refresh.channel)


def require_own_channel(services: Services, channel_id: str) -> None:
    """Raises Refusal for a channel that people of another organisation read; Slack not answering means no."""
    try:
        channel = services.chat.channel(channel_id)
    except ChatError as error:
        raise Refusal(say.channel_unknown(), str(error)) from error
    if channel.is_ext_shared or channel.is_pending_ext_shared:
        raise Refusal(say.shared_channel(), "externally shared channel")


def require_presence(chat: Chat, channel_id: str) -> None:
    """Raises Refusal where the bot could not post what it is asked for. Slack not answering is left to the worker."""
    with suppress(ChatError):
        if not chat.is_in(channel_id):
            raise Refusal(say.not_in_channel(channel_id, chat.auth().name), "not in the channel")


def env_user(services: Services, by: Actor) -> str:
    """What {user} in `[dbt.env]` stands for: the name in `[people]`, else the local part of the e-mail address.

    Never the Slack handle, which people choose themselves. Raises RefreshError when neither is known.
    """
    if not any("{user}" in value for value in services.settings.dbt.env.values()):
        return "REFRESH"
    name = services.settings.people.get(by.user_id) or _local_part(services.chat.person(by.user_id))
    clean = _NOT_IN_A_NAME.sub("_", name.upper()).strip("_")
    if not clean:
        raise RefreshError(say.no_name(by.user_id))
    return clean


def _local_part(person: Person) -> str:
    return person.email.partition("@")[0]
