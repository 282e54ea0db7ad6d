"""Delivery to Slack: ordered posts, their files, and live messages, from what the store has queued.

At least once, and a repeat is recognised: a post whose sending was interrupted is looked for before it is sent
again. One run is short and may happen in any number of processes; rows are leased while they are sent.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from bot.blocks.kit import context
from bot.chat import Chat, ChatDown, ChatError, ChatRefused
from bot.messages import THREAD_LINK, Live, Message
from bot.model import Refresh
from bot.patience import doubled
from bot.store import Letter, LiveMessage, Store
from bot.store.codec import dumps, loads
from bot.wording.approval import replaced

log = structlog.get_logger()
T = TypeVar("T")

_LONGEST_PAUSE = 60.0
_TRIES = 8  # of something that breaks in our own code, before the queue goes on without it
_CLOCKS_DIFFER = timedelta(hours=2)  # between Slack and us, when looking for a message


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
            log.warning("undeliverable", key=letter.key, error=refused.code)
            self._store.letter_refused(letter, refused.code)
        except ChatDown as down:
            maybe = down.sent_maybe or letter.interrupted
            log.info("slack is down", key=letter.key, error=down.code, attempt=letter.attempt)
            self._store.letter_later(letter, _pause(letter.attempt, down), down.code, sent_maybe=maybe)
            return False
        except Exception as error:
            log.exception("could not send", key=letter.key, attempt=letter.attempt)
            if letter.attempt >= _TRIES:
                self._store.letter_refused(letter, type(error).__name__)
            else:
                self._store.letter_later(letter, _pause(letter.attempt), type(error).__name__, sent_maybe=True)
        return True

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
        if old.body is None or old.body == _without_buttons(old.body):
            return
        kept = _without_buttons(old.body)
        try:
            self._chat.update(old.channel, old.ts, replace(kept, blocks=(context(replaced()), *kept.blocks)))
        except ChatRefused as refused:
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
        link = self._store.permalink(letter.refresh) or self._keep_permalink(letter.refresh)
        return loads(Message, text.replace(THREAD_LINK, link))

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
        try:
            refresh = self._store.get(message.refresh)
            assert refresh is not None  # refreshes are never deleted
            rendered = self._render_live(message.live, refresh, self._clock())
            if not self._store.keep_live(message, self._lease):
                log.info("message taken over", refresh=message.refresh, live=message.live)
                return True
            _either(lambda m: self._chat.update(message.channel, message.ts, m), rendered)
        except ChatDown as down:
            self._store.live_later(message, _pause(message.attempt, down))
            return False
        except ChatRefused as refused:
            log.warning("update refused", refresh=message.refresh, live=message.live, error=refused.code)
            self._store.live_shown(message, None)
        except Exception:
            log.exception("could not update", refresh=message.refresh, live=message.live)
            self._store.live_later(message, _pause(message.attempt))
        else:
            self._store.live_shown(message, rendered)
        return True


def _without_buttons(message: Message) -> Message:
    kept = ({k: v for k, v in b.items() if k != "accessory"} for b in message.blocks if b["type"] != "actions")
    return replace(message, blocks=tuple(kept))


def _either(send: Callable[[Message], T], message: Message) -> T:
    """With blocks; refused, as plain text. Raises what the last try raised."""
    try:
        return send(message)
    except ChatRefused as refused:
        if not message.blocks:
            raise
        log.warning("blocks refused, sent as text", error=refused.code)
        return send(replace(message, blocks=()))


def _pause(attempt: int, down: ChatDown | None = None) -> float:
    return max(doubled(1.0, attempt, _LONGEST_PAUSE), down.retry_after if down else 0.0)
