"""What the warehouse shows and this database does not know, until a person has taken it over; and what it does know."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import func, insert, select, update

from bot.model import TakenOver, Unrecorded
from bot.store import tables as t
from bot.store.codec import dumps, loads
from bot.store.database import Database
from bot.store.records import Hold, held, put_hold

_INTENDED = {"promotion intended": "promotion", "undo intended": "undo"}  # events, and where each keeps its attempt


class Reconciled(Database):
    def intended(self, numbers: Iterable[int]) -> set[str]:
        """The attempts at production, of promotions and undos, that were committed for these refreshes before they were sent."""
        a = t.audit.c
        query = select(a.event, a.data).where(a.refresh.in_(sorted(set(numbers))), a.event.in_(sorted(_INTENDED)))
        with self.reading() as connection:
            return {json.loads(data)[_INTENDED[event]]["attempt"] for event, data in connection.execute(query)}

    def unrecorded(self, *, taken_over: bool = False) -> list[Unrecorded]:
        """What still waits for a person, the oldest first; with `taken_over` all that was ever found."""
        query = select(t.unrecorded.c.body)
        if not taken_over:
            query = query.where(t.unrecorded.c.taken_over.is_(False))
        with self.reading() as connection:
            found = [loads(Unrecorded, body) for body in connection.execute(query).scalars()]
        return sorted(found, key=lambda one: (one.at, one.key))

    def note_unrecorded(self, found: Sequence[Unrecorded]) -> None:
        """Remember what was found, for longer than Snowflake does; what is known already stays as it is."""
        u = t.unrecorded
        if not found:
            return
        with self.writing() as connection:
            self.one_at_a_time(connection)
            known = set(connection.execute(select(u.c.key).where(u.c.key.in_([one.key for one in found]))).scalars())
            for one in found:
                if one.key not in known:
                    connection.execute(insert(u).values(key=one.key, taken_over=False, body=dumps(one)))

    def go_past(self, fences: Mapping[int, int]) -> None:
        """Give no id again that the lost time gave, and no fence: names of tables are made of both.

        `fences`: the highest one that was seen in use, by the number of its refresh.
        """
        r, highest = t.refreshes.c, max(fences, default=0)
        with self.writing() as connection:
            for number, fence in fences.items():
                behind = (r.id == number, r.fence < fence)
                connection.execute(update(t.refreshes).where(*behind).values(fence=fence))
            if highest > (connection.execute(select(func.max(r.id))).scalar() or 0):
                self.skip_ids(connection, t.refreshes, highest)

    def take_over(self, chosen: Sequence[Unrecorded], said: TakenOver, holds: Sequence[Hold]) -> None:
        """A person confirms what was found; the holds that follow from it are put in the same transaction.

        A hold that a model has by now is kept.
        """
        u = t.unrecorded
        with self.writing() as connection:
            for one in chosen:
                values = {"taken_over": True, "body": dumps(replace(one, taken_over=said))}
                connection.execute(update(u).where(u.c.key == one.key).values(values))
            for hold in holds:
                if held(connection, hold.unique_id) is None:
                    put_hold(connection, hold)
