"""Leases on rows: who works on what until when. One claim wins; a lapsed one can be taken over by anybody."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Table, and_, insert, or_, select, update

from bot.messages import Click, Live, Post
from bot.model import DRIVEN, State
from bot.store import tables as t
from bot.store.codec import dumps, loads
from bot.store.database import Database
from bot.store.mail import insert_posts, touch_live
from bot.store.refreshes import Claim, to_refresh

R = t.refreshes.c
C = t.clicks.c


def free(table: Table, now: float) -> Any:
    """Nobody holds the row, and it may be tried (again)."""
    c = table.c
    return and_(or_(c.lease_until.is_(None), c.lease_until < now), or_(c.not_before.is_(None), c.not_before <= now))


def taken(table: Table, owner: str, until: float) -> dict[str, Any]:
    return {"owner": owner, "lease_until": until, "attempts": table.c.attempts + 1, "not_before": None}


class Claims(Database):
    def claim(self, owner: str, limit: int, lease_seconds: float, states: Collection[State] = DRIVEN) -> list[Claim]:
        """Take up to `limit` refreshes that a worker has to drive and nobody does, the oldest first."""
        driven = R.state.in_(sorted(states))
        with self.writing() as connection:
            now = self.now(connection)
            query = select(t.refreshes).where(driven, free(t.refreshes, now)).order_by(R.id).limit(limit)
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            if not rows:
                return []
            values = {**taken(t.refreshes, owner, now + lease_seconds), "fence": R.fence + 1}
            connection.execute(update(t.refreshes).where(R.id.in_([row.id for row in rows])).values(values))
        return [
            Claim(
                refresh=to_refresh(row),
                owner=owner,
                fence=row.fence + 1,
                was=State(row.state),
                attempt=row.attempts + 1,
            )
            for row in rows
        ]

    def renew(self, claim: Claim, lease_seconds: float) -> bool:
        """False when the claim was taken over or given back: stop at once and write nothing."""
        with self.writing() as connection:
            until = self.now(connection) + lease_seconds
            return self._mine(connection, claim, {"lease_until": until})

    def release(self, claim: Claim, retry_in: float = 0.0) -> bool:
        """Give the refresh back as it is; it is driven again after `retry_in` seconds."""
        with self.writing() as connection:
            later = self.now(connection) + retry_in if retry_in else None
            return self._mine(connection, claim, {"owner": None, "lease_until": None, "not_before": later})

    def progress(self, claim: Claim, text: str, share: float | None = None) -> bool:
        """What the running step is doing, shown on the card: no revision, no audit line. False as for `renew`."""
        with self.writing() as connection:
            mine = self._mine(connection, claim, {"progress": text, "progress_share": share})
            if mine:
                touch_live(connection, claim.refresh.id, [Live.CARD])
            return mine

    def _mine(self, connection: Connection, claim: Claim, values: dict[str, Any]) -> bool:
        same = (R.id == claim.refresh.id, R.fence == claim.fence, R.owner == claim.owner)
        return connection.execute(update(t.refreshes).where(*same).values(values)).rowcount == 1

    def add_click(self, click: Click) -> int:
        """Store what a person pressed; it is decided by a worker, whatever restarts."""
        with self.writing() as connection:
            values = {"refresh": click.refresh, "action": click.action, "body": dumps(click)}
            return connection.execute(insert(t.clicks).values(values).returning(C.id)).scalar_one()

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
            earlier = t.clicks.alias()
            first = ~(
                select(earlier.c.id)
                .where(earlier.c.refresh == C.refresh, earlier.c.id < C.id, ~earlier.c.settled)
                .exists()
            )
            query = select(t.clicks).where(~C.settled, *chosen, free(t.clicks, now), first).order_by(C.id).limit(limit)
            rows = connection.execute(query.with_for_update(skip_locked=True)).all()
            if rows:
                values = taken(t.clicks, owner, now + lease_seconds)
                connection.execute(update(t.clicks).where(C.id.in_([row.id for row in rows])).values(values))
        return [replace(loads(Click, row.body), id=row.id, attempt=row.attempts + 1) for row in rows]

    def settle_click(self, number: int, posts: tuple[Post, ...] = ()) -> None:
        """The click is decided; `posts` answer it, in the same transaction."""
        with self.writing() as connection:
            connection.execute(update(t.clicks).where(C.id == number).values(settled=True))
            refresh = connection.execute(select(C.refresh).where(C.id == number)).scalar()
            insert_posts(connection, refresh, posts, self.now(connection))

    def retry_click(self, number: int, retry_in: float) -> None:
        """Deciding it went wrong: try again later."""
        with self.writing() as connection:
            later = self.now(connection) + retry_in
            values = {"owner": None, "lease_until": None, "not_before": later}
            connection.execute(update(t.clicks).where(C.id == number).values(values))
