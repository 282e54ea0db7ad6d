"""The worker's gateway to Slack's Web API: every call as one method, and two errors, "no" and "not now".

What is read for a decision is retried here. Posting is not, since a lost reply must not become a second message:
the outbox has its own pauses, and looks first.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry import ConnectionErrorRetryHandler, RateLimitErrorRetryHandler
from slack_sdk.http_retry.builtin_handlers import ServerErrorRetryHandler
from slack_sdk.web import SlackResponse

from bot.errors import LookupFailed
from bot.messages import Attachment, Message
from bot.people import Person
from bot.settings import Settings
from bot.slack_errors import TOKEN, TROUBLE

EVENT_TYPE = "dbt_refresh"  # of the metadata by which a message is recognised
_PAGE = 200
_PAGES = 20  # of a thread or channel, when looking for a message that may have arrived

_REPAIR_SECONDS = 60.0
_BROKEN = (URLError, TimeoutError, ConnectionError, http.client.HTTPException, SlackClientError)


class ChatError(LookupFailed):
    """Slack did not do what was asked. `code` is Slack's word for it, or the kind of network trouble.

    `method` is what was called, `scope` what the token lacks for it.
    """

    method = ""
    scope = ""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class ChatRefused(ChatError):
    """Slack says no to this call. `slack_errors` says whether it will to the next one."""


class ChatDown(ChatError):
    """Slack cannot be reached, is in trouble or wants a pause. `sent_maybe`: it may have been done all the same."""

    def __init__(self, code: str, *, retry_after: float = 0.0, sent_maybe: bool = True) -> None:
        super().__init__(code)
        self.retry_after = retry_after
        self.sent_maybe = sent_maybe


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    id: str
    name: str
    is_private: bool
    is_member: bool  # whether the bot is in it
    is_ext_shared: bool
    is_pending_ext_shared: bool


class Identity(NamedTuple):
    """Who the token is."""

    team_id: str
    bot_user_id: str
    enterprise_id: str
    name: str  # of the bot, as people write it after an @


class Chat:
    """Safe to use from several threads. Every method raises ChatRefused or ChatDown."""

    def __init__(self, settings: Settings, timeout: int = 10) -> None:
        secrets = settings.secrets
        self._timeout = timeout
        base: dict[str, Any] = {"token": secrets.slack_bot_token.get_secret_value(), "base_url": secrets.slack_api_url}
        patient = [
            ConnectionErrorRetryHandler(),
            RateLimitErrorRetryHandler(max_retry_count=1),
            ServerErrorRetryHandler(max_retry_count=2),
        ]
        self._reader = WebClient(**base, timeout=timeout, retry_handlers=patient)
        self._writer = WebClient(**base, timeout=timeout, retry_handlers=[])

    def post(self, channel: str, message: Message, *, key: str, refresh: int | None = None, thread_ts: str = "") -> str:
        """Send a message that `find` recognises by `key`; returns its ts."""
        payload = {"key": key} | ({"refresh": refresh} if refresh is not None else {})
        metadata = {"event_type": EVENT_TYPE, "event_payload": payload}
        where = {"channel": channel, "thread_ts": thread_ts or None, "metadata": metadata}
        quiet = {"unfurl_links": False, "unfurl_media": False}
        return self._call(self._writer.chat_postMessage, **where, **_content(message), **quiet)["ts"]

    def update(self, channel: str, ts: str, message: Message) -> None:
        """Show `message` in the place of what stands there; may be repeated."""
        self._call(self._writer.chat_update, channel=channel, ts=ts, **_content(message))

    def ephemeral(self, channel: str, user: str, message: Message, *, thread_ts: str = "") -> str:
        """A message that only `user` sees, now or never: Slack does not keep it."""
        where = {"channel": channel, "user": user, "thread_ts": thread_ts or None}
        return self._call(self._writer.chat_postEphemeral, **where, **_content(message))["message_ts"]

    def upload(self, file: Attachment) -> str:
        """Hand Slack the bytes; returns the file's id. Nobody sees it before `share`."""
        asked = {"filename": file.name, "length": len(file.content), "alt_txt": file.alt_text or None}
        target = self._call(self._writer.files_getUploadURLExternal, **asked)
        request = Request(target["upload_url"], data=file.content, method="POST")
        request.add_header("Content-Type", "application/octet-stream")
        try:
            with urlopen(request, timeout=self._timeout):
                return target["file_id"]
        except HTTPError as error:
            kind = ChatDown if error.code >= 500 or error.code == 429 else ChatRefused
            raise kind(f"upload: HTTP {error.code}") from error
        except _BROKEN as error:
            raise ChatDown(f"upload: {type(error).__name__}") from error

    def share(self, files: Sequence[tuple[str, str]], channel: str, comment: str, *, thread_ts: str = "") -> None:
        """Show uploaded files (id, title) as one message with `comment` as its text."""
        where = {"channel_id": channel, "thread_ts": thread_ts or None, "initial_comment": comment or None}
        listed = [{"id": file_id, "title": title} for file_id, title in files]
        self._call(self._writer.files_completeUploadExternal, files=listed, **where)

    def find(self, channel: str, key: str, *, thread_ts: str = "", since: datetime) -> str | None:
        """The ts of our message with this key, posted after `since` in the channel or thread."""

        def ours(message: dict[str, Any]) -> bool:
            metadata = message.get("metadata") or {}
            return metadata.get("event_type") == EVENT_TYPE and metadata.get("event_payload", {}).get("key") == key

        return self._find(channel, thread_ts, since, ours)

    def find_file(self, channel: str, file_id: str, *, thread_ts: str = "", since: datetime) -> str | None:
        """The ts of the message that shows this file. (`files.info` lists its shares late.)"""
        return self._find(channel, thread_ts, since, lambda m: any(f.get("id") == file_id for f in m.get("files", ())))

    def permalink(self, channel: str, ts: str) -> str:
        return self._call(self._reader.chat_getPermalink, channel=channel, message_ts=ts)["permalink"]

    def person(self, user_id: str) -> Person:
        """Who this is right now, never from a cache: authority is decided from it."""
        user = self._call(self._reader.users_info, user=user_id)["user"]
        profile = user.get("profile") or {}
        return Person(
            user_id=user["id"],
            team_id=user.get("team_id") or "",
            enterprise_id=(user.get("enterprise_user") or {}).get("enterprise_id") or "",
            deleted=bool(user.get("deleted")),
            is_bot=bool(user.get("is_bot")),
            is_restricted=bool(user.get("is_restricted")),
            is_ultra_restricted=bool(user.get("is_ultra_restricted")),
            is_stranger=bool(user.get("is_stranger")),
            email=profile.get("email") or "",
            name=profile.get("display_name") or user.get("real_name") or user.get("name") or "",
        )

    def members(self, group_id: str) -> frozenset[str]:
        """The user ids of a user group right now."""
        return frozenset(self._call(self._reader.usergroups_users_list, usergroup=group_id)["users"])

    def channel(self, channel_id: str) -> Channel:
        found = self._call(self._reader.conversations_info, channel=channel_id)["channel"]
        flags = ("is_private", "is_member", "is_ext_shared", "is_pending_ext_shared")
        return Channel(id=found["id"], name=found.get("name") or "", **{f: bool(found.get(f)) for f in flags})

    def is_in(self, channel_id: str) -> bool:
        """Whether the bot is in a channel; asked once only, since a person waits for the answer."""
        try:
            found = self._call(self._writer.conversations_info, channel=channel_id)["channel"]
        except ChatRefused as refused:
            if refused.code == "channel_not_found":  # a private one
                return False
            raise
        return bool(found.get("is_member"))

    def auth(self) -> Identity:
        found = self._call(self._reader.auth_test)
        return Identity(found["team_id"], found["user_id"], found.get("enterprise_id") or "", found.get("user") or "")

    def try_app_token(self, token: str) -> None:
        """Ask for a Socket Mode address, which nobody uses: whether this app-level token may connect."""
        self._call(self._reader.apps_connections_open, app_token=token)

    def scopes(self) -> frozenset[str]:
        """What the token may do: Slack names it in a header of every answer."""
        headers = {name.lower(): value for name, value in self._answer(self._reader.auth_test).headers.items()}
        return frozenset(scope.strip() for scope in str(headers.get("x-oauth-scopes", "")).split(","))

    def _find(
        self, channel: str, thread_ts: str, since: datetime, wanted: Callable[[dict[str, Any]], bool]
    ) -> str | None:
        return next((m["ts"] for m in self._messages(channel, thread_ts, since) if wanted(m)), None)

    def _messages(self, channel: str, thread_ts: str, since: datetime) -> Iterator[dict[str, Any]]:
        where: dict[str, Any] = {"channel": channel, "oldest": f"{since.timestamp():.6f}", "limit": _PAGE}
        method = self._writer.conversations_history
        if thread_ts:
            where, method = {**where, "ts": thread_ts}, self._writer.conversations_replies
        cursor = ""
        for _ in range(_PAGES):
            page = self._call(method, **where, include_all_metadata=True, cursor=cursor or None)
            yield from page["messages"]
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return

    def _call(self, method: Callable[..., SlackResponse], **arguments: Any) -> dict[str, Any]:
        data = self._answer(method, **arguments).data
        return data if isinstance(data, dict) else {}

    def _answer(self, method: Callable[..., SlackResponse], **arguments: Any) -> SlackResponse:
        try:
            return method(**{name: value for name, value in arguments.items() if value is not None})
        except SlackApiError as error:
            raise _named(_meaning(error), method, str(error.response.get("needed") or "")) from error
        except _BROKEN as error:
            raise _named(ChatDown(type(error).__name__), method) from error


def _content(message: Message) -> dict[str, Any]:
    """`parse` and `link_names`: only what the bot itself marks as a mention or a link is one."""
    literal = {"parse": "none", "link_names": False}
    return {"text": message.text} | literal | ({"blocks": list(message.blocks)} if message.blocks else {})


def _named(error: ChatError, method: Callable[..., SlackResponse], scope: str = "") -> ChatError:
    """With the method as Slack writes it."""
    error.method, error.scope = method.__name__.replace("_", "."), scope
    return error


def _meaning(error: SlackApiError) -> ChatError:
    response: Any = error.response
    status = getattr(response, "status_code", 200)
    code = str(response.get("error") or "")
    if status == 429 or code in {"ratelimited", "rate_limited"}:
        headers = {name.lower(): value for name, value in response.headers.items()}
        wait = str(headers.get("retry-after", "")).strip()
        return ChatDown("ratelimited", retry_after=float(wait) if wait.isdigit() else 1.0, sent_maybe=False)
    if status >= 500 or "non-JSON" in code:
        return ChatDown(f"HTTP {status}")
    if code in TROUBLE:
        return ChatDown(code)
    if code in TOKEN:
        return ChatDown(code, retry_after=_REPAIR_SECONDS, sent_maybe=False)
    return ChatRefused(code or f"HTTP {status}")
