"""The report of the storyboard, judged by the checks themselves, and its refresh, for tests of how results read."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from bot import checks, outliers, usual
from bot.columns import ScopedColumn
from bot.model import (
    Build,
    Column,
    ColumnChange,
    Finding,
    Mode,
    Origin,
    Outlier,
    Refresh,
    Report,
    Request,
    Rules,
    Side,
    Verdict,
)
from bot.model import TestResult as DbtTest
from bot.scope import Scope
from tests.refreshes import AT, DAY, DEV, plan, queued, snapshot

BAD, GOOD = Decimal("11290000000000000.00"), Decimal("1676204911.20")
RULES = Rules(
    grain=Origin(columns=("DATE",), source="unique_key"),
    date_column=Origin(columns=("DATE",), source="meta"),
    sanity={"dex_volumes": {"min": 0, "max": 1e12}},
)
SIDES = {
    "baseline": {
        "row_count": 3032,
        "window_rows": 14,
        "first_day": date(2018, 1, 2),
        "last_day": date(2026, 4, 21),
        "o1": 1,
    },
    "candidate": {
        "row_count": 3032,
        "window_rows": 14,
        "first_day": date(2018, 1, 2),
        "last_day": date(2026, 4, 21),
        "o1": 0,
    },
}
COUNTS = {"window_changed": 1, "named_rows": 1, "named_changed": 1, "w1": 1, "w2": 1}
BUILD = Build(
    invocation_id="inv",
    started=AT,
    seconds=66,
    query_ids=("q",),
    rows_affected=14,
    tests=(DbtTest(name="unique", status="pass", failures=0),) * 3,
    hooks=(),
    dbt_version="1.11.16",
    compiled_sql="",
)
OUTLIERS = (
    Outlier(key=("2026-04-08",), day=DAY, metric="DEX_VOLUMES", before=BAD, after=GOOD, change=-0.9999998515),
    Outlier(
        key=("2026-04-08",),
        day=DAY,
        metric="TOTAL_ECONOMIC_ACTIVITY",
        before=Decimal("11290004102000000.00"),
        after=Decimal("5778204911.20"),
        change=-0.9999994882,
    ),
)
SPOT_ROW = {"k0": "2026-04-08", "day": DAY, "found": True, "s1": "1676204911.20", "t1": "1676204911.20", "d1": False}
SPOT_ROW |= {"total": 1, "differ": 0, "not_found": 0}


def scope(mode: Mode = Mode.BACKFILL, columns: tuple[str, ...] = ("DEX_VOLUMES", "TOTAL_ECONOMIC_ACTIVITY")) -> Scope:
    names = ("DATE", "DEX_VOLUMES", "TOTAL_ECONOMIC_ACTIVITY", *(f"C{i}" for i in range(102)))
    made = tuple(
        ScopedColumn(
            index=i,
            name=name,
            type="DATE" if not i else "NUMBER(38,2)",
            key=not i,
            clock=False,
            allowed=mode is Mode.FULL_REFRESH or name in columns,
            tolerance=None,
            as_text=False,
            as_json=False,
        )
        for i, name in enumerate(names)
    )
    return Scope(
        mode=mode,
        baseline=DEV,
        candidate=DEV,
        columns=made,
        keys=made[:1],
        date=made[0],
        since=DAY if mode is Mode.BACKFILL else None,
        named=(DAY,),
        metric_names=(),
        unique=True,
        grain_source="unique_key",
    )


def days(found: tuple[Outlier, ...]) -> list[dict[str, object]]:
    index = {"DEX_VOLUMES": 1, "TOTAL_ECONOMIC_ACTIVITY": 2}
    return [
        {
            "i": index[o.metric],
            "direction": "down",
            "day": o.day,
            "reported": 1,
            "to_explain": 1,
            "worst": abs(o.change or 1),
        }
        for o in found
    ]


def made(found: tuple[Outlier, ...] = OUTLIERS, *more: Finding, without: str = "") -> Report:
    where = scope()
    grouped = outliers.groups(where, days(found), found, RULES)
    columns = [Column(name=c.name, type=c.type) for c in where.columns]
    every = [
        checks.parity_backfill(where, SIDES, COUNTS),
        checks.schema(Mode.BACKFILL, (), columns, columns),
        usual.limits([where.columns[1]], {"DEX_VOLUMES": {}}, SIDES),
        checks.spot("spot_dex_volumes", [SPOT_ROW], [where.columns[1]], ["DATE"], unseen=(), same_table=True),
        checks.dbt_tests(BUILD),
        outliers.judged(where, days(found), grouped, RULES, {}),
        checks.finding("safety", Verdict.PASS, {}, name="safety:kind"),
    ]
    return Report(
        findings=(*(f for f in every if f.check != without), *more),
        baseline=Side(rows=3032, first=date(2018, 1, 2), last=date(2026, 4, 21)),
        candidate=Side(rows=3032, first=date(2018, 1, 2), last=date(2026, 4, 21)),
        changes=tuple(
            ColumnChange(column=name, history=0, window=1, allowed=True)
            for name in ("DEX_VOLUMES", "TOTAL_ECONOMIC_ACTIVITY")
        ),
        columns_compared=105,
        outliers=found,
        groups=grouped,
        headline=None,
        series=None,
        nothing_changes=False,
        seconds=1.5,
        statements=9,
    )


def refresh(report: Report | None = None) -> Refresh:
    asked = Request(model="m", mode=Mode.BACKFILL, since=DAY, columns=("dex_volumes",), reason="frozen <batch> & more")
    return replace(
        queued(),
        request=asked,
        plan=replace(plan(), rules=RULES),
        baseline=snapshot("B"),
        candidate=snapshot("C"),
        build=BUILD,
        report=report or made(),
    )
