"""Whatever others write at whatever instant: a row that is not the candidate's is never lost without its count named."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot import events as e
from bot import names, queries
from bot.blocks import posts_for
from bot.chat import Chat
from bot.dbt_project import Project
from bot.leases import Lease
from bot.losses import count
from bot.machine import Topic
from bot.model import Loss, Origin, Promotion, Snapshot, State, Table
from bot.promotion import Promoting
from bot.record import Recorder
from bot.services import Services
from bot.settings import WorkerSection
from bot.store import BEFORE_UNDO, Store
from bot.undo import Undoing
from sandbox.snowflake import Saved
from tests.contract.databases import store_on
from tests.contract.stores import LEASE, advance, ask
from tests.contract.warehouses import DEV, ORDERS, World, made_dev, world
from tests.refreshes import AT, BOB, EVENTS
from tests.refreshes import plan as plan_of
from tests.unit.samples import CONTEXT

CANDIDATE, BACKUP = DEV.renamed("ORDERS__CANDIDATE"), replace(ORDERS, schema="BACKUPS", name="ORDERS__BACKUP")
REPLACED = 'CREATE OR REPLACE TRANSIENT TABLE "SHOP"."PROD"."ORDERS"'

WRITES = {
    "two new rows": f"INSERT INTO {ORDERS} VALUES ('2026-04-22', 5), ('2026-04-23', 6)",
    "a row of the candidate once more": f"INSERT INTO {ORDERS} SELECT * FROM {ORDERS} WHERE AMOUNT = 2",
    "a row of the backup": f"INSERT INTO {ORDERS} VALUES ('2026-04-08', 900)",
    "another value": f"UPDATE {ORDERS} SET AMOUNT = AMOUNT + 100 WHERE DAY = '2026-04-07'",
    "a row less": f"DELETE FROM {ORDERS} WHERE DAY = '2026-04-07'",
    "a new table": f"CREATE OR REPLACE TRANSIENT TABLE {ORDERS} AS SELECT * FROM {ORDERS} UNION ALL SELECT '2026-04-24'::DATE, 7::NUMBER(38,2)",
    "the same rows": f"CREATE OR REPLACE TRANSIENT TABLE {ORDERS} AS SELECT * FROM {ORDERS}",
}
WHEN = ["before the verification", "before the undo", *range(1, 45)]  # numbers: looks of one undo at its lease


@dataclass(frozen=True)
class Shop:
    """Production that was replaced by the candidate, and what the bot had recorded before it sent that."""

    world: World
    saved: Saved
    before: Table
    candidate: Snapshot
    backup: Snapshot


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with world(tmp_path_factory.mktemp("keys")) as made:
        made.nightly(
            f"CREATE TRANSIENT TABLE {ORDERS} (DAY DATE, AMOUNT NUMBER(38,2))",
            f"INSERT INTO {ORDERS} VALUES ('2026-04-07', 1), ('2026-04-07', 2), ('2026-04-08', 900)",
        )
        made_dev(made)
        with made.warehouse.builder("t") as session:
            session.send(f"CREATE TRANSIENT TABLE {CANDIDATE} AS SELECT * FROM {ORDERS} WHERE AMOUNT < 900")
            session.send(f"INSERT INTO {CANDIDATE} VALUES ('2026-04-08', 9), ('2026-04-21', 4)")
            session.grant_select(CANDIDATE, "TRANSFORMER")
            candidate = session.snapshot(CANDIDATE)
        with made.warehouse.promoter("t") as session:
            before = session.table(ORDERS)
            assert before is not None
            session.clone(ORDERS, BACKUP, before.kind)
            backup = session.snapshot(BACKUP)
            session.send(queries.promotion(before, CANDIDATE, None)[0])
        yield Shop(made, made.sandbox.save(), before, candidate, backup)


class Watched(Lease):
    """A lease over which something happens at one of the looks at it: there is one before each statement."""

    def __init__(self, store: Store, happens: Callable[[int], object]) -> None:
        (claim,) = store.claim("worker", 1, LEASE)
        super().__init__(store, claim, WorkerSection())
        self._happens, self._looks = happens, 0

    def check(self) -> None:
        super().check()
        self._looks += 1
        self._happens(self._looks)


@dataclass
class Scene:
    """One refresh whose statement was sent, its bot, and everything that others write."""

    shop: Shop
    store: Store
    folder: Path
    agreed: Loss | None = None  # what stood on the button that was pressed last
    looks: int = 0  # at the lease of the last undo, that before its statement included

    def __post_init__(self) -> None:
        warehouse = self.shop.world.warehouse
        self.services = Services(
            settings=self.shop.world.settings,
            store=self.store,
            chat=Chat(self.shop.world.settings),
            warehouse=warehouse,
            project=Project(self.shop.world.settings, self.folder),
            record=Recorder(self.store, lambda _: CONTEXT),
            clock=lambda: datetime.now(UTC),
        )
        sent = Promotion(
            attempt="one",
            tag="dbt-refresh:test1234:R1:promote:one",
            source=CANDIDATE,
            prod_token=self.shop.backup.token,
            before=self.shop.before,
            statements=("backup", "clone"),
            intended_at=datetime.now(UTC),
            backup=self.shop.backup,
        )
        plan = plan_of()
        key = Origin(columns=("DAY",), source="unique_key")
        planned = e.Planned(at=AT, plan=replace(plan, rules=replace(plan.rules, grain=key)))
        built = replace(EVENTS[e.Built], candidate=self.shop.candidate)
        first = (e.Started, planned, e.BaselineTaken, built, e.Checked, e.Approved)
        last = (
            e.PromotionIntended(at=datetime.now(UTC), promotion=sent),
            e.Promoted(at=datetime.now(UTC), promotion=sent),
        )
        self.refresh = advance(self.store, ask(self.store, prod=ORDERS, dev=DEV), *first, *last)

    def write(self, what: str) -> None:
        self.shop.world.nightly(WRITES[what])

    def verify(self) -> None:
        lease = Watched(self.store, lambda _: None)
        self.refresh = Promoting(self.services).verifying(self.refresh, lease)
        assert self.refresh.state is not State.VERIFYING

    def undo(self, happens: Callable[[int], object] = lambda _: None, *, plain: bool = False) -> None:
        """Press Undo if `plain`, else Undo anyway where it is offered: what that button names is agreed to."""
        self.agreed = self.refresh.loss if self.refresh.state is State.FAULTY and not plain else None
        asked = e.UndoAsked(
            at=datetime.now(UTC), by=BOB, reason="wrong", forced=self.agreed is not None, loss=self.agreed
        )
        sandbox = self.shop.world.sandbox
        self.looks, seen = 0, len(sandbox.log)

        def looked(look: int) -> None:
            if not any(s.sql.startswith(REPLACED) and ":undo:" in s.tag for s in sandbox.log[seen:]):
                self.looks = look
            happens(look)

        self.refresh = self.services.record(self.refresh, asked)
        self.refresh = Undoing(self.services).run(self.refresh, Watched(self.store, looked))

    def rows(self, table: object = ORDERS) -> Counter[tuple[object, ...]]:
        connection = self.shop.world.sandbox.admin()
        try:
            return Counter(connection.cursor().execute(f"SELECT * FROM {table}").fetchall())
        finally:
            connection.close()


@pytest.fixture
def scene(shop: Shop, tmp_path: Path) -> Iterator[Scene]:
    shop.world.sandbox.restore(shop.saved)
    with store_on("sqlite", tmp_path) as store:
        yield Scene(shop, store, tmp_path)


def lost(
    before: Counter[tuple[object, ...]], kept: Counter[tuple[object, ...]], ours: Counter[tuple[object, ...]]
) -> int:
    """Rows of others in `before`, each as often as neither what is `kept` nor `ours` has it."""
    return (before - (kept | ours)).total()


# A fixed set in the suite; UNDOS=300 draws so many others.
@settings(
    max_examples=int(os.environ.get("UNDOS", "6")),
    deadline=None,
    derandomize="UNDOS" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)
@example(writes=[("before the verification", "two new rows")], late=False)
@example(writes=[("before the undo", "two new rows")], late=False)
@example(writes=[(29, "two new rows")], late=False)  # between the intent and the last look
@example(writes=[("before the verification", "two new rows"), (40, "two new rows")], late=True)  # the same, forced
@example(writes=[("before the verification", "two new rows"), (30, "a new table")], late=True)
@given(
    writes=st.lists(st.tuples(st.sampled_from(WHEN), st.sampled_from(sorted(WRITES))), max_size=3), late=st.booleans()
)
def test_no_row_of_others_is_lost_without_its_count_on_the_button(
    shop: Shop, writes: list[tuple[object, str]], late: bool
) -> None:
    """Plain Undo is pressed first; `late`: what comes during an undo comes during the one with a number on its button."""
    shop.world.sandbox.restore(shop.saved)
    with TemporaryDirectory() as folder, store_on("sqlite", Path(folder)) as store:
        scene = Scene(shop, store, Path(folder))
        backup, candidate = scene.rows(BACKUP), scene.rows(CANDIDATE)
        before = scene.rows()

        def happens(when: object) -> None:
            nonlocal before
            for moment, what in writes:
                if moment == when:
                    scene.write(what)
                    before = scene.rows()

        happens("before the verification")
        scene.verify()
        happens("before the undo")
        for attempt in range(4):
            scene.undo(happens if attempt == late else lambda _: None, plain=attempt == 0)
            if scene.refresh.state is State.UNDONE:
                break
            assert scene.rows() == before  # refused: nothing was touched
        if scene.refresh.state is not State.UNDONE:
            assert scene.refresh.state is State.DONE  # a good promotion that somebody wrote to since
            assert before != candidate
            return
        if (scene.looks in [when for when, _ in writes]) and attempt == late:
            return  # after the last look and before the statement: Snowflake offers nothing against that
        named = scene.agreed.written if scene.agreed else 0
        assert lost(before, backup, candidate) <= named
        assert scene.rows() == backup
        kept = [o.relation for o in store.objects(1) if o.kind == BEFORE_UNDO]
        assert before in [candidate, *map(scene.rows, kept)]


def test_what_is_lost_is_offered_back(scene: Scene) -> None:
    scene.write("two new rows")
    scene.verify()
    assert scene.refresh.loss is not None
    assert (scene.refresh.state, scene.refresh.loss.written, scene.refresh.loss.removed) == (State.FAULTY, 2, 0)
    scene.undo()
    assert scene.refresh.state is State.UNDONE
    before = scene.rows()
    (post,) = posts_for(Topic.UNDONE, scene.refresh, EVENTS[e.Undone], CONTEXT)
    scene.shop.world.admin(post.message.text.split("```")[1])
    assert sorted(scene.rows() - before) == sorted(
        scene.rows("VALUES ('2026-04-22'::DATE, 5::NUMBER(38,2)), ('2026-04-23', 6)")
    )
    assert before - scene.rows() == Counter()


def test_the_copy_is_kept_as_long_as_backups_and_dropped_by_the_promoter(scene: Scene) -> None:
    scene.write("two new rows")
    scene.verify()
    scene.undo()
    (kept,) = [o for o in scene.store.objects(1) if o.kind == BEFORE_UNDO]
    undo = scene.refresh.undo
    assert undo is not None
    assert undo.kept is not None
    assert (
        kept.relation == undo.kept.relation == names.before_undo(scene.refresh, "BACKUPS", scene.store.installation, 2)
    )
    assert kept.keep_until is not None
    left = kept.keep_until - datetime.now(UTC)
    assert abs(left - scene.services.settings.warehouse.keep_backup).total_seconds() < 60


@pytest.mark.parametrize(
    ("write", "written", "removed"),
    [
        ("two new rows", 2, 0),
        ("a row of the candidate once more", 1, 0),
        ("a row of the backup", 0, 0),
        ("another value", 2, 2),
        ("a row less", 0, 2),
        ("a new table", 1, 0),
        ("the same rows", 0, 0),
    ],
)
def test_each_row_that_neither_the_candidate_nor_the_backup_holds_is_counted(
    scene: Scene, write: str, written: int, removed: int
) -> None:
    scene.write(write)
    with scene.shop.world.warehouse.promoter("t") as session:
        found = count(session, scene.refresh, scene.shop.backup, ORDERS)
        assert (found.written, found.removed, found.exact) == (written, removed, True)
        gone = replace(scene.refresh, candidate=None)
        most = count(session, gone, scene.shop.backup, ORDERS)
    assert (most.exact, most.removed) == (False, 0)
    assert most.written >= written


def test_a_column_that_came_since_is_counted_where_it_has_values(scene: Scene) -> None:
    scene.shop.world.nightly(f"ALTER TABLE {ORDERS} ADD COLUMN NOTE VARCHAR(10)")
    with scene.shop.world.warehouse.promoter("t") as session:
        assert count(session, scene.refresh, scene.shop.backup, ORDERS).written == 0
        scene.shop.world.nightly(f"UPDATE {ORDERS} SET NOTE = 'x' WHERE DAY = '2026-04-07'")
        assert count(session, scene.refresh, scene.shop.backup, ORDERS).written == 2


def test_who_agreed_to_less_than_there_is_now_is_refused_with_the_new_number(scene: Scene) -> None:
    scene.write("two new rows")
    scene.verify()
    scene.write("a new table")
    scene.undo()
    assert scene.refresh.loss is not None
    assert (scene.refresh.state, scene.refresh.loss.written) == (State.FAULTY, 3)
    scene.undo()
    assert scene.refresh.state is State.UNDONE
