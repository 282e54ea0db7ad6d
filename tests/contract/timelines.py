"""A bot on the small Snowflake without Slack and dbt: the real store and steps, and copies of its database at each commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, text, update

from bot import events as e
from bot import freezing, names, promotion, report
from bot.chat import Chat
from bot.context import Context
from bot.dbt_project import Project
from bot.decisions import carried
from bot.leases import Lease
from bot.model import DRIVEN, Origin, Refresh, State
from bot.pipeline import Pipeline
from bot.provenance import Start
from bot.record import Recorder
from bot.services import Services
from bot.store import Store, tables
from bot.timers import Timers
from tests import refreshes as sample
from tests.contract.databases import database
from tests.contract.warehouses import DEV, ORDERS, World
from tests.unit.samples import CONTEXT

BUILT = frozenset({State.QUEUED, State.BUILDING, State.CHECKING})  # dbt and the comparison, which are stood in for
_TABLES = tables.metadata.sorted_tables
_IDS = {
    "sqlite": "select name, seq from sqlite_sequence",
    "postgresql": "select sequencename, last_value from pg_sequences where schemaname = current_schema()",
}
_SET_ID = {
    "sqlite": "update sqlite_sequence set seq = :last where name = :name",
    "postgresql": "select setval(:name, :last)",
}
TRUE = "42.00"  # what the candidate holds where production holds 2.25


@dataclass(frozen=True)
class Copy:
    """All rows of a database, and the ids that it gave last."""

    rows: dict[str, list[dict[str, Any]]]
    ids: dict[str, int]

    @classmethod
    def of(cls, store: Store) -> Copy:
        with store.reading() as connection:
            rows = {t.name: [dict(r._mapping) for r in connection.execute(select(t))] for t in _TABLES}
            found = connection.execute(text(_IDS[connection.dialect.name])).all()
        return cls(rows=rows, ids={str(name): int(last) for name, last in found if last is not None})

    def put_back(self, store: Store) -> None:
        """As a restore does; the leases in it have lapsed by then."""
        with store.writing() as connection:
            for table in reversed(_TABLES):
                connection.execute(delete(table))
            for table in _TABLES:
                if self.rows[table.name]:
                    connection.execute(insert(table), self.rows[table.name])
            for name, last in self.ids.items():
                connection.execute(text(_SET_ID[connection.dialect.name]), {"name": name, "last": last})
            connection.execute(update(tables.refreshes).values(owner=None, lease_until=None))


class Copying(Recorder):
    """Tells of each change once it is stored."""

    def __init__(self, store: Store, context: Callable[[Refresh], Context], stored: Callable[[str], None]) -> None:
        super().__init__(store, context)
        self._stored = stored

    def __call__(self, before: Refresh, event: e.Event, **also: Any) -> Refresh:
        after = super().__call__(before, event, **also)
        if event.name not in ("noted", "denied"):
            self._stored(event.name)
        return after


class Bot:
    """One process. Steps that need dbt are stood in for: the candidate is production with one amount put right."""

    def __init__(self, shop: World, url: str, folder: Path, stored: Callable[[str], None] = lambda _: None) -> None:
        self.store = Store(url)
        self.services = Services(
            settings=shop.settings,
            store=self.store,
            chat=Chat(shop.settings),
            warehouse=shop.warehouse,
            project=Project(CONTEXT.settings, folder),
            record=Copying(self.store, lambda _: CONTEXT, stored),
            clock=lambda: datetime.now(UTC),
        )
        self.timers = Timers(self.services, lambda _: CONTEXT)
        self._pipeline = Pipeline(self.services)

    def refresh(self, number: int = 1) -> Refresh:
        refresh = self.store.get(number)
        assert refresh is not None
        return refresh

    def asked(self) -> Refresh:
        given = {n: getattr(sample.queued(), n) for n in ("request", "asker", "channel", "unique_id", "name")}
        return self.store.create(**given, prod=ORDERS, dev=DEV, at=self.now)

    @property
    def now(self) -> datetime:
        return self.services.clock()

    def record(self, event: e.Event, number: int = 1) -> Refresh:
        return self.services.record(self.refresh(number), event)

    def does(self, number: int = 1, *, approve: bool = True) -> Refresh:
        """Whatever a worker does by itself, with an approval as soon as one can be given."""
        while True:
            before = self.refresh(number)
            if before.state is State.AWAITING and approve:
                event = e.Approved(at=self.now, by=sample.BOB, digest=before.digest, complete=True)
                self.record(event, number)
            for claim in self.store.claim("worker", 9, 60.0, DRIVEN):
                lease = Lease(self.store, claim, self.services.settings.worker)
                try:
                    self._stands_in(lease) if claim.was in BUILT else self._pipeline.drive(lease)
                finally:
                    self.store.release(claim)
            if self.refresh(number) == before:
                return before

    def undoes(self, number: int = 1) -> Refresh:
        self.record(e.UndoAsked(at=self.now, by=sample.BOB), number)
        return self.does(number)

    def _stands_in(self, lease: Lease) -> None:
        """For dbt and the comparison."""
        refresh, fence = lease.claim.refresh, lease.claim.fence
        if refresh.state is State.QUEUED:
            refresh = self.services.record(refresh, e.Started(at=self.now), claim=lease.claim)
        if refresh.state is State.BUILDING:
            rules = replace(sample.plan().rules, grain=Origin(columns=("DAY",), source="unique_key"))
            plan = replace(sample.plan(), prod=self._as_owner(), dev=DEV, rules=rules)
            refresh = self.services.record(refresh, e.Planned(at=self.now, plan=plan), claim=lease.claim)
            refresh = self._builds(refresh, lease, fence)
        self._checks(refresh, lease, fence)

    def _builds(self, refresh: Refresh, lease: Lease, fence: int) -> Refresh:
        with self.services.warehouse.builder(self._tag(refresh, "build")) as session:
            baseline = freezing.baseline(self.services, refresh, session, fence)
            event = e.BaselineTaken(at=self.now, baseline=baseline)
            refresh = self.services.record(refresh, event, claim=lease.claim)
            dev = freezing.dev_from_baseline(self.services, refresh, session, baseline)
            sent = session.send(f"UPDATE {DEV.sql} SET AMOUNT = {TRUE} WHERE DAY = '2026-04-08'")
            build = replace(sample.build(), query_ids=(sent,), left=session.token(DEV))
            start = Start(dev=dev, rows=baseline.content.rows, alone=True)
            candidate = freezing.candidate(self.services, refresh, session, build, start, fence)
        built = e.Built(at=self.now, build=build, candidate=candidate)
        return self.services.record(refresh, built, claim=lease.claim)

    def _as_owner(self) -> Any:
        with self.services.warehouse.promoter("dbt-refresh:test") as session:
            return session.table(ORDERS)

    def _checks(self, refresh: Refresh, lease: Lease, fence: int) -> None:
        schema, installation = self.services.settings.warehouse.backup_schema, self.store.installation
        if refresh.baseline is None:
            with self.services.warehouse.builder(self._tag(refresh, "check")) as session:
                baseline = freezing.baseline(self.services, refresh, session, fence)
            event = e.BaselineTaken(at=self.now, baseline=baseline)
            refresh = self.services.record(refresh, event, claim=lease.claim)
        self.store.record_object(names.backup(refresh, schema, installation, fence), "backup", refresh.id)
        statements = promotion.statements(refresh, schema, installation, fence)
        found = sample.report(findings=(), groups=())
        digest = report.digest(replace(carried(refresh, found), statements=statements), statements)
        checked = e.Checked(
            at=self.now, report=found, statements=statements, digest=digest, expires_at=self.services.expiry()
        )
        self.services.record(refresh, checked, claim=lease.claim)

    def _tag(self, refresh: Refresh, step: str) -> str:
        return names.tag(refresh, self.store.installation, step)


class Timeline:
    """A bot, and a copy of its database after each commit of `wanted`, by the event."""

    def __init__(self, shop: World, url: str, folder: Path, wanted: Collection[str]) -> None:
        self.copies: dict[str, Copy] = {}
        self._shop, self._url, self._folder, self._wanted = shop, url, folder, wanted
        self.bot = Bot(shop, url, folder, self._stored)

    def _stored(self, name: str) -> None:
        if name in self._wanted:
            self.keep(name)

    def keep(self, name: str) -> None:
        self.copies[name] = Copy.of(self.bot.store)

    @contextmanager
    def put_back(self, name: str) -> Iterator[Bot]:
        """The bot after somebody has put this copy back."""
        self.copies[name].put_back(self.bot.store)
        bot = Bot(self._shop, self._url, self._folder)
        try:
            yield bot
        finally:
            bot.store.close()


@contextmanager
def timeline(shop: World, backend: str, folder: Path, wanted: Collection[str] = ()) -> Iterator[Timeline]:
    with database(backend, folder) as url:
        made = Timeline(shop, url, folder, wanted)
        made.bot.store.migrate()
        try:
            yield made
        finally:
            made.bot.store.close()


def replacements(shop: World) -> int:
    """How often production was replaced, by the wire log."""
    head = "CREATE OR REPLACE TRANSIENT TABLE " + ORDERS.sql
    return sum(s.sql.startswith(head) and not s.error for s in shop.sandbox.log)


def amount(shop: World) -> str:
    with shop.warehouse.promoter("dbt-refresh:test") as session:
        cursor = session._connection.cursor()
        row = cursor.execute(f"SELECT AMOUNT FROM {ORDERS.sql} WHERE DAY = '2026-04-08'").fetchone()
    return str(row[0])  # type: ignore[index]
