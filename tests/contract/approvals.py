"""A refresh that is approved, its tables in the local Snowflake, and a worker that drives it; no Slack and no dbt."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

from bot import events as e
from bot import names, promotion, report
from bot.chat import Chat
from bot.dbt_project import Project
from bot.errors import RefreshError
from bot.leases import Lease
from bot.machine import step
from bot.model import DRIVEN, Kind, Refresh, Relation, State
from bot.pipeline import Pipeline
from bot.record import Recorder
from bot.services import Services
from bot.store import Store
from sandbox.snowflake import Saved
from tests import refreshes
from tests.contract.databases import Clock, store_on
from tests.contract.stores import advance, ask, commit
from tests.contract.warehouses import World
from tests.unit.samples import CONTEXT

_TRIES = 12  # more than any state takes before it asks a person
_numbers = itertools.count(1)


@dataclass(kw_only=True)
class Worker:
    """Drives refreshes on a store of its own; `ahead`: what has passed by the bot's clock."""

    shop: World
    store: Store
    folder: Path
    recovery: str = "ask"
    ahead: timedelta = field(default_factory=timedelta)

    def waits(self, time: timedelta) -> None:
        """It passes for everybody."""
        self.ahead += time
        self.shop.sandbox.set_clock(self.ahead)

    @property
    def services(self) -> Services:
        policy = self.shop.settings.policy.model_copy(update={"recovery": self.recovery})
        settings = self.shop.settings.model_copy(update={"policy": policy})
        return Services(
            settings=settings,
            store=self.store,
            chat=Chat(settings),
            warehouse=self.shop.warehouse,
            project=Project(settings, self.folder),
            record=Recorder(self.store, lambda _: CONTEXT),
            clock=lambda: datetime.now(UTC) + self.ahead,
        )

    def approved(self) -> Refresh:
        """A production table of its own, a candidate that differs from it, and everybody's consent."""
        prod = Relation("SHOP", "PROD", f"FACT_{next(_numbers)}")
        dev = Relation("DEV", "DEV_REFRESH_BOT", prod.name)
        self.shop.nightly(f"CREATE TRANSIENT TABLE {prod} AS SELECT SEQ4() AS ID FROM TABLE(GENERATOR(ROWCOUNT => 3))")
        refresh = ask(self.store, prod=prod, dev=dev, unique_id=f"model.shop.{prod.name}")
        installation = self.store.installation
        with self.shop.warehouse.promoter("test") as session:
            table = session.table(prod)
        assert table is not None
        baseline, candidate = (make(refresh, installation, 1) for make in (names.baseline, names.candidate))
        with self.shop.warehouse.builder("test") as session:
            session.ensure_dev_schema(dev, "TRANSFORMER")
            for copy in (baseline, candidate):
                session.clone(prod, copy, Kind.TRANSIENT)
            session.send(f"INSERT INTO {candidate} VALUES (99)")
            session.grant_select(candidate, "TRANSFORMER")
            frozen = session.snapshot(baseline, prod_token=session.token(prod)), session.snapshot(candidate)
        plan = replace(refreshes.plan(), unique_id=refresh.unique_id, prod=table, dev=dev)
        refresh = advance(
            self.store,
            refresh,
            e.Started,
            replace(refreshes.EVENTS[e.Planned], plan=plan),  # type: ignore[call-arg]
            replace(refreshes.EVENTS[e.BaselineTaken], baseline=frozen[0]),  # type: ignore[call-arg]
            replace(refreshes.EVENTS[e.Built], candidate=frozen[1]),  # type: ignore[call-arg]
        )
        for made, kind in ((baseline, "baseline"), (candidate, "candidate"), (self._backup(refresh), "backup")):
            self.store.record_object(made, kind, refresh.id)
        statements = promotion.statements(refresh, "BACKUPS", installation, 1)
        checked = replace(
            refreshes.EVENTS[e.Checked],
            report=refreshes.report(groups=(), findings=()),  # type: ignore[call-arg]
            statements=statements,
        )
        digest = report.digest(step(refresh, checked)[0], statements)
        consent = replace(refreshes.EVENTS[e.Approved], digest=digest)  # type: ignore[call-arg]
        return advance(self.store, refresh, replace(checked, digest=digest), consent)  # type: ignore[call-arg]

    def _backup(self, refresh: Refresh) -> Relation:
        return names.backup(refresh, "BACKUPS", self.store.installation, 1)

    def undoing(self, *, forced: bool = False) -> Refresh:
        """Promoted and verified, and somebody wants it back."""
        done = self.drive(self.approved())
        assert done.state is State.DONE, done.problem
        asked = commit(self.store, done, e.UndoAsked(at=self.services.clock(), by=refreshes.BOB, forced=forced))
        assert asked is not None
        return asked

    def drive(self, refresh: Refresh) -> Refresh:
        """As far as it goes: claimed again after each error, as a worker does it."""
        for _ in range(_TRIES):
            if refresh.state not in DRIVEN:
                break
            (claim,) = [c for c in self.store.claim("worker", 9, 60.0) if c.refresh.id == refresh.id]
            try:
                went = Pipeline(self.services).drive(Lease(self.store, claim, self.services.settings.worker))
            except RefreshError:
                went = True
            self.store.release(claim, retry_in=0.0)
            refresh = self.store.get(refresh.id) or refresh
            if not went:  # it waits for Snowflake
                break
        return refresh

    def mark(self, refresh: Refresh) -> str:
        """What is new in the census after each replacement of production."""
        return self.shop.sandbox.census({"SHOP"})[str(refresh.prod)][2]

    def replaced(self, refresh: Refresh) -> int:
        """How often production was replaced by the bot, as the log of the wire has it."""
        head = f"CREATE OR REPLACE TRANSIENT TABLE {refresh.prod.sql} CLONE"
        return sum(" ".join(s.sql.split()).startswith(head) and not s.error for s in self.shop.sandbox.log)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A refresh in some state with its tables, to begin from again and again."""

    refresh: Refresh
    saved: Saved
    database: Path

    @contextmanager
    def worker(self, shop: World, folder: Path, **how: Any) -> Iterator[Worker]:
        """On copies of all that was saved."""
        shop.sandbox.restore(self.saved)
        copyfile(self.database, folder / self.database.name)
        with store_on("sqlite", folder, Clock()) as store:
            yield Worker(shop=shop, store=store, folder=folder, **how)
        shop.sandbox.clear_faults()
        shop.sandbox.set_clock(timedelta())


def scene(shop: World, folder: Path, make: Callable[[Worker], Refresh]) -> Scene:
    with store_on("sqlite", folder, Clock()) as store:
        refresh = make(Worker(shop=shop, store=store, folder=folder))
    return Scene(refresh=refresh, saved=shop.sandbox.save(), database=folder / "refresh.db")
