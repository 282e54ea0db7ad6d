"""An error that comes back is no proof that nothing happened: what the bot says about production, a census never contradicts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from bot import reconcile_cli, sql_errors
from bot.decisions import STATEMENT_REFUSED
from bot.errors import InDoubt
from bot.model import Kind, Refresh, State
from bot.recovery import Recovery
from bot.warehouse import ReadFailed, Session, SqlError, Unreachable
from bot.wording import production as say
from sandbox.snowflake.codes import KNOWN, RENEWED, six
from tests.contract.approvals import Scene, Worker, scene
from tests.contract.warehouses import DEV, FOREVER, ORDERS, World, made_dev

DOUBTFUL = sorted(KNOWN - {RENEWED} - set(sql_errors.BEFORE_EXECUTION))
PROOF = sorted(sql_errors.BEFORE_EXECUTION)
COPY = ORDERS.renamed("ORDERS_COPY")


@pytest.mark.parametrize("polled", [False, True])
def test_only_codes_that_precede_execution_prove_that_a_write_did_nothing(shop: World, polled: bool) -> None:
    """Every code that is known, after execution and before: in the second case too the bot may not know that."""

    def tried(session: Session, code: int) -> None:
        for action in ("misreport",) if polled else ("fail", "misreport"):
            before = shop.sandbox.census({"SHOP"})
            if polled:
                shop.sandbox.inject("CLONE", "poll")
            shop.sandbox.inject("CLONE", action, code=six(code))
            with pytest.raises(InDoubt):
                session.clone(ORDERS, COPY, Kind.TRANSIENT, replace=True)
            assert (shop.sandbox.census({"SHOP"}) != before) == (action == "misreport"), code

    deadly = {390_104, 390_111, 390_113, 390_114, 390_115}
    with shop.warehouse.promoter("t") as session:
        for code in set(DOUBTFUL) - deadly:
            tried(session, code)
    for code in deadly:
        with shop.warehouse.promoter("t") as session:
            before = shop.sandbox.census({"SHOP"})
            shop.sandbox.inject("CLONE", "misreport", code=six(code))
            with pytest.raises(InDoubt):
                session.clone(ORDERS, COPY, Kind.TRANSIENT, replace=True)
            assert shop.sandbox.census({"SHOP"}) != before


def test_codes_that_precede_execution_do(shop: World) -> None:
    before = shop.sandbox.census({"SHOP"})
    with shop.warehouse.promoter("t") as session:
        for code in PROOF:
            shop.sandbox.inject("CLONE", "fail", code=six(code))
            with pytest.raises(SqlError):
                session.clone(ORDERS, COPY, Kind.TRANSIENT, replace=True)
    assert shop.sandbox.census({"SHOP"}) == before


def test_a_write_in_dev_is_looked_up_and_what_reads_says_why_it_failed(shop: World) -> None:
    for code in (603, 604, 630, 2002, 100_072, 390_114, 390_422):
        about_session = not sql_errors.judges_statement(code)
        with shop.warehouse.builder("t") as session:
            shop.sandbox.inject("GRANT USAGE", "fail", code=six(code), message="quota exceeded")
            with pytest.raises(Unreachable) as caught:
                session.run("dev/grant_usage", relation=DEV, role="TRANSFORMER")
            assert ("quota exceeded" in caught.value.user_text) != about_session
            shop.sandbox.inject("COUNT", "fail", code=six(code))
            with pytest.raises(Unreachable if about_session else ReadFailed):
                session.content(ORDERS)


def test_what_may_not_be_seen_is_not_what_could_not_be_asked(shop: World) -> None:
    """A dead session, a cancel and a timeout say nothing about rights; an unknown code of an edition is still unknown."""
    with shop.warehouse.promoter("t") as session:
        for code in (2003, 3001, 2, 9999):
            shop.sandbox.inject("SHOW VIEWS", "fail", code=six(code))
            assert session.if_visible("inspect/views", ORDERS) is None
        for code in (603, 604, 630):
            shop.sandbox.inject("SHOW VIEWS", "fail", code=six(code))
            with pytest.raises(ReadFailed):
                session.if_visible("inspect/views", ORDERS)
        shop.sandbox.inject("SHOW VIEWS", "misreport", code="390114")
        with pytest.raises(Unreachable):
            session.if_visible("inspect/views", ORDERS)
        with pytest.raises(Unreachable):
            session.answers(ORDERS)


@pytest.mark.parametrize("code", ["000603", "003001"])
def test_a_cancel_that_is_answered_with_an_error_is_looked_at(shop: World, code: str) -> None:
    """Done all the same it is no error; what runs on is said."""
    made_dev(shop)
    since = datetime.now(UTC) - timedelta(minutes=5)
    shop.sandbox.inject("CREATE TABLE", "hang")

    def build() -> None:
        with shop.warehouse.builder("t:build") as session, suppress(Unreachable):
            session.clone(FOREVER, DEV, Kind.PERMANENT)

    building = Thread(target=build)
    building.start()
    shop.sandbox.wait(lambda log: any(s.held and not s.ended for s in log), 20, "the statement held")
    with shop.warehouse.builder("t:cancel") as session:
        shop.sandbox.inject("CANCEL_QUERY", "fail", code=code)
        with pytest.raises((SqlError, ReadFailed)):
            session.cancel_tag("t:build", since, "DEV")
        shop.sandbox.inject("CANCEL_QUERY", "misreport", code=code)
        assert session.cancel_tag("t:build", since, "DEV") == 1
    building.join(20)


# Whole steps, each begun from the same scene ------------------------------------------------------------------------

REPLACES = r"^CREATE OR REPLACE TRANSIENT TABLE .SHOP.\..PROD."
BACKS_UP = r"^CREATE TRANSIENT TABLE .SHOP.\..BACKUPS."
FENCES = "RENAME TO"
RESULTS = [
    (False, "390114"),
    (True, "390114"),
    (True, "390111"),
    (False, "390422"),
    (True, "000603"),
    (False, "000604"),
]
RESULTS += [(False, "100072"), (True, "250003"), (False, "390112")]


@pytest.fixture(scope="module")
def approved(one_shop: tuple[World, object], tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return scene(one_shop[0], tmp_path_factory.mktemp("approved"), Worker.approved)


@pytest.fixture(scope="module")
def undoing(one_shop: tuple[World, object], tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return scene(one_shop[0], tmp_path_factory.mktemp("undoing"), Worker.undoing)


@pytest.fixture
def on(shop: World, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """A worker on the copy of a scene, with a fault."""
    made: list[Worker] = []

    def enter(scene: Scene, **how: object) -> Worker:
        made.append(stack.enter_context(scene.worker(shop, tmp_path, **how)))
        return made[-1]

    with ExitStack() as stack:
        yield enter
        for worker in made:
            shop.sandbox.clear_faults()
            shown = reconcile_cli.look(worker.store, shop.warehouse, shop.settings.warehouse)
            assert shown.unrecorded == ()  # whatever was answered, the bot knows all that it did


def true_of_production(worker: Worker, refresh: Refresh, mark: str, *, undo: bool = False) -> None:
    """What the refresh says in its state, against the census and the log."""
    moved = worker.mark(refresh) != mark
    assert worker.replaced(refresh) == moved
    problem = refresh.problem
    if refresh.state is State.NEEDS_ATTENTION:
        assert problem is not None
        if problem.kind == STATEMENT_REFUSED:
            assert not moved
        for said in (True, False):
            assert say.seen_prod(said) not in problem.text or moved == said
    elif undo:
        assert (refresh.state is State.UNDONE) == moved
    else:
        assert (refresh.state in (State.VERIFYING, State.DONE, State.FAULTY)) == moved
        assert moved or problem is None or "Production was not touched" in problem.text


def inject(worker: Worker, match: str, action: str, code: str, polled: bool) -> None:
    if polled:
        worker.shop.sandbox.inject(match, "poll")
    worker.shop.sandbox.inject(match, action, code=code)  # type: ignore[arg-type]


@pytest.mark.parametrize(("polled", "code"), RESULTS)
def test_a_promotion_that_happened_is_never_called_refused(
    approved: Scene, on: Callable[..., Worker], polled: bool, code: str
) -> None:
    worker = on(approved)
    mark = worker.mark(approved.refresh)
    inject(worker, REPLACES, "misreport", code, polled)
    done = worker.drive(approved.refresh)
    assert (done.state, done.problem) == (State.DONE, None)
    true_of_production(worker, done, mark)


@pytest.mark.parametrize("recovery", ["ask", "auto"])
@pytest.mark.parametrize("code", ["390114", "000603", "100072"])
def test_a_promotion_that_failed_in_doubt_is_looked_up(
    approved: Scene, on: Callable[..., Worker], code: str, recovery: str
) -> None:
    worker = on(approved, recovery=recovery)
    mark = worker.mark(approved.refresh)
    inject(worker, REPLACES, "fail", code, False)
    asked = worker.drive(approved.refresh)
    true_of_production(worker, asked, mark)
    assert worker.replaced(asked) == 0
    assert asked.state is (State.NEEDS_ATTENTION if recovery == "ask" else State.PROMOTING)
    worker.waits(timedelta(days=1))
    ended = worker.drive(asked)
    true_of_production(worker, ended, mark)
    assert ended.state is (State.NEEDS_ATTENTION if recovery == "ask" else State.DONE)


@pytest.mark.parametrize("code", [six(code) for code in PROOF])
def test_a_promotion_that_is_refused_says_so(approved: Scene, on: Callable[..., Worker], code: str) -> None:
    worker = on(approved)
    mark = worker.mark(approved.refresh)
    inject(worker, REPLACES, "fail", code, False)
    refused = worker.drive(approved.refresh)
    assert refused.problem is not None
    assert refused.problem.kind == STATEMENT_REFUSED
    true_of_production(worker, refused, mark)


@pytest.mark.parametrize(("polled", "code"), RESULTS)
def test_an_undo_that_happened_is_never_called_refused(
    undoing: Scene, on: Callable[..., Worker], polled: bool, code: str
) -> None:
    worker = on(undoing)
    mark = worker.mark(undoing.refresh)
    inject(worker, REPLACES, "misreport", code, polled)
    undone = worker.drive(undoing.refresh)
    assert (undone.state, undone.problem) == (State.UNDONE, None)
    assert worker.store.held(undone.unique_id) is not None
    true_of_production(worker, undone, mark, undo=True)


@pytest.mark.parametrize("code", ["390114", "000603", "003001"])
def test_an_undo_that_failed_says_nothing_of_a_promotion_that_stays(
    undoing: Scene, on: Callable[..., Worker], code: str
) -> None:
    worker = on(undoing)
    mark = worker.mark(undoing.refresh)
    inject(worker, REPLACES, "fail", code, False)
    asked = worker.drive(undoing.refresh)
    assert asked.state is State.NEEDS_ATTENTION
    assert asked.problem is not None
    assert (asked.problem.kind == STATEMENT_REFUSED) == (code == "003001")
    true_of_production(worker, asked, mark, undo=True)


@pytest.mark.parametrize(("polled", "code"), RESULTS)
@pytest.mark.parametrize("action", ["misreport", "fail"])
def test_a_backup_in_doubt_is_found_by_its_name(
    approved: Scene, on: Callable[..., Worker], action: str, polled: bool, code: str
) -> None:
    if action == "fail" and code == "390112":
        return  # then the token is renewed before the statement is sent
    worker = on(approved)
    mark = worker.mark(approved.refresh)
    inject(worker, BACKS_UP, action, code, polled)
    done = worker.drive(approved.refresh)
    assert (done.state, done.problem) == (State.DONE, None)
    true_of_production(worker, done, mark)


@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize(("action", "code"), [("misreport", "390114"), ("misreport", "000603"), ("fail", "390114")])
def test_a_fence_in_doubt_is_looked_up(
    approved: Scene, undoing: Scene, on: Callable[..., Worker], action: str, code: str, undo: bool
) -> None:
    begun = undoing if undo else approved
    worker = on(begun)
    mark = worker.mark(begun.refresh)
    inject(worker, REPLACES, "misreport", "000603", False)
    inject(worker, FENCES, action, code, False)
    ended = worker.drive(begun.refresh)
    assert (ended.state, ended.problem) == (State.UNDONE if undo else State.DONE, None)
    true_of_production(worker, ended, mark, undo=undo)
    copies = [o for o in worker.store.objects(ended.id) if o.kind == ("backup" if undo else "candidate")]
    there = {
        name for name in worker.shop.sandbox.census({"SHOP", "DEV"}) if any(str(o.relation) == name for o in copies)
    }
    assert len(there) == 1
    assert not [s for s in worker.shop.sandbox.log if re.search(REPLACES, s.sql) and s.error]


# A fence that finds nothing -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("recovery", ["ask", "auto"])
def test_a_candidate_that_somebody_else_owns_now_is_not_gone(
    approved: Scene, on: Callable[..., Worker], recovery: str
) -> None:
    worker = on(approved, recovery=recovery)
    refresh, mark = approved.refresh, worker.mark(approved.refresh)
    assert refresh.candidate is not None
    candidate = refresh.candidate.relation
    worker.shop.admin(
        "CREATE ROLE AUDITOR", f"GRANT OWNERSHIP ON TABLE {candidate} TO ROLE AUDITOR COPY CURRENT GRANTS"
    )
    inject(worker, REPLACES, "fail", "390114", False)
    worker.drive(refresh)
    worker.waits(timedelta(days=1))  # an absent statement would be proven by now
    asked = worker.store.get(refresh.id)
    assert asked is not None
    asked = worker.drive(asked)
    assert asked.state is State.NEEDS_ATTENTION
    assert asked.problem is not None
    assert "`AUDITOR`" in asked.problem.text
    assert "GRANT OWNERSHIP ON TABLE" in asked.problem.text
    assert worker.replaced(asked) == 0
    true_of_production(worker, asked, mark)
    worker.shop.admin(f"GRANT OWNERSHIP ON TABLE {candidate} TO ROLE REFRESH_BUILDER COPY CURRENT GRANTS")
    fenced = Recovery(worker.services).fenced(asked, "CLICK1")
    assert fenced.candidate is not None
    assert fenced.candidate.relation != candidate


def test_a_candidate_that_nobody_sees_is_gone(approved: Scene, on: Callable[..., Worker]) -> None:
    worker, refresh = on(approved), approved.refresh
    assert refresh.candidate is not None
    worker.shop.admin(f"DROP TABLE {refresh.candidate.relation}")
    assert Recovery(worker.services).fenced(refresh, "CLICK1") == refresh
