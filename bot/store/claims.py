"""Leases on rows: who works on what until when. One claim wins; a lapsed one can be taken over by anybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from bot.messages import Click, Live, Post
from bot.model import BUILDS, DRIVEN, State
from bot.store import tables as t
from bot.store.codec import dumps, loads
from bot.store.database import Database
from bot.store.mail import insert_posts, settled_now, touch_live, with_click
from bot.store.records import lift_hold, press_known, remember_press
from bot.store.refreshes import Claim, to_refresh

R = t.refreshes.c
C = t.clicks.c


def taken(owner: str, until: float) -> dict[str, Any]:
    return {"owner": owner, "lease_until": until, "not_before": None}


def _busy(connection: Connection, driven: Any, now: float) -> Counter[str]:
    """How many refreshes are driven on each warehouse now."""
    held = (driven, R.owner.is_not(None), R.lease_until >= now)
    return Counter(connection.execute(select(R.warehouse).where(*held)).scalars().all())


def _with_room(rows: Sequence[Any], busy: Counter[str], most: int) -> list[Any]:
    """Those that find a place on their warehouse, in their order; nobody waits for another warehouse's queue."""
    found = []
    for row in rows:
        if busy[row.warehouse] < most:
            busy[row.warehouse] += 1
            found.append(row)
    return found


class Claims(Database):
    def claim(
        self,
        owner: str,
        limit: int,
        lease_seconds: float,
        states: Collection[State] = DRIVEN,
        *,
        per_warehouse: int | None = None,
    ) -> list[Claim]:
        """Take up to `limit` refreshes that a worker has to drive and nobody does, the oldest first.

        With `per_warehouse` at most so many in these states are driven at once on each warehouse, by all workers.
        """
        driven = R.state.in_(sorted(states))
        with self.writing() as connection:
            now = self.now(connection)
            self.cap(connection, t.refreshes, lease_seconds, driven)
            query = select(t.refreshes).where(driven, t.free(t.refreshes, now)).order_by(R.id)
            if per_warehouse is None:
                query = query.limit(limit)
            else:
                self.one_at_a_time(connection)
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            if per_warehouse is not None:
                rows = _with_room(rows, _busy(connection, driven, now), per_warehouse)[:limit]
            if not rows:
                return []
            values = {**taken(owner, now + lease_seconds), "fence": R.fence + 1, "progress": ""}
            values["deaths"] = R.deaths + case((R.owner.is_not(None), 1), else_=0)
            connection.execute(update(t.refreshes).where(R.id.in_([row.id for row in rows])).values(values))
        return [
            Claim(
                refresh=to_refresh(row),
                owner=owner,
                fence=row.fence + 1,
                was=State(row.state),
                attempt=row.attempts + 1,
                deaths=row.deaths + (row.owner is not None),
            )
            for row in rows
        ]

    def renew(self, claim: Claim, lease_seconds: float) -> bool:
        """False when the claim was taken over or given back: stop at once and write nothing."""
        with self.writing() as connection:
            until = self.now(connection) + lease_seconds
            return self._mine(connection, claim, {"lease_until": until})

    def release(self, claim: Claim, retry_in: float | None = None) -> bool:
        """Give the refresh back as it is: with `retry_in`, in seconds, the next claim of this state is another try.

        Only that counts as one. A worker that dies or stops over a step says nothing about what the step does.
        """
        with self.writing() as connection:
            tried = (
                {} if retry_in is None else {"attempts": R.attempts + 1, "not_before": self.now(connection) + retry_in}
            )
            return self._mine(connection, claim, {"owner": None, "lease_until": None, **tried})

    def rest(self, claim: Claim, seconds: float) -> bool:
        """Give it back for a while since it waits for something: nothing failed, so the tries in a row are over."""
        with self.writing() as connection:
            later = self.now(connection) + seconds
            return self._mine(
                connection, claim, {"owner": None, "lease_until": None, "attempts": 0, "not_before": later}
            )

    def progress(self, claim: Claim, text: str, share: float | None = None) -> bool:
        """What the running step is doing, shown on the card: no revision, no audit line. False as for `renew`."""
        with self.writing() as connection:
            mine = self._mine(connection, claim, {"progress": text, "progress_share": share})
            if mine:
                touch_live(connection, claim.refresh.id, [Live.CARD])
            return mine

    def places(self, per_warehouse: int) -> dict[int, int]:
        """How many will be taken before each refresh that waits to be built or compared."""
        with self.reading() as connection:
            return {row.id: before for row, before in self._line(connection, per_warehouse)}

    def tell_places(self, say: Callable[[int], str], per_warehouse: int) -> None:
        """Write its place on each refresh that waits to be built or compared, as `say` puts it."""
        with self.reading() as connection:
            line = [(row.id, say(n)) for row, n in self._line(connection, per_warehouse) if row.progress != say(n)]
        for number, told in line:
            with self.writing() as connection:
                waits = (R.id == number, R.state.in_(sorted(BUILDS)), t.free(t.refreshes, self.now(connection)))
                if connection.execute(update(t.refreshes).where(*waits).values(progress=told)).rowcount:
                    touch_live(connection, number, [Live.CARD])

    def _line(self, connection: Connection, per_warehouse: int) -> list[tuple[Any, int]]:
        """Who waits, and how many older ones for the same warehouse or with room on another, which are taken first."""
        driven, now = R.state.in_(sorted(BUILDS)), self.now(connection)
        query = select(R.id, R.warehouse, R.progress).where(driven, t.free(t.refreshes, now)).order_by(R.id)
        rows = connection.execute(query).all()
        room = {row.id for row in _with_room(rows, _busy(connection, driven, now), per_warehouse)}
        return [
            (row, sum(older.warehouse == row.warehouse or older.id in room for older in rows[:n]))
            for n, row in enumerate(rows)
        ]

    def _mine(self, connection: Connection, claim: Claim, values: dict[str, Any]) -> bool:
        same = (R.id == claim.refresh.id, R.fence == claim.fence, R.owner == claim.owner)
        return connection.execute(update(t.refreshes).where(*same).values(values)).rowcount == 1

    def add_click(self, click: Click) -> int | None:
        """Store what a person pressed; it is decided by a worker, whatever restarts. None: it was stored before."""
        values = {"refresh": click.refresh, "action": click.action, "body": dumps(click)}
        try:
            with self.writing() as connection:
                if press_known(connection, click.press):
                    return None
                remember_press(connection, click.press, None, self.now(connection))
                return connection.execute(insert(t.clicks).values(values).returning(C.id)).scalar_one()
        except IntegrityError:  # both deliveries at the same moment
            return None

    def claim_clicks(
        self,
        owner: str,
        limit: int,
        lease_seconds: float = 60.0,
        *,
        only: Collection[str] = (),
        never: Collection[str] = (),
    ) -> list[Click]:
        """Take up to `limit` undecided clicks; those on one refresh only one at a time, in their order.

        `only` and `never` choose by action.
        """
        chosen = [C.action.in_(only)] if only else [C.action.not_in(never)]
        with self.writing() as connection:
            now = self.now(connection)
            self.cap(connection, t.clicks, lease_seconds, ~C.settled)
            earlier = t.clicks.alias()
            first = ~(
                select(earlier.c.id)
                .where(earlier.c.refresh == C.refresh, earlier.c.id < C.id, ~earlier.c.settled)
                .exists()
            )
            query = (
                select(t.clicks).where(~C.settled, *chosen, t.free(t.clicks, now), first).order_by(C.id).limit(limit)
            )
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            if rows:
                values = {**taken(owner, now + lease_seconds), "attempts": C.attempts + 1}
                connection.execute(update(t.clicks).where(C.id.in_([row.id for row in rows])).values(values))
        return [replace(loads(Click, row.body), id=row.id, attempt=row.attempts + 1) for row in rows]

    def renew_click(self, click: Click, lease_seconds: float) -> bool:
        """False when it is settled or was taken over: stop at once and do nothing."""
        with self.writing() as connection:
            return with_click(connection, click, {"lease_until": self.now(connection) + lease_seconds})

    def settle_click(self, click: Click, posts: tuple[Post, ...] = (), *, lift: str = "") -> None:
        """The click is decided; `posts` answer it, in the same transaction. Nothing when somebody else has it by now.

        The hold on the model `lift` is lifted with it: a slow worker must not do that again.
        """
        with self.writing() as connection:
            if not settled_now(connection, click):
                return
            if lift:
                lift_hold(connection, lift)
            insert_posts(connection, click.refresh, posts, self.now(connection))

    def undecided(self, refresh: int, action: str) -> bool:
        """Whether such a click on a refresh waits to be decided."""
        waiting = (C.refresh == refresh, C.action == action, ~C.settled)
        with self.reading() as connection:
            return connection.execute(select(C.id).where(*waiting).limit(1)).first() is not None

    def retry_click(self, click: Click, retry_in: float) -> None:
        """Deciding it went wrong: try again later, unless somebody else does so already."""
        with self.writing() as connection:
            later = self.now(connection) + retry_in
            with_click(connection, click, {"owner": None, "lease_until": None, "not_before": later})
