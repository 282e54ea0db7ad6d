"""Refreshes in every state, with all that came before, for tests of what people see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from bot.context import Context
from bot.model import (
    Actor,
    Build,
    Column,
    ColumnChange,
    Content,
    Decision,
    Explanation,
    Exposure,
    Finding,
    Headline,
    Kind,
    Loss,
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
    Series,
    Side,
    Snapshot,
    State,
    Table,
    Token,
    UndoRequest,
    Verdict,
    Waiver,
)
from bot.settings import (
    DbtSection,
    PolicySection,
    Secrets,
    Settings,
    SlackSection,
    UserSection,
    WarehouseSection,
    WorkerSection,
)
from bot.wording.text import escape

NOW = datetime(2026, 4, 21, 14, 7, tzinfo=UTC)
DAY = date(2026, 4, 8)
ALICE = Actor(user_id="U0ALICE", team_id="T0DEMO", name="alice")
BOB = Actor(user_id="U0BOB", team_id="T0DEMO", name="bob")
PROD = Relation("ETHEREUM", "PROD_CORE", "EZ_METRICS")
DEV = Relation("DEV", "DEV_REFRESH_BOT", "EZ_ETHEREUM_METRICS")
DIGEST = "9c1f0123456789abcdef"
RULES = Rules(grain=Origin(columns=("DATE",), source="meta"), date_column=Origin(columns=("DATE",), source="meta"))
HOSTILE = (
    "x <!channel> <@U0BOB> <http://evil|link> & *b* _i_ ~s~ `c` ```fence``` \u202e\u200b\ufeff @channel #general\n> quote"
    + "y" * 4000
)


def settings(**slack) -> Settings:
    user = UserSection(user="U", role="R", warehouse="ETHEREUM")
    return Settings(
        secrets=Secrets(),
        slack=SlackSection(channels=("C0INCIDENTS",), audit_channel="C0AUDIT", **slack),
        policy=PolicySection(requesters=("S0DATA",), approvers=("S0DATA",)),
        people={},
        dbt=DbtSection(project_dir="."),
        warehouse=WarehouseSection(
            account="a",
            builder=user,
            promoter=user,
            prod_databases=("ETHEREUM",),
            warehouses=("ETHEREUM", "ANALYTICS_XL"),
        ),
        worker=WorkerSection(),
        models=(),
    )


CONTEXT = Context(
    settings=settings(),
    now=NOW,
    approvers=("U0BOB", "U0CAROL"),
    written=tuple(datetime(2026, 4, d, 2, 14, tzinfo=UTC) for d in range(15, 22)),
    picture=lambda series, title: b"PNG",
)


def token() -> Token:
    return Token(last_change="1", created="1", last_ddl="1", row_count=3032, owner="T", kind=Kind.TRANSIENT)


def snapshot(relation: Relation, taken=NOW) -> Snapshot:
    return Snapshot(
        relation=relation, kind=Kind.TRANSIENT, token=token(), content=Content(rows=3032, hash=7), taken_at=taken
    )


def table() -> Table:
    columns = (Column(name="DATE", type="DATE"), Column(name="DEX_VOLUMES", type="FLOAT"))
    written = datetime(2026, 4, 21, 2, 14, tzinfo=UTC)
    return Table(
        relation=PROD,
        kind=Kind.TRANSIENT,
        owner="TRANSFORMER",
        columns=columns,
        row_count=3032,
        created=written,
        last_altered=written,
    )


def columns(*types: str, **named: str) -> tuple[Column, ...]:
    unnamed = {f"C{i}": kind for i, kind in enumerate(types)}
    return tuple(Column(name=name, type=kind) for name, kind in (unnamed | named).items())


def reader(name: str, uses: bool | None = True, **more) -> Reader:
    given = {
        "prod": Relation("A", "B", name.upper()),
        "materialized": "table",
        "depth": 1,
        "honours_date": False,
        **more,
    }
    return Reader(unique_id=f"model.shop.{name}", name=name, uses_columns=uses, **given)


UNUSED = reader("agg_chain", False)


def plan(text: str = "", readers: tuple[Reader, ...] = (UNUSED,)) -> Plan:
    return Plan(
        unique_id="model.shop.ez_ethereum_metrics",
        name="ez_ethereum_metrics" + text,
        prod=table(),
        dev=DEV,
        materialized="incremental",
        warehouse="ETHEREUM",
        warehouse_override=False,
        vars={"backfill_date": "2026-04-08", "backfill_columns": ["dex_volumes"]},
        parents=tuple(f"A.B.P{n}" for n in range(22)),
        rules=Rules(
            grain=Origin(columns=("DATE",), source="unique_key"),
            date_column=Origin(columns=("DATE",), source="meta"),
            clock=("MODIFIED_ON",),
        ),
        code="3f9c2e1",
        code_in_prod=True,
        dirty=False,
        reads_date=True,
        hooks=(f"create view x as select 1 {text}",),
        readers=readers,
        exposures=(Exposure(name="ethereum_page" + text, type="dashboard" + text, owner="Frontend" + text, reads=()),),
        siblings=28,
        notes=(text,) if text else (),
        typical_seconds=70.0,
        kept_clocks=("MODIFIED_ON",),
    )


def finding(name: str, verdict: Verdict, *, blocks=False, waivable=False, **numbers) -> Finding:
    return Finding(
        check=name.split(":")[0], name=name, verdict=verdict, blocks=blocks, waivable=waivable, numbers=numbers
    )


def outlier(metric: str) -> Outlier:
    return Outlier(
        key=("2026-04-08",),
        day=DAY,
        metric=metric,
        before=Decimal("11290000000000000"),
        after=Decimal("1676204911.20"),
        change=-0.9999999,
    )


def group(number: int, metric: str = "DEX_VOLUMES") -> OutlierGroup:
    return OutlierGroup(
        id=f"g{number}", metric=metric, direction="down", first=DAY, last=DAY, count=1, worst=(outlier(metric),)
    )


def report(text: str = "", groups: int = 2, findings: tuple[Finding, ...] | None = None, nothing=False) -> Report:
    metric = f"DEX_VOLUMES{text}"
    headline = Headline(
        metric=metric,
        day=DAY,
        before=Decimal("11290000000000000"),
        after=Decimal("1676204911.20"),
        day_before=Decimal("1712880140"),
        day_after=Decimal("1640118302"),
    )
    tests = finding("tests", Verdict.PASS, tests=3, passed=3, failing=[], warning=[])
    side = Side(rows=3032, first=date(2018, 1, 2), last=date(2026, 4, 21))
    return Report(
        findings=findings if findings is not None else (tests,),
        baseline=side,
        candidate=side,
        changes=(
            ColumnChange(column=metric, history=0, window=1, allowed=True),
            ColumnChange(column="TOTAL_ECONOMIC_ACTIVITY", history=0, window=1, allowed=True),
        ),
        columns_compared=105,
        outliers=(outlier(metric),),
        groups=tuple(group(n, metric) for n in range(groups)),
        headline=headline,
        series=Series(metric=metric, days=(DAY,), baseline=(1.0,), candidate=(2.0,), changed=(DAY,)),
        nothing_changes=nothing,
        seconds=3.0,
        statements=12,
    )


def loss(**changes) -> Loss:
    """What an undo would take along: two rows that somebody else wrote."""
    return replace(Loss(production=Content(rows=3034, hash=1), written=2), **changes)


def refresh(state: State, text: str = "", **changes) -> Refresh:
    """A refresh as it is in this state, with everything that came before."""
    promotion = Promotion(
        attempt="a",
        tag="t",
        source=DEV,
        prod_token=token(),
        before=table(),
        statements=(),
        intended_at=NOW,
        sent_at=NOW,
        backup=snapshot(PROD),
        after=snapshot(PROD),
        findings=(finding("verification:content", Verdict.PASS, rows=3032, expected_rows=3032),),
    )
    undone = UndoRequest(by=BOB, at=NOW, forced=False, was=State.DONE, problem=None)
    problem = Problem(
        kind="stale:rebuild", text=f"Prod changed after 13:55.{escape(text)}", attachment="select 1" + text
    )
    late = {
        State.PROMOTING,
        State.VERIFYING,
        State.DONE,
        State.FAULTY,
        State.NEEDS_ATTENTION,
        State.UNDOING,
        State.UNDONE,
    }
    base = Refresh(
        id=42,
        state=state,
        revision=7,
        request=Request(
            model="ethereum.ez_metrics",
            mode=Mode.BACKFILL,
            since=DAY,
            columns=("dex_volumes", "total_economic_activity"),
            reason="frozen Dune batch" + text,
        ),
        asker=ALICE,
        channel="C0INCIDENTS",
        unique_id="model.shop.ez_ethereum_metrics",
        name="ez_ethereum_metrics" + text,
        prod=PROD,
        dev=DEV,
        created_at=NOW - timedelta(minutes=6),
        changed_at=NOW,
        expires_at=NOW + timedelta(days=1),
        cancel=ALICE if state is State.CANCELLED else None,
        plan=None if state is State.QUEUED else plan(text),
        baseline=snapshot(DEV, NOW - timedelta(seconds=41)),
        build=Build(
            invocation_id="i",
            started=NOW,
            seconds=66,
            query_ids=(),
            rows_affected=14,
            tests=(),
            hooks=(),
            dbt_version="1.11",
            compiled_sql="select 1",
        ),
        candidate=snapshot(DEV),
        report=None if state in (State.QUEUED, State.BUILDING, State.CHECKING) else report(text),
        statements=(f"CREATE OR REPLACE TRANSIENT TABLE {PROD.sql} CLONE {DEV.sql} COPY GRANTS{text}",),
        digest=DIGEST,
        explanations=(Explanation(group="g0", reason="other", note="moved" + text, by=BOB, at=NOW),) if text else (),
        waivers=(Waiver(finding="sanity", reason="known" + text, by=BOB, at=NOW),) if text else (),
        decisions=(Decision(approve=state is not State.REJECTED, by=BOB, at=NOW, digest=DIGEST, reason="no" + text),)
        if state in late | {State.APPROVED, State.REJECTED}
        else (),
        promotion=promotion if state in late else None,
        undo_request=undone if state in (State.UNDOING, State.UNDONE) else None,
        problem=problem if state in (State.STALE, State.FAILED, State.FAULTY, State.NEEDS_ATTENTION) else None,
        withdrawn=problem.text if state is State.STALE else "",
        progress="Building in dev" if state is State.BUILDING else "",
        progress_share=0.6,
        undelivered=1 if text else 0,
    )
    return replace(base, **changes)
