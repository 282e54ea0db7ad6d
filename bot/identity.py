"""Who somebody is, for rights and for names: read from Slack when it matters, never remembered."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import structlog

from bot import policy, slack_errors
from bot.chat import Chat, ChatError, ChatRefused
from bot.errors import RefreshError, Refusal, SlackAway
from bot.events import Lapse
from bot.model import Actor, Refresh
from bot.people import Home
from bot.services import Services
from bot.wording import rules as say

log = structlog.get_logger()
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
        return _judged(services, action, by, refresh, model)
    except ChatError as error:
        log.warning("right not checked", action=action, person=by.user_id, method=error.method, code=error.code)
        return policy.Denied("could not check", say.could_not_check(action, error.scope))


def _judged(
    services: Services, action: str, by: Actor, refresh: Refresh | None, model: str = ""
) -> policy.Allowed | policy.Denied:
    """Raises ChatError where Slack does not answer."""
    person, home = services.chat.person(by.user_id), home_of(services.chat)
    return policy.decide(action, person, refresh, services.settings, services.chat.members, home, model=model)


def lapsed(services: Services, refresh: Refresh) -> tuple[Lapse, ...]:
    """The approvals that would not be taken from the same people now. Raises SlackAway."""
    alone = replace(refresh, decisions=())  # else each of them would have approved already
    found = []
    for by in policy.approvals(refresh):
        try:
            verdict = _judged(services, "approve", by, alone)
        except ChatError as error:
            if error.code in slack_errors.NO_PERSON:
                found.append(Lapse(by=by, rule="unknown"))
                continue
            raise SlackAway(say.approvals_not_checked(error.scope), f"{error.method}: {error.code}") from error
        if isinstance(verdict, policy.Denied):
            found.append(Lapse(by=by, rule=verdict.rule))
    return tuple(found)


def require_requester(services: Services, refresh: Refresh) -> None:
    """Raises Refusal with the sentence for the asker, and SlackAway."""
    try:
        verdict = _judged(services, "ask", refresh.asker, refresh)
    except ChatError as error:
        raise SlackAway(say.could_not_check("ask", error.scope), f"{error.method}: {error.code}") from error
    if isinstance(verdict, policy.Denied):
        raise Refusal(verdict.text, verdict.rule)
    require_own_channel(services, refresh.channel)


def require_own_channel(services: Services, channel_id: str) -> None:
    """Raises Refusal for a channel that people of another organisation read or were invited to, and SlackAway."""
    try:
        channel = services.chat.channel(channel_id)
    except ChatRefused as error:
        raise Refusal(say.channel_unknown(), str(error)) from error
    except ChatError as error:
        raise SlackAway(say.channel_unknown(), f"{error.method}: {error.code}") from error
    if channel.is_ext_shared or channel.is_pending_ext_shared:
        raise Refusal(say.shared_channel(), "externally shared channel")


def require_presence(chat: Chat, channel_id: str) -> None:
    """Raises Refusal where the bot could not post what it is asked for. Slack not answering is left to the worker."""
    with suppress(ChatError):
        if not chat.is_in(channel_id):
            raise Refusal(say.not_in_channel(channel_id, chat.auth().name), "not in the channel")


def env_user(services: Services, by: Actor) -> str:
    """What {user} in `[dbt.env]` stands for: the name in `[people]`, else the local part of the e-mail address.

    Never the Slack handle, which people choose themselves. Raises RefreshError when neither is known, and SlackAway.
    """
    if not any("{user}" in value for value in services.settings.dbt.env.values()):
        return "REFRESH"
    name = services.settings.people.get(by.user_id) or _local_part(services.chat, by)
    clean = _NOT_IN_A_NAME.sub("_", name.upper()).strip("_")
    if not clean:
        raise RefreshError(say.no_name(by.user_id))
    return clean


def _local_part(chat: Chat, by: Actor) -> str:
    try:
        return chat.person(by.user_id).email.partition("@")[0]
    except ChatError as error:
        raise SlackAway(say.name_not_known(), f"{error.method}: {error.code}") from error
