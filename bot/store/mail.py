"""What has to reach Slack: ordered posts, their files, and the live messages with the version people should see.

A lane is a queue in which only the first unsent post can be taken. Each refresh has one, which keeps its thread
in order; an answer that only one person sees has its own, so that nothing makes it wait.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, insert, or_, select, update

from bot.messages import Attachment, Click, Live, Message, Post
from bot.model import DRIVEN, ENDS
from bot.store import tables as t
from bot.store.codec import dumps, loads
from bot.store.database import Database, moment

O = t.outbox.c  # noqa: E741
L = t.live_messages.c
R = t.refreshes.c
_UNSENT = ("waiting", "sending")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    n: int
    attachment: Attachment
    file_id: str  # empty until Slack has the bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A post whose turn it is, leased to one worker. `interrupted`: a send began and its outcome is not known.

    `refused_for` says for how many seconds Slack has refused it by now; None: it has not.
    """

    id: int
    key: str
    refresh: int | None
    channel: str
    thread: bool
    live: Live | None
    private_to: str
    message: Message
    interrupted: bool
    refused_for: float | None
    attempt: int
    created_at: datetime
    files: tuple[StoredFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveMessage:
    """A message that is updated in place; `wanted` is the version that has to be shown, `body` what is shown."""

    refresh: int
    live: Live
    channel: str
    ts: str
    wanted: int
    shown: int
    body: Message | None
    attempt: int = 0
    owner: str = ""  # who has taken it to update it


def insert_posts(
    connection: Connection,
    refresh: int | None,
    posts: Sequence[Post],
    now: float,
    fill: Mapping[str, str] | None = None,
) -> None:
    """Queue posts in order; one whose key is known is ignored. `fill` replaces placeholders in the text."""
    for post in posts:
        if connection.execute(select(O.id).where(O.key == post.key)).first():
            continue
        values = {
            "key": post.key,
            "lane": f"R{refresh}" if refresh is not None and not post.private_to else post.key,
            "refresh": refresh,
            "channel": post.channel,
            "thread": post.thread,
            "live": post.live,
            "private_to": post.private_to,
            "message": _filled(dumps(post.message), fill or {}),
            "state": "waiting",
            "created_at": now,
        }
        number = connection.execute(insert(t.outbox).values(values).returning(O.id)).scalar_one()
        for n, file in enumerate(post.files):
            named = {"name": file.name, "title": file.title, "alt_text": file.alt_text, "content": file.content}
            connection.execute(insert(t.files).values(post=number, n=n, **named))
        if post.live and refresh is not None:
            _expect_live(connection, refresh, post.live, post.channel)


def with_click(connection: Connection, click: Click, values: Mapping[str, object]) -> bool:
    """Change a claimed click; False when it is settled, given back or somebody else's: `attempt` is its fencing number."""
    c = t.clicks.c
    mine = (c.id == click.id, c.attempts == click.attempt, c.owner.is_not(None), ~c.settled)
    return connection.execute(update(t.clicks).where(*mine).values(**values)).rowcount == 1


def settled_now(connection: Connection, click: Click) -> bool:
    """Settle a click; False as above: one decision counts, and one answer."""
    return with_click(connection, click, {"settled": True})


def touch_live(connection: Connection, refresh: int, lives: Collection[Live]) -> None:
    """The row has changed: these messages have a newer version to show. Those never posted stay unposted."""
    if lives:
        mine = (L.refresh == refresh, L.live.in_(sorted(lives)))
        connection.execute(update(t.live_messages).where(*mine).values(wanted=L.wanted + 1))


def set_live(connection: Connection, message: LiveMessage, values: Mapping[str, object]) -> bool:
    """Change a live message that is taken; False when somebody else has it by now."""
    mine = (L.refresh == message.refresh, L.live == message.live)
    held = (L.owner == message.owner, L.attempts == message.attempt)
    return connection.execute(update(t.live_messages).where(*mine, *held).values(values)).rowcount == 1


def forget_live(connection: Connection, message: LiveMessage) -> bool:
    """It is no longer in Slack, and not updated before it is posted anew; False as for `set_live`."""
    gone = {"ts": None, "body": None, "owner": None, "lease_until": None, "attempts": 0, "not_before": None}
    return set_live(connection, message, gone)


def _expect_live(connection: Connection, refresh: int, live: Live, channel: str) -> None:
    known = select(L.live).where(L.refresh == refresh, L.live == live)
    if connection.execute(known).first() is None:
        values = {"refresh": refresh, "live": live, "channel": channel, "wanted": 1, "shown": 0}
        connection.execute(insert(t.live_messages).values(values))


def _filled(text: str, fill: Mapping[str, str]) -> str:
    for placeholder, value in fill.items():
        text = text.replace(placeholder, json.dumps(value)[1:-1])
    return text


class Mail(Database):
    def answer(self, post: Post, refresh: int | None = None) -> None:
        """Queue one post that belongs to no change."""
        with self.writing() as connection:
            insert_posts(connection, refresh, [post], self.now(connection))

    def take_letters(self, owner: str, limit: int, lease_seconds: float) -> list[Letter]:
        """The first unsent post of up to `limit` lanes, those that never failed before the others.

        A card is never behind another post, since it is the root of all. What Slack refuses in one channel keeps
        nothing from another one. Each counts as being sent from here on.
        """
        ahead = t.outbox.alias()
        before = or_(ahead.c.id < O.id, and_(ahead.c.live == Live.CARD, ahead.c.id != O.id))
        its_root = and_(ahead.c.live == Live.CARD, O.thread)
        in_the_way = or_(ahead.c.refused_at.is_(None), ahead.c.channel == O.channel, its_root)
        waits = select(ahead.c.id).where(ahead.c.lane == O.lane, before, in_the_way, ahead.c.state.in_(_UNSENT))
        first = or_(O.live.is_not_distinct_from(Live.CARD), ~waits.exists())
        with self.writing() as connection:
            now = self.now(connection)
            self.cap(connection, t.outbox, lease_seconds, O.state.in_(_UNSENT))
            query = (
                select(t.outbox)
                .where(O.state.in_(_UNSENT), t.free(t.outbox, now), first)
                .order_by(O.attempts, O.id)
                .limit(limit)
            )
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            if not rows:
                return []
            lease = {"owner": owner, "lease_until": now + lease_seconds, "attempts": O.attempts + 1}
            values = {**lease, "state": "sending", "started_at": now, "not_before": None}
            connection.execute(update(t.outbox).where(O.id.in_([row.id for row in rows])).values(values))
            return [_letter(row, _files(connection, row.id), now) for row in rows]

    def keep_letter(self, letter: Letter, lease_seconds: float) -> bool:
        """Right before it is sent; False when somebody else has it by now."""
        with self.writing() as connection:
            until = self.now(connection) + lease_seconds
            return connection.execute(update(t.outbox).where(*_held(letter)).values(lease_until=until)).rowcount == 1

    def keep_file(self, letter: Letter, n: int, file_id: str) -> None:
        """Slack has the bytes: remember under which id, before the file is shown to anybody."""
        f = t.files.c
        with self.writing() as connection:
            mine = (f.post == letter.id, f.n == n)
            connection.execute(update(t.files).where(*mine).values(file_id=file_id))

    def letter_sent(self, letter: Letter, ts: str, *, shown: int = 0, missing: str = "") -> None:
        """It is in Slack under `ts`; for a live one, as version `shown` of its message. The card becomes the root.

        `missing` says why its files are not there, which the card mentions.
        """
        with self.writing() as connection:
            now = self.now(connection)
            if not self._finish(connection, letter, {"state": "sent", "ts": ts, "error": missing or None}):
                return
            if letter.live and letter.refresh is not None:
                mine = (L.refresh == letter.refresh, L.live == letter.live)
                values = {"channel": letter.channel, "ts": ts, "shown": shown, "shown_at": now}
                values |= {"body": dumps(letter.message)}
                connection.execute(update(t.live_messages).where(*mine).values(values))
                if letter.live is Live.CARD:
                    root = update(t.refreshes).where(R.id == letter.refresh)
                    connection.execute(root.values(thread_ts=ts))
            if missing and letter.refresh is not None:
                _undelivered(connection, letter.refresh)

    def letter_refused(self, letter: Letter, error: str) -> None:
        """Slack will never take it; the card says so, and the next post of the lane goes on."""
        with self.writing() as connection:
            mine = self._finish(connection, letter, {"state": "undeliverable", "error": error})
            if mine and letter.refresh is not None and not letter.private_to:
                _undelivered(connection, letter.refresh)

    def letter_later(self, letter: Letter, retry_in: float, error: str, *, sent_maybe: bool) -> None:
        """Try again after `retry_in` seconds, looking for it first when it may have arrived."""
        state = "sending" if sent_maybe else "waiting"
        with self.writing() as connection:
            later = self.now(connection) + retry_in
            self._finish(connection, letter, {"state": state, "not_before": later, "error": error})

    def letter_blocked(self, letter: Letter, retry_in: float, error: str, tell: Post | None = None) -> None:
        """Slack refuses it for now: try again after `retry_in` seconds. `tell` is queued too when this is new."""
        state = "sending" if letter.interrupted else "waiting"
        with self.writing() as connection:
            now = self.now(connection)
            values = {"state": state, "not_before": now + retry_in, "error": error}
            since = {} if letter.refused_for is not None else {"refused_at": now}
            mine = self._finish(connection, letter, {**values, **since})
            if mine and since and tell:
                insert_posts(connection, letter.refresh, [tell], now)

    def _finish(self, connection: Connection, letter: Letter, values: dict[str, Any]) -> bool:
        """False when somebody else has it by now, who looks whether it arrived: what happened to it is theirs to say."""
        done = {**values, "owner": None, "lease_until": None}
        return connection.execute(update(t.outbox).where(*_held(letter)).values(done)).rowcount == 1

    def take_live(self, owner: str, limit: int, lease_seconds: float, gap: float) -> list[LiveMessage]:
        """Posted live messages that are out of date, whose last update is `gap` seconds old, after all posts.

        Where Slack refuses a post for now nothing waits for it: the card goes on saying where the refresh stands.
        """
        unsent = (O.refresh == L.refresh, O.private_to == "", O.state.in_(_UNSENT))
        refused = select(O.id).where(*unsent, O.refused_at.is_not(None)).exists()
        posts_wait = and_(select(O.id).where(*unsent).exists(), ~refused)
        with self.writing() as connection:
            now = self.now(connection)
            self.cap(connection, t.live_messages, lease_seconds)
            rested = or_(L.shown_at.is_(None), L.shown_at <= now - gap, L.shown_at > now)
            old = (L.ts.is_not(None), L.wanted > L.shown, rested, ~posts_wait, t.free(t.live_messages, now))
            query = select(t.live_messages).where(*old).order_by(L.attempts, L.shown_at).limit(limit)
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            for row in rows:
                lease = {"owner": owner, "lease_until": now + lease_seconds, "attempts": L.attempts + 1}
                mine = (L.refresh == row.refresh, L.live == row.live)
                connection.execute(update(t.live_messages).where(*mine).values(lease))
        return [replace(_live(row), owner=owner) for row in rows]

    def keep_live(self, message: LiveMessage, lease_seconds: float) -> bool:
        """Right before it is updated; False when somebody else does that by now, perhaps with something newer."""
        with self.writing() as connection:
            return set_live(connection, message, {"lease_until": self.now(connection) + lease_seconds})

    def live_message(self, refresh: int, live: Live) -> LiveMessage | None:
        with self.reading() as connection:
            mine = (L.refresh == refresh, L.live == live)
            row = connection.execute(select(t.live_messages).where(*mine)).first()
        return _live(row) if row else None

    def live_messages(self, refresh: int) -> list[LiveMessage]:
        """Those of a refresh that stand in Slack."""
        with self.reading() as connection:
            mine = (L.refresh == refresh, L.ts.is_not(None))
            return [_live(row) for row in connection.execute(select(t.live_messages).where(*mine)).all()]

    def look_for_live(self, older_than: float) -> None:
        """Update again what waits for people and was not updated for that many seconds: what was deleted shows so."""
        waiting = select(R.id).where(R.state.not_in(sorted(ENDS | DRIVEN)))
        with self.writing() as connection:
            old = (L.refresh.in_(waiting), L.ts.is_not(None), L.shown_at <= self.now(connection) - older_than)
            connection.execute(update(t.live_messages).where(*old, L.wanted == L.shown).values(wanted=L.wanted + 1))

    def live_shown(self, message: LiveMessage, body: Message | None) -> None:
        """Version `wanted` is in Slack as `body`; None: Slack refuses it. Nothing more to send until it changes."""
        with self.writing() as connection:
            now = self.now(connection)
            free = {"owner": None, "lease_until": None, "attempts": 0, "not_before": None}
            said = {"body": dumps(body)} if body else {}
            mine = set_live(connection, message, {"shown": message.wanted, "shown_at": now, **said, **free})
            if mine and body is None and message.live is not Live.CARD:
                _undelivered(connection, message.refresh)

    def live_later(self, message: LiveMessage, retry_in: float) -> None:
        with self.writing() as connection:
            later = self.now(connection) + retry_in
            set_live(connection, message, {"owner": None, "lease_until": None, "not_before": later})

    def touch_card(self, refresh: int) -> None:
        """Show the card anew: time has gone by."""
        with self.writing() as connection:
            touch_live(connection, refresh, [Live.CARD])

    def keep_permalink(self, refresh: int, link: str) -> None:
        with self.writing() as connection:
            connection.execute(update(t.refreshes).where(R.id == refresh).values(permalink=link))

    def redraw(self, refresh: int) -> None:
        """Show every message of a refresh anew, such as those whose buttons an older version made."""
        with self.writing() as connection:
            touch_live(connection, refresh, list(Live))

    def unsent(self) -> int:
        """Posts that still have to reach Slack, for health checks and tests."""
        with self.reading() as connection:
            return len(connection.execute(select(O.id).where(O.state.in_(_UNSENT))).all())


def _held(letter: Letter) -> tuple[Any, ...]:
    """Still with whoever took it: `attempt` is its fencing number."""
    return O.id == letter.id, O.attempts == letter.attempt, O.owner.is_not(None)


def _undelivered(connection: Connection, refresh: int) -> None:
    connection.execute(update(t.refreshes).where(R.id == refresh).values(undelivered=R.undelivered + 1))
    touch_live(connection, refresh, [Live.CARD])


def _files(connection: Connection, post: int) -> tuple[StoredFile, ...]:
    rows = connection.execute(select(t.files).where(t.files.c.post == post).order_by(t.files.c.n))
    return tuple(
        StoredFile(
            n=row.n,
            attachment=Attachment(name=row.name, content=row.content, title=row.title, alt_text=row.alt_text),
            file_id=row.file_id or "",
        )
        for row in rows
    )


def _letter(row: Row[Any], files: tuple[StoredFile, ...], now: float) -> Letter:
    created = moment(row.created_at)
    assert created is not None  # the column is NOT NULL
    return Letter(
        id=row.id,
        key=row.key,
        refresh=row.refresh,
        channel=row.channel,
        thread=row.thread,
        live=Live(row.live) if row.live else None,
        private_to=row.private_to,
        message=loads(Message, row.message),
        interrupted=row.state == "sending",
        refused_for=None if row.refused_at is None else now - row.refused_at,
        attempt=row.attempts + 1,
        created_at=created,
        files=files,
    )


def _live(row: Row[Any]) -> LiveMessage:
    return LiveMessage(
        refresh=row.refresh,
        live=Live(row.live),
        channel=row.channel,
        ts=row.ts or "",
        wanted=row.wanted,
        shown=row.shown,
        body=loads(Message, row.body) if row.body else None,
        attempt=row.attempts + 1,
    )
