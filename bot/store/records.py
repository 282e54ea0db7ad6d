"""Small records beside the refreshes: holds, objects for the janitor, when prod was seen to change, the model index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from bot.index import Index
from bot.model import Actor, Relation
from bot.store import tables as t
from bot.store.codec import dumps, loads
from bot.store.database import Database, moment, seconds

BEFORE_UNDO = "before undo"  # production as an undo found it, with rows of others
BACKUPS = frozenset({"backup", BEFORE_UNDO})  # in the backup schema, and the promoter's to drop
_ONLY = 1  # the tables of the index and of the project's problem have one row


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A model that may not be refreshed until a person lifts it. Set by an undo (`refresh`) or by a person."""

    unique_id: str
    by: Actor | None
    at: datetime
    reason: str = ""
    refresh: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """A table that the bot made in the warehouse; `keep_until` is None while its refresh needs it."""

    relation: Relation
    kind: str  # baseline, dev, candidate, or one of BACKUPS
    refresh: int
    keep_until: datetime | None
    attempts: tuple[str, ...] = ()  # of a backup: the promotions that were about to take it


class Held(Exception):
    """The model is on hold."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(f"{hold.unique_id} is on hold")
        self.hold = hold


def held(connection: Connection, unique_id: str) -> Hold | None:
    body = connection.execute(select(t.holds.c.body).where(t.holds.c.unique_id == unique_id)).scalar()
    return loads(Hold, body) if body else None


def put_hold(connection: Connection, hold: Hold) -> None:
    """The newest hold counts."""
    lift_hold(connection, hold.unique_id)
    connection.execute(insert(t.holds).values(unique_id=hold.unique_id, body=dumps(hold)))


def lift_hold(connection: Connection, unique_id: str) -> None:
    connection.execute(delete(t.holds).where(t.holds.c.unique_id == unique_id))


def press_known(connection: Connection, key: str) -> Row[Any] | None:
    """The row of a press that was stored before; None for a new one, and for one without identifiers."""
    if not key:
        return None
    return connection.execute(select(t.presses).where(t.presses.c.key == key)).first()


def remember_press(connection: Connection, key: str, refresh: int | None, now: float) -> None:
    """Raises IntegrityError when another transaction has stored the same press meanwhile."""
    if key:
        connection.execute(insert(t.presses).values(key=key, refresh=refresh, at=now))


class Records(Database):
    _index: tuple[int, Index] | None = None

    def held(self, unique_id: str) -> Hold | None:
        with self.reading() as connection:
            return held(connection, unique_id)

    def holds(self) -> list[Hold]:
        with self.reading() as connection:
            bodies = connection.execute(select(t.holds.c.body).order_by(t.holds.c.unique_id)).scalars().all()
        return [loads(Hold, body) for body in bodies]

    def record_object(
        self,
        relation: Relation,
        kind: str,
        refresh: int,
        keep_until: datetime | None = None,
        attempts: tuple[str, ...] = (),
    ) -> None:
        """Note a table before it is made, or change how long it is kept. `attempts` are added to those that are known."""
        o = t.objects
        with self.writing() as connection:
            body = connection.execute(select(o.c.body).where(o.c.relation == relation.sql).with_for_update()).scalar()
            known = loads(Object, body).attempts if body else ()
            made = Object(
                relation=relation, kind=kind, refresh=refresh, keep_until=keep_until, attempts=known + attempts
            )
            values = {"kind": kind, "refresh": refresh, "keep_until": seconds(keep_until), "body": dumps(made)}
            if body:
                connection.execute(update(o).where(o.c.relation == relation.sql).values(values))
            else:
                connection.execute(insert(o).values(relation=relation.sql, **values))

    def keep_objects(self, refresh: int, keep_until: datetime, kinds: Sequence[str]) -> None:
        """Give the tables of a refresh that has ended the time at which the janitor drops them."""
        for made in self.objects(refresh):
            if made.kind in kinds:
                self.record_object(made.relation, made.kind, refresh, keep_until)

    def objects(self, refresh: int) -> list[Object]:
        return self._objects(t.objects.c.refresh == refresh)

    def recorded_relations(self) -> set[Relation]:
        """Every table in the warehouse that the bot knows to be its own."""
        return {made.relation for made in self._objects(t.objects.c.relation.is_not(None))}

    def due_objects(self, at: datetime) -> list[Object]:
        """What the janitor may drop by now, the oldest first."""
        return self._objects(t.objects.c.keep_until <= seconds(at))

    def undated_objects(self) -> list[Object]:
        """Tables without a time to drop them: needed by a live refresh, or left behind by one that has ended."""
        return self._objects(t.objects.c.keep_until.is_(None))

    def forget_object(self, relation: Relation) -> None:
        """After it was dropped, or seen to be gone."""
        with self.writing() as connection:
            connection.execute(delete(t.objects).where(t.objects.c.relation == relation.sql))

    def _objects(self, where: Any) -> list[Object]:
        query = select(t.objects.c.body).where(where).order_by(t.objects.c.keep_until, t.objects.c.relation)
        with self.reading() as connection:
            bodies = connection.execute(query).scalars().all()
        return [loads(Object, body) for body in bodies]

    def note_change(self, relation: Relation, at: datetime) -> None:
        """Prod was seen to have been written at `at`, by whomever; a repetition is ignored."""
        c = t.changes.c
        values = {"relation": relation.sql, "at": at.timestamp()}
        with self.writing() as connection:
            same = select(c.at).where(c.relation == relation.sql, c.at == at.timestamp())
            if connection.execute(same).first() is None:
                connection.execute(insert(t.changes).values(values))

    def usual_write_times(self, relation: Relation, limit: int = 30) -> list[datetime]:
        """When prod was last seen to change, the newest first."""
        c = t.changes.c
        query = select(c.at).where(c.relation == relation.sql).order_by(c.at.desc()).limit(limit)
        with self.reading() as connection:
            return [at for value in connection.execute(query).scalars() if (at := moment(value))]

    def put_index(self, index: Index) -> None:
        """Replace the model index; every process sees it at its next `index()`. An equal index changes nothing."""
        current = self.index()
        if current and replace(current, made_at=index.made_at) == index:
            return
        m = t.model_index
        with self.writing() as connection:
            values = {"version": m.c.version + 1, "body": dumps(index)}
            if not connection.execute(update(m).where(m.c.id == _ONLY).values(values)).rowcount:
                connection.execute(insert(m).values(id=_ONLY, version=1, body=values["body"]))
        self.index()  # nobody who asks waits until it is decoded

    def note_problem(self, text: str) -> None:
        """Why the dbt project cannot be read as it is now; "" once it can."""
        if text == self.problem():
            return
        p = t.project_problem
        with self.writing() as connection:
            connection.execute(delete(p))
            connection.execute(insert(p).values(id=_ONLY, body=text))

    def problem(self) -> str:
        """Why the index is not of the newest code; "" when it is."""
        with self.reading() as connection:
            return connection.execute(select(t.project_problem.c.body)).scalar() or ""

    def index(self) -> Index | None:
        """The model index, decoded once per version; None before the worker has made the first."""
        m = t.model_index.c
        with self.reading() as connection:
            version = connection.execute(select(m.version).where(m.id == _ONLY)).scalar()
            if version is None:
                return None
            if self._index and self._index[0] == version:
                return self._index[1]
            row = connection.execute(select(m.version, m.body).where(m.id == _ONLY)).one()
        self._index = (row.version, loads(Index, row.body))
        return self._index[1]
