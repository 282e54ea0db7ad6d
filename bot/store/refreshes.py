"""The table of refreshes: asking for one, reading them, and the compare-and-set that every change goes through."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from bot import audit
from bot.events import REMARKS, Event
from bot.messages import AUDIT_HEAD, Click, Live, Post
from bot.model import DRIVEN, ENDS, Actor, Mode, Refresh, Relation, Request, State
from bot.store import tables as t
from bot.store.codec import dumps, loads, plain
from bot.store.database import Database, moment, seconds
from bot.store.mail import LiveMessage, forget_live, insert_posts, settled_now, touch_live
from bot.store.records import Held, Hold, held, press_known, put_hold, remember_press

R = t.refreshes.c
DEATHS = 10  # one or two are a deployment or a machine that goes away
_TRIES = 3  # the holder of a lock may end between our insert and the look at who it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A worker's right to drive one refresh. `fence` rises with every claim; a lower one can write nothing."""

    refresh: Refresh
    owner: str
    fence: int
    was: State
    attempt: int  # 1 for the first try in this state
    deaths: int = 0  # workers before this one that did not give it back in this state

    @property
    def deadly(self) -> bool:
        """So many workers died or froze over this step that it may be the reason."""
        return self.deaths >= DEATHS

    def tries(self, state: State) -> int:
        """Which try in `state` this is: the first where the claim has brought the refresh there itself."""
        if state is not self.was:
            return 1
        return sys.maxsize if self.deadly else self.attempt


class Taken(Exception):
    """Another live refresh holds the prod or the dev relation."""

    def __init__(self, holder: Refresh) -> None:
        super().__init__(f"held by {holder.ref}")
        self.holder = holder


class Decided(Exception):
    """Another worker has this click, or has settled it: whatever was about to be stored for it does not count."""


def to_refresh(row: Row[Any]) -> Refresh:
    """The stored value, with the columns that change without a new revision."""
    return replace(
        loads(Refresh, row.body),
        id=row.id,
        revision=row.revision,
        progress=row.progress,
        progress_share=row.progress_share,
        undelivered=row.undelivered,
    )


class Refreshes(Database):
    def create(
        self,
        *,
        request: Request,
        asker: Actor,
        channel: str,
        unique_id: str,
        name: str,
        prod: Relation,
        dev: Relation,
        at: datetime,
        posts: Sequence[Post] = (),
        click: Click | None = None,
        warehouse: str = "",  # where it will be built, as far as is known before the plan
        press: str = "",
    ) -> Refresh:
        """Insert a queued refresh, which takes the locks. Raises Taken or Held; nothing is stored then.

        A `press` that asked for one before gives that one, as it is now.
        """
        refresh = Refresh(
            id=0,
            state=State.QUEUED,
            revision=1,
            request=request,
            asker=asker,
            channel=channel,
            unique_id=unique_id,
            name=name,
            prod=prod,
            dev=dev,
            created_at=at,
            changed_at=at,
        )
        for _ in range(_TRIES):
            try:
                with self.writing() as connection:
                    if (known := press_known(connection, press)) and known.refresh is not None:
                        return to_refresh(connection.execute(select(t.refreshes).where(R.id == known.refresh)).one())
                    stored = self._insert(connection, refresh, posts, click, warehouse)
                    remember_press(connection, press, stored.id, self.now(connection))
                    return stored
            except IntegrityError:
                if holder := self._holder(prod, dev):
                    raise Taken(holder) from None
        raise RuntimeError(f"the lock on {prod} changes hands too fast")

    def _insert(
        self, connection: Connection, refresh: Refresh, posts: Sequence[Post], click: Click | None, warehouse: str
    ) -> Refresh:
        if hold := held(connection, refresh.unique_id):
            raise Held(hold)
        values = {**_columns(refresh), "prod": refresh.prod.sql, "dev": refresh.dev.sql}
        values |= {"warehouse": refresh.request.warehouse or warehouse}
        number = connection.execute(insert(t.refreshes).values(values).returning(R.id)).scalar_one()
        refresh = replace(refresh, id=number)
        data = {"asker": refresh.asker, "request": refresh.request, "prod": refresh.prod, "dev": refresh.dev}
        line = _append(connection, refresh, at=refresh.created_at, name="asked", data=data)
        insert_posts(connection, refresh.id, posts, self.now(connection), {AUDIT_HEAD: line.hash[:12]})
        _settle(connection, click)
        return refresh

    def commit(
        self,
        before: Refresh,
        after: Refresh,
        *,
        event: Event,
        posts: Sequence[Post] = (),
        touch: Sequence[Live] = (),
        hold: str | None = None,
        claim: Claim | None = None,
        release: bool = False,
        click: Click | None = None,
        unless_held: bool = False,
    ) -> Refresh | None:
        """Store a change with everything that belongs to it, in one transaction.

        None, and nothing stored, when the row is no longer at `before`'s state and revision, or `claim` was taken
        over. A remark changes nothing: it only adds its audit line, posts and settled click. Leaving the driven states
        gives the lease back. Raises Taken when an undo needs locks of somebody else, Decided when another worker has
        `click`, and with `unless_held` Held: whoever puts a hold locks the row too, so that one sees the other.
        """
        stored = before if isinstance(event, REMARKS) else _following(before, after)
        try:
            with self.writing() as connection:
                if stored is not before and not self._swap(connection, before, stored, claim, release, unless_held):
                    return None
                line = _append(connection, stored, at=event.at, name=event.name, data=_data(event))
                insert_posts(connection, stored.id, posts, self.now(connection), {AUDIT_HEAD: line.hash[:12]})
                touch_live(connection, stored.id, touch)
                if hold:
                    undo = stored.undo_request
                    by, reason = (undo.by, undo.reason) if undo else (None, "")
                    put = Hold(unique_id=hold, by=by, at=event.at, reason=reason, refresh=stored.id)
                    put_hold(connection, put)
                _settle(connection, click)
        except IntegrityError:
            holder = self._holder(before.prod, before.dev)
            if holder is None or holder.id == before.id:
                raise
            raise Taken(holder) from None
        return stored

    def live_gone(self, message: LiveMessage, refresh: Refresh, event: Event, posts: Sequence[Post]) -> None:
        """Somebody deleted a live message in Slack: `event` goes into the trail, `posts` are queued in its place."""
        with self.writing() as connection:
            if forget_live(connection, message):
                _append(connection, refresh, at=event.at, name=event.name, data=_data(event))
                insert_posts(connection, refresh.id, posts, self.now(connection))

    def put_on_hold(self, click: Click, hold: Hold, told: Callable[[Refresh | None], Sequence[Post]]) -> None:
        """Decide the click that puts the hold; `told` makes the posts from the live refresh of the model as it is then."""
        mine = select(t.refreshes).where(R.unique_id == hold.unique_id, _live()).order_by(R.id).limit(1)
        with self.writing() as connection:
            if not settled_now(connection, click):
                return
            row = connection.execute(mine.with_for_update()).first()
            put_hold(connection, hold)
            insert_posts(connection, None, told(to_refresh(row) if row else None), self.now(connection))

    def _swap(
        self,
        connection: Connection,
        before: Refresh,
        after: Refresh,
        claim: Claim | None,
        release: bool,
        unless_held: bool,
    ) -> bool:
        moved = after.state is not before.state
        values = _columns(after)
        if moved:
            values |= {"attempts": 0, "deaths": 0, "not_before": None}
            values |= {"progress": after.progress, "progress_share": after.progress_share}
        if after.stopping and not before.stopping:
            values |= {"not_before": None}  # who waits for another try would stop only then
        if release or after.state not in DRIVEN or (moved and not claim):
            values |= {"owner": None, "lease_until": None}
        if after.plan:
            values |= {"warehouse": after.plan.warehouse}
        if after.build and after.build != before.build:
            values |= {"build_seconds": after.build.seconds}
        same = [R.id == before.id, R.state == before.state, R.revision == before.revision]
        if claim:
            same += [R.fence == claim.fence, R.owner == claim.owner]
        swapped = connection.execute(update(t.refreshes).where(*same).values(values)).rowcount == 1
        if unless_held and (put := held(connection, after.unique_id)):
            raise Held(put)
        return swapped

    def _holder(self, prod: Relation, dev: Relation) -> Refresh | None:
        busy = or_(R.prod == prod.sql, R.dev == dev.sql)
        return next(iter(self._select(select(t.refreshes).where(busy, _live()).limit(1))), None)

    def get(self, number: int) -> Refresh | None:
        return next(iter(self._select(select(t.refreshes).where(R.id == number))), None)

    def recent(self, limit: int = 20) -> list[Refresh]:
        """The newest first."""
        return self._select(select(t.refreshes).order_by(R.id.desc()).limit(limit))

    def live(self) -> list[Refresh]:
        return self._select(select(t.refreshes).where(_live()).order_by(R.id))

    def in_state(self, *states: State) -> list[Refresh]:
        return self._select(select(t.refreshes).where(R.state.in_(states)).order_by(R.id))

    def expired(self, at: datetime) -> list[Refresh]:
        """Refreshes that wait for people or were approved, whose time is over."""
        waiting = R.state.in_([State.AWAITING, State.APPROVED, State.STALE])
        return self._select(select(t.refreshes).where(waiting, R.expires_at <= seconds(at)).order_by(R.id))

    def cancel_asked(self, number: int) -> bool:
        """Whether a running step should stop; cheap enough to be asked every second."""
        with self.reading() as connection:
            return bool(connection.execute(select(R.cancel).where(R.id == number)).scalar())

    def waiting(self) -> list[tuple[Refresh, datetime | None]]:
        """Refreshes that wait for a person, and when people were last reminded of each."""
        idle = select(t.refreshes).where(_live(), R.state.not_in(sorted(DRIVEN))).order_by(R.id)
        with self.reading() as connection:
            return [(to_refresh(row), moment(row.reminded_at)) for row in connection.execute(idle).all()]

    def remind(self, refresh: Refresh, post: Post, at: datetime) -> None:
        """Queue the reminder and note that it was given, together."""
        with self.writing() as connection:
            connection.execute(update(t.refreshes).where(R.id == refresh.id).values(reminded_at=seconds(at)))
            insert_posts(connection, refresh.id, [post], self.now(connection))

    def durations(self, unique_id: str, mode: Mode | None = None, limit: int = 10) -> list[float]:
        """Seconds that earlier builds of the model took, the newest first."""
        query = select(R.build_seconds).where(R.unique_id == unique_id, R.build_seconds.is_not(None))
        if mode:
            query = query.where(R.mode == mode)
        with self.reading() as connection:
            return list(connection.execute(query.order_by(R.id.desc()).limit(limit)).scalars())

    def trail(self, number: int) -> list[audit.Line]:
        """The audit trail of a refresh in order, for `audit.verify` and the exports."""
        with self.reading() as connection:
            rows = connection.execute(select(t.audit).where(t.audit.c.refresh == number).order_by(t.audit.c.n))
            return [audit.Line(**row._mapping) for row in rows]

    def thread(self, number: int) -> tuple[str, str] | None:
        """Channel and ts of the card, once it was posted."""
        with self.reading() as connection:
            row = connection.execute(select(R.channel, R.thread_ts).where(R.id == number)).first()
        return (row.channel, row.thread_ts) if row and row.thread_ts else None

    def permalink(self, number: int) -> str:
        """The address of the card, or nothing while it is not known."""
        with self.reading() as connection:
            return connection.execute(select(R.permalink).where(R.id == number)).scalar() or ""

    def _select(self, query: Select[Any]) -> list[Refresh]:
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return [to_refresh(row) for row in rows]


def _following(before: Refresh, after: Refresh) -> Refresh:
    """`after` as it is stored: the next revision, and no progress of a state that is over."""
    if after.state is not before.state:
        after = replace(after, progress="", progress_share=None)
    return replace(after, revision=before.revision + 1)


def _live() -> Any:
    return R.state.not_in(sorted(ENDS))


def _columns(refresh: Refresh) -> dict[str, Any]:
    return {
        "state": refresh.state,
        "revision": refresh.revision,
        "cancel": refresh.stopping,
        "unique_id": refresh.unique_id,
        "mode": refresh.request.mode,
        "channel": refresh.channel,
        "expires_at": seconds(refresh.expires_at),
        "body": dumps(refresh),
    }


def _data(event: Event) -> dict[str, object]:
    return {f.name: getattr(event, f.name) for f in fields(event) if f.name != "at"}


def _append(
    connection: Connection, refresh: Refresh, *, at: datetime, name: str, data: dict[str, object]
) -> audit.Line:
    """One more line of the chain. Locks the refresh's row, so that two lines never get the same place."""
    connection.execute(select(R.id).where(R.id == refresh.id).with_for_update())
    mine = select(t.audit).where(t.audit.c.refresh == refresh.id)
    last = connection.execute(mine.order_by(t.audit.c.n.desc()).limit(1)).first()
    shown = {key: plain(value) for key, value in data.items()}
    line = audit.link(
        audit.Line(**last._mapping) if last else None,
        refresh=refresh.id,
        at=at.astimezone(UTC).isoformat(),
        event=name,
        state=refresh.state,
        revision=refresh.revision,
        data=json.dumps(shown, sort_keys=True, ensure_ascii=False),
    )
    connection.execute(insert(t.audit).values({f.name: getattr(line, f.name) for f in fields(line)}))
    return line


def _settle(connection: Connection, click: Click | None) -> None:
    """Raises Decided, which undoes the transaction, for a click that is settled already or somebody else's by now."""
    if click is not None and not settled_now(connection, click):
        raise Decided(f"click {click.id}")
