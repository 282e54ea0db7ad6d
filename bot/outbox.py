"""Delivery to Slack: ordered posts, their files, and live messages, from what the store has queued.

At least once, and a repeat is recognised: a post whose sending was interrupted is looked for before it is sent
again. What Slack refuses for now is kept, and what people delete is posted anew, for as long as somebody may need it.
One run is short and may happen in any number of processes; rows are leased while they are sent.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from bot.blocks.kit import context
from bot.chat import Chat, ChatDown, ChatError, ChatRefused
from bot.events import Noted
from bot.messages import THREAD_LINK, Live, Message, Post
from bot.model import Refresh
from bot.patience import doubled
from bot.slack_errors import NO_ROOT, Remedy, remedy
from bot.store import Letter, LiveMessage, Store
from bot.store.codec import dumps, loads
from bot.wording import delivery as say
from bot.wording.approval import replaced

log = structlog.get_logger()
T = TypeVar("T")

_LONGEST_PAUSE = 60.0
_REFUSED_PAUSE = 300.0  # the longest, of what Slack refuses for now: somebody invites the bot, and people wait
_KEPT = 86_400.0  # seconds for which it is kept where no lock stands any more
_KEPT_PRIVATE = 3_600.0  # an answer that comes later than this answers nothing
_KEPT_UNKNOWN = 3_600.0  # with a code that we do not know
_UPDATES = 20  # tries of an update that Slack refuses, in more than an hour
_TRIES = 8  # of something that breaks in our own code, before the queue goes on without it
_CLOCKS_DIFFER = timedelta(hours=2)  # between Slack and us, when looking for a message


_NO_LINK = re.compile(rf"(?: · )?<{re.escape(THREAD_LINK)}\|[^>]*>")  # with what leads to it


class _Taken(Exception):
    """Another process sends this letter, since this one was frozen over it."""


class Delivery:
    """`render_live` makes a live message from the refresh as it is when it is sent; `gap` is its shortest pause.

    After `lease_seconds` another process sends what a dead one had begun, and looks first whether it arrived.
    """

    def __init__(
        self,
        store: Store,
        chat: Chat,
        render_live: Callable[[Live, Refresh, datetime], Message],
        clock: Callable[[], datetime],
        gap: float = 4.0,
        lease_seconds: float = 60.0,
    ) -> None:
        self._store = store
        self._chat = chat
        self._render_live = render_live
        self._clock = clock
        self._gap = gap
        self._lease = lease_seconds
        self._owner = f"delivery-{uuid.uuid4().hex[:8]}"

    def run_once(self) -> int:
        """Send what is due, posts before updates, until nothing is or Slack is down. Returns how much was sent."""
        sent = 0
        while letters := self._store.take_letters(self._owner, 1, self._lease):
            if not self._deliver(letters[0]):
                return sent
            sent += 1
        while messages := self._store.take_live(self._owner, 1, self._lease, self._gap):
            if not self._refresh_live(messages[0]):
                return sent
            sent += 1
        return sent

    # --- posts ------------------------------------------------------------------------------------------------------

    def _deliver(self, letter: Letter) -> bool:
        """False when Slack is down."""
        try:
            self._send(letter)
        except _Taken:
            log.info("letter taken over", key=letter.key, attempt=letter.attempt)
        except ChatRefused as refused:
            self._refused(letter, refused)
        except ChatDown as down:
            maybe = down.sent_maybe or letter.interrupted
            log.warning("slack is down", key=letter.key, method=down.method, error=down.code, attempt=letter.attempt)
            self._store.letter_later(letter, _pause(letter.attempt, down), down.code, sent_maybe=maybe)
            return False
        except Exception as error:
            log.exception("could not send", key=letter.key, attempt=letter.attempt)
            if letter.attempt >= _TRIES:
                self._store.letter_refused(letter, type(error).__name__)
            else:
                self._store.letter_later(letter, _pause(letter.attempt), type(error).__name__, sent_maybe=True)
        return True

    def _refused(self, letter: Letter, refused: ChatRefused) -> None:
        """Kept and tried again where it may pass; the asker hears of it once."""
        refresh = self._store.get(letter.refresh) if letter.refresh is not None else None
        meaning = remedy(refused.code)
        log.warning(
            "refused by slack",
            key=letter.key,
            method=refused.method,
            error=refused.code,
            remedy=meaning or "not known: tried again for an hour",
            attempt=letter.attempt,
        )
        if (letter.refused_for or 0.0) < _patience(letter, refresh, meaning):
            if refresh is not None and refused.code in NO_ROOT:
                self._store.touch_card(refresh.id)  # its update finds out that it is gone, and posts it anew
            tell = None if letter.private_to or refresh is None else _told(refresh, letter.channel, refused.code)
            self._store.letter_blocked(letter, doubled(2.0, letter.attempt, _REFUSED_PAUSE), refused.code, tell)
        else:
            log.error("undeliverable", key=letter.key, error=refused.code)
            self._store.letter_refused(letter, refused.code)

    def _send(self, letter: Letter) -> None:
        letter = replace(letter, message=self._linked(letter))
        thread_ts = self._thread_of(letter)
        if letter.private_to:
            where = {"channel": letter.channel, "user": letter.private_to, "thread_ts": thread_ts}
            ts = _either(lambda m: self._chat.ephemeral(**where, message=m), letter.message)
            self._store.letter_sent(letter, ts)
        elif ts := self._found(letter, thread_ts):
            self._store.letter_sent(letter, ts)
        elif letter.files:
            self._send_files(letter, thread_ts)
        elif letter.live and letter.refresh is not None:
            self._send_live(letter, letter.live, letter.refresh, thread_ts)
        else:
            self._store.letter_sent(letter, self._post(letter, letter.message, thread_ts))
        if letter.live is Live.CARD and letter.refresh is not None:
            self._keep_permalink(letter.refresh)

    def _post(self, letter: Letter, message: Message, thread_ts: str) -> str:
        self._require(letter)
        mark = {"key": letter.key, "refresh": letter.refresh, "thread_ts": thread_ts}
        return _either(lambda m: self._chat.post(letter.channel, m, **mark), message)

    def _require(self, letter: Letter) -> None:
        """Whoever was frozen while it looked or made the message must not post it a second time. Raises _Taken."""
        if not self._store.keep_letter(letter, self._lease):
            raise _Taken(letter.key)

    def _send_live(self, letter: Letter, live: Live, number: int, thread_ts: str) -> None:
        """Post it as it should look now; the message it replaces, if any, loses its buttons first."""
        now = self._store.live_message(number, live)
        refresh = self._store.get(number)
        assert now is not None  # both were stored with the post
        assert refresh is not None
        message = self._render_live(live, refresh, self._clock())
        self._retire(now)
        ts = self._post(letter, message, thread_ts)
        self._store.letter_sent(replace(letter, message=message), ts, shown=now.wanted)

    def _retire(self, old: LiveMessage) -> None:
        """What people saw there stays, but for its buttons, and says that it no longer counts."""
        if old.body is None or not old.ts or not _has_buttons(old.body):
            return
        kept = _without_buttons(old.body)
        try:
            self._chat.update(old.channel, old.ts, replace(kept, blocks=(context(replaced()), *kept.blocks)))
        except ChatRefused as refused:
            if remedy(refused.code) is Remedy.LATER:
                raise  # the new one would be refused too, or stand beside buttons that still work
            log.warning("could not retire", refresh=old.refresh, live=old.live, error=refused.code)

    def _send_files(self, letter: Letter, thread_ts: str) -> None:
        """All files as one message. Where Slack refuses them the text is posted alone, and the card says so."""
        try:
            ids = []
            for file in letter.files:
                file_id = file.file_id or self._chat.upload(file.attachment)
                if not file.file_id:
                    self._store.keep_file(letter, file.n, file_id)
                ids.append((file_id, file.attachment.title))
            self._require(letter)
            self._chat.share(ids, letter.channel, letter.message.text, thread_ts=thread_ts)
        except ChatRefused as refused:
            log.warning("files refused", key=letter.key, error=refused.code)
            ts = self._post(letter, letter.message, thread_ts)
            self._store.letter_sent(letter, ts, missing=refused.code)
        else:
            self._store.letter_sent(letter, "")

    def _found(self, letter: Letter, thread_ts: str) -> str | None:
        """The ts under which an interrupted post is in Slack already."""
        if not letter.interrupted:
            return None
        where = {"thread_ts": thread_ts, "since": letter.created_at - _CLOCKS_DIFFER}
        if ts := self._chat.find(letter.channel, letter.key, **where):
            return ts
        if letter.files and letter.files[-1].file_id:
            return self._chat.find_file(letter.channel, letter.files[0].file_id, **where)
        return None

    def _thread_of(self, letter: Letter) -> str:
        if not letter.thread or letter.refresh is None or letter.live is Live.CARD:
            return ""
        thread = self._store.thread(letter.refresh)
        if thread is None and not letter.private_to:
            raise ChatRefused("no_thread")  # its root was undeliverable, else this would not be its turn
        return thread[1] if thread and thread[0] == letter.channel else ""

    def _linked(self, letter: Letter) -> Message:
        text = dumps(letter.message)
        if letter.refresh is None or THREAD_LINK not in text:
            return letter.message
        if link := self._store.permalink(letter.refresh) or self._keep_permalink(letter.refresh):
            return loads(Message, text.replace(THREAD_LINK, link))
        return loads(Message, _NO_LINK.sub("", text))

    def _keep_permalink(self, refresh: int) -> str:
        """The card's address; empty while it is not known, which nothing waits for."""
        thread = self._store.thread(refresh)
        try:
            link = self._chat.permalink(*thread) if thread else ""
        except ChatError as error:
            log.info("no permalink", refresh=refresh, error=error.code)
            return ""
        self._store.keep_permalink(refresh, link)
        return link

    # --- live messages ----------------------------------------------------------------------------------------------

    def _refresh_live(self, message: LiveMessage) -> bool:
        """False when Slack is down. Repeating an update does no harm, so nothing is looked for."""
        refresh = self._store.get(message.refresh)
        assert refresh is not None  # refreshes are never deleted
        try:
            rendered = self._render_live(message.live, refresh, self._clock())
        except Exception:
            log.exception("could not update", refresh=message.refresh, live=message.live)
            self._store.live_later(message, _pause(message.attempt))
            return True
        try:
            if not self._store.keep_live(message, self._lease):
                log.info("message taken over", refresh=message.refresh, live=message.live)
                return True
            _either(lambda m: self._chat.update(message.channel, message.ts, m), rendered)
        except ChatDown as down:
            self._store.live_later(message, _pause(message.attempt, down))
            return False
        except ChatRefused as refused:
            self._update_refused(message, refresh, rendered, refused)
        except Exception:
            log.exception("could not update", refresh=message.refresh, live=message.live)
            self._store.live_later(message, _pause(message.attempt))
        else:
            self._store.live_shown(message, rendered)
            if message.live is Live.CARD and not self._store.permalink(refresh.id):
                self._keep_permalink(refresh.id)
        return True

    def _update_refused(self, message: LiveMessage, refresh: Refresh, rendered: Message, refused: ChatRefused) -> None:
        code, meaning = refused.code, remedy(refused.code)
        log.warning(
            "update refused",
            refresh=refresh.ref,
            live=message.live,
            error=code,
            remedy=meaning,
            attempt=message.attempt,
        )
        may_pass = meaning is Remedy.LATER and (refresh.live or message.attempt < _UPDATES)
        if code == "message_not_found":
            self._post_anew(message, refresh, rendered)
        elif may_pass or (meaning is None and message.attempt < _UPDATES):
            self._store.live_later(message, doubled(2.0, message.attempt, _REFUSED_PAUSE))
        else:
            self._store.live_shown(message, None)

    def _post_anew(self, gone: LiveMessage, refresh: Refresh, rendered: Message) -> None:
        """Somebody deleted it: without it nobody could decide, so it comes again while it may be needed.

        With the card goes the root of the thread. What waits for a decision follows the new one into its thread.
        """
        again: list[Post] = []
        if refresh.live or _has_buttons(rendered):
            again = [self._anew(gone.live, gone, refresh), _notice(gone, refresh)]
        if again and gone.live is Live.CARD:
            others = [m for m in self._store.live_messages(refresh.id) if m.live is not Live.CARD]
            again += [self._anew(m.live, gone, refresh) for m in others if m.body and _has_buttons(m.body)]
        elif again:
            again.reverse()  # the notice stands above what it speaks of
        event = Noted(at=self._clock(), text=say.was_deleted(gone.live, again=bool(again)))
        self._store.live_gone(gone, refresh, event, again)

    def _anew(self, live: Live, gone: LiveMessage, refresh: Refresh) -> Post:
        key = f"{refresh.ref}/anew/{gone.ts}/{live}"
        message = self._render_live(live, refresh, self._clock())
        return Post(key=key, channel=gone.channel, message=message, live=live)


def _notice(gone: LiveMessage, refresh: Refresh) -> Post:
    text = say.anew(gone.live)
    return Post(key=f"{refresh.ref}/anew/{gone.ts}/notice", channel=gone.channel, message=Message(text=text))


def _told(refresh: Refresh, channel: str, code: str) -> Post:
    """To the asker alone, once for each channel and reason."""
    return Post(
        key=f"{refresh.ref}/refused/{channel}/{code}",
        channel=refresh.channel,
        message=Message(text=say.refused_for_now(refresh.ref, channel, code)),
        thread=False,
        private_to=refresh.asker.user_id,
    )


def _patience(letter: Letter, refresh: Refresh | None, meaning: Remedy | None) -> float:
    """For how many seconds what Slack refuses is kept: while the lock stands, since then somebody has to decide."""
    if meaning in (Remedy.NEVER, Remedy.WITHOUT_BLOCKS):
        return 0.0
    if meaning is None:
        return _KEPT_UNKNOWN
    if letter.private_to:
        return _KEPT_PRIVATE
    return math.inf if refresh is not None and refresh.live else _KEPT


def _has_buttons(message: Message) -> bool:
    return message != _without_buttons(message)


def _without_buttons(message: Message) -> Message:
    kept = ({k: v for k, v in b.items() if k != "accessory"} for b in message.blocks if b["type"] != "actions")
    return replace(message, blocks=tuple(kept))


def _either(send: Callable[[Message], T], message: Message) -> T:
    """With blocks; where it is these that are refused, as plain text. Raises what the last try raised."""
    try:
        return send(message)
    except ChatRefused as refused:
        if not message.blocks or remedy(refused.code) is not Remedy.WITHOUT_BLOCKS:
            raise
        log.warning("blocks refused, sent as text", error=refused.code)
        return send(replace(message, blocks=()))


def _pause(attempt: int, down: ChatDown | None = None) -> float:
    return max(doubled(1.0, attempt, _LONGEST_PAUSE), down.retry_after if down else 0.0)
