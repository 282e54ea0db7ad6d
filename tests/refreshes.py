"""Refreshes for tests: one in every state, made by the machine itself, and one sample of every event."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from bot import events as e
from bot.machine import Say, Topic, step
from bot.model import (
    Actor,
    Build,
    Column,
    Content,
    Finding,
    Headline,
    Kind,
    Mode,
    Origin,
    Outlier,
    OutlierGroup,
    Plan,
    Problem,
    Promotion,
    Reader,
    Refresh,
    Relation,
    Report,
    Request,
    Rules,
    Side,
    Snapshot,
    State,
    Table,
    Token,
    Verdict,
)

AT = datetime(2026, 4, 22, 14, 0, 0, 123456, tzinfo=UTC)
DAY = date(2026, 4, 8)
ALICE = Actor(user_id="U0ALICE", team_id="T0DEMO", name="alice")
BOB = Actor(user_id="U0BOB", team_id="T0DEMO", name="bob")
CAROL = Actor(user_id="U0CAROL", team_id="T0DEMO", name="carol")
PROD = Relation("ETHEREUM", "PROD_CORE", "EZ_METRICS")
DEV = Relation("DEV", "DEV_REFRESH_BOT", "EZ_ETHEREUM_METRICS")
UNIQUE_ID = "model.demo.ez_ethereum_metrics"
DIGEST = "d1"


def table(relation: Relation = PROD) -> Table:
    column = Column(name="DATE", type="DATE")
    grants = ("SELECT to ROLE DASHBOARD",)
    return Table(
        relation=relation,
        kind=Kind.TRANSIENT,
        owner="TRANSFORMER",
        columns=(column,),
        row_count=3032,
        created=AT,
        last_altered=AT,
        grants=grants,
    )


def token(mark: str = "1") -> Token:
    return Token(last_change=mark, created="a", last_ddl="b", row_count=3032, owner="TRANSFORMER", kind=Kind.TRANSIENT)


def snapshot(name: str) -> Snapshot:
    content = Content(rows=3032, hash=-9151314442816847873)
    return Snapshot(relation=DEV.renamed(name), kind=Kind.TRANSIENT, token=token(), content=content, taken_at=AT)


def plan() -> Plan:
    rules = Rules(grain=Origin(columns=("DATE",), source="unique_key"), date_column=Origin(columns=(), source="none"))
    return Plan(
        unique_id=UNIQUE_ID,
        name="ez_ethereum_metrics",
        prod=table(),
        dev=DEV,
        materialized="incremental",
        warehouse="ETHEREUM",
        warehouse_override=False,
        vars={"backfill_date": "2026-04-08", "backfill_columns": ["dex_volumes"]},
        parents=("RAW.DUNE.DEX_TRADES",),
        rules=rules,
        code="3f9c2e1",
        code_in_prod=True,
        dirty=False,
        reads_date=True,
        hooks=(),
    )


def view(prod: Relation) -> Reader:
    """A view that reads the model, as dbt knows it."""
    return Reader(
        unique_id=f"model.shop.{prod.name.lower()}",
        name=prod.name.lower(),
        prod=prod,
        materialized="view",
        depth=1,
        honours_date=False,
        uses_columns=None,
    )


def group(name: str = "g1", worst: str = "1676204911.20") -> OutlierGroup:
    outlier = Outlier(
        key=("2026-04-08",),
        day=DAY,
        metric="DEX_VOLUMES",
        before=Decimal("11290000000000000"),
        after=Decimal(worst),
        change=-0.9999,
    )
    return OutlierGroup(id=name, metric="DEX_VOLUMES", direction="down", first=DAY, last=DAY, count=1, worst=(outlier,))


def finding(name: str = "sanity", rows: int = 1, verdict: Verdict = Verdict.FAIL) -> Finding:
    return Finding(
        check=name, name=name, verdict=verdict, blocks=True, waivable=True, numbers={"rows": rows, "of": ["a", "b"]}
    )


def report(
    *,
    groups: tuple[OutlierGroup, ...] = (group(),),
    findings: tuple[Finding, ...] = (finding(),),
    nothing_changes: bool = False,
) -> Report:
    headline = Headline(
        metric="DEX_VOLUMES",
        day=DAY,
        before=Decimal("11290000000000000"),
        after=Decimal("1676204911.20"),
        day_before=None,
        day_after=None,
    )
    return Report(
        findings=findings,
        baseline=Side(rows=3032),
        candidate=Side(rows=3032),
        changes=(),
        columns_compared=105,
        outliers=(),
        groups=groups,
        headline=headline,
        series=None,
        nothing_changes=nothing_changes,
        seconds=1.5,
        statements=7,
    )


def promotion(attempt: str = "one", *findings: Finding) -> Promotion:
    return Promotion(
        attempt=attempt,
        tag=f"refresh:{attempt}",
        source=DEV.renamed("CANDIDATE"),
        prod_token=token(),
        before=table(),
        statements=("create or replace ...",),
        intended_at=AT,
        findings=findings,
    )


def build() -> Build:
    return Build(
        invocation_id="i",
        started=AT,
        seconds=66.5,
        query_ids=("q1",),
        rows_affected=14,
        tests=(),
        hooks=(),
        dbt_version="1.11",
        compiled_sql="select 1",
    )


PROBLEM = Problem(kind="prod_changed", text="Prod changed after 13:55.")

#: One of each kind, as it could follow on a refresh whose digest is DIGEST.
EVENTS: dict[type[e.Event], e.Event] = {
    type(event): event
    for event in (
        e.Started(at=AT),
        e.Refused(at=AT, problem=PROBLEM),
        e.Planned(at=AT, plan=plan()),
        e.BaselineTaken(at=AT, baseline=snapshot("BASELINE")),
        e.Built(at=AT, build=build(), candidate=snapshot("CANDIDATE")),
        e.Checked(at=AT, report=report(), statements=("clone",), digest=DIGEST, expires_at=AT + timedelta(hours=24)),
        e.Failed(at=AT, problem=PROBLEM),
        e.Denied(at=AT, by=ALICE, action="approve", rule="four eyes"),
        e.Noted(at=AT, text="metadata changed, content equal"),
        e.CancelAsked(at=AT, by=ALICE),
        e.Stopped(at=AT),
        e.Explained(at=AT, by=BOB, groups=("g1",), reason="upstream", note="Dune", digest=DIGEST),
        e.Waived(at=AT, by=BOB, finding="sanity", reason="known", digest=DIGEST),
        e.Approved(at=AT, by=BOB, digest=DIGEST, complete=True),
        e.ApprovalsLapsed(at=AT, lapsed=(e.Lapse(by=BOB, rule="deleted"),)),
        e.Rejected(at=AT, by=BOB, reason="too much"),
        e.Expired(at=AT),
        e.Withdrawn(at=AT, problem=PROBLEM, expires_at=AT + timedelta(hours=24)),
        e.RecheckAsked(at=AT, by=ALICE),
        e.RebuildAsked(at=AT, by=ALICE),
        e.PromotionIntended(at=AT, promotion=promotion()),
        e.Promoted(at=AT, promotion=promotion()),
        e.Doubted(at=AT, problem=PROBLEM),
        e.LookAgain(at=AT, by=BOB),
        e.Settled(at=AT, by=BOB, happened=True, expires_at=AT + timedelta(hours=24)),
        e.Verified(at=AT, promotion=promotion()),
        e.Accepted(at=AT, by=BOB, reason="fine as it is"),
        e.UndoAsked(at=AT, by=BOB),
        e.UndoIntended(at=AT, undo=promotion("undo")),
        e.UndoRefused(at=AT, problem=PROBLEM),
        e.Undone(at=AT, undo=promotion("undo")),
    )
}

FAULT = e.Verified(at=AT, promotion=promotion("one", finding("hash")), problem=PROBLEM)
_TO_AWAITING = (e.Started, e.Planned, e.BaselineTaken, e.Built, e.Checked)
_TO_VERIFYING = (*_TO_AWAITING, e.Approved, e.PromotionIntended, e.Promoted)

#: How each state is reached from queued.
PATHS: dict[State, tuple[type[e.Event] | e.Event, ...]] = {
    State.QUEUED: (),
    State.BUILDING: (e.Started, e.Planned, e.BaselineTaken),
    State.CHECKING: (e.Started, e.Planned, e.BaselineTaken, e.Built),
    State.AWAITING: _TO_AWAITING,
    State.APPROVED: (*_TO_AWAITING, e.Approved),
    State.PROMOTING: (*_TO_AWAITING, e.Approved, e.PromotionIntended),
    State.VERIFYING: _TO_VERIFYING,
    State.STALE: (*_TO_AWAITING, e.Withdrawn),
    State.FAULTY: (*_TO_VERIFYING, FAULT),
    State.NEEDS_ATTENTION: (*_TO_AWAITING, e.Approved, e.PromotionIntended, e.Doubted),
    State.UNDOING: (*_TO_VERIFYING, e.Verified, e.UndoAsked),
    State.DONE: (*_TO_VERIFYING, e.Verified),
    State.REJECTED: (*_TO_AWAITING, e.Rejected),
    State.CANCELLED: (e.CancelAsked,),
    State.EXPIRED: (*_TO_AWAITING, e.Expired),
    State.FAILED: (e.Started, e.Planned, e.Failed),
    State.UNDONE: (*_TO_VERIFYING, e.Verified, e.UndoAsked, e.Undone),
}


def queued(number: int = 42) -> Refresh:
    request = Request(model="ethereum.ez_metrics", mode=Mode.BACKFILL, since=DAY, columns=("dex_volumes",))
    return Refresh(
        id=number,
        state=State.QUEUED,
        revision=1,
        request=request,
        asker=ALICE,
        channel="C0INCIDENTS",
        unique_id=UNIQUE_ID,
        name="ez_ethereum_metrics",
        prod=PROD,
        dev=DEV,
        created_at=AT,
        changed_at=AT,
    )


def after(refresh: Refresh, *events: type[e.Event] | e.Event) -> Refresh:
    """The refresh after these events; a type stands for its sample."""
    for event in events:
        refresh = step(refresh, EVENTS[event] if isinstance(event, type) else event)[0]
    return refresh


def in_state(state: State) -> Refresh:
    refresh = after(queued(), *PATHS[state])
    assert refresh.state is state
    return replace(refresh, revision=len(PATHS[state]) + 1)


def topics(effects: tuple[object, ...]) -> set[Topic]:
    """What is said of a step."""
    return {effect.topic for effect in effects if isinstance(effect, Say)}
