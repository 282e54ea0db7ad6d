"""What the comparison found. Counts are exact, values are as the warehouse has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from bot.model.states import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check's result. `numbers` is what `wording.findings` turns into the line people read."""

    check: str  # parity, left behind, schema, grain, sanity, spot check, tests, outliers, safety
    name: str  # unique in the report: "parity", "sanity", "safety:streams"
    verdict: Verdict
    blocks: bool  # this verdict keeps Approve shut (design section 4, third column)
    waivable: bool
    numbers: dict[str, object]  # JSON scalars, or lists of them
    examples: tuple[dict[str, object], ...] = ()  # a few rows, values as text; empty with post_rows = "counts"
    query_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlier:
    """One value that moved. `change` is relative to before; None where a value appeared or vanished, or it is not finite."""

    key: tuple[str, ...]
    day: date | None
    metric: str
    before: Decimal | None
    after: Decimal | None
    change: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlierGroup:
    """What a person explains at once: same metric and direction, contiguous dates (then by metric, at most 20)."""

    id: str
    metric: str
    direction: str  # up, down, appeared, vanished, mixed
    first: date | None
    last: date | None
    count: int
    worst: tuple[Outlier, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChange:
    column: str
    history: int  # rows before the backfill date; full refresh: all rows count here as window
    window: int
    allowed: bool  # inside backfill_columns, or full refresh


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The broken number before and after, with its neighbours, for the first line of the card."""

    metric: str
    day: date
    before: Decimal | None
    after: Decimal | None
    day_before: Decimal | None
    day_after: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Rows and dates of one side of the comparison."""

    rows: int
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What the picture shows: one metric by day, both sides; the changed days are marked."""

    metric: str
    days: tuple[date, ...]
    baseline: tuple[float | None, ...]
    candidate: tuple[float | None, ...]
    changed: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The comparison of candidate and baseline; made by `report.py`, shown in the thread, hashed in the digest."""

    findings: tuple[Finding, ...]
    baseline: Side
    candidate: Side
    changes: tuple[ColumnChange, ...]  # only columns with a change
    columns_compared: int
    outliers: tuple[Outlier, ...]
    groups: tuple[OutlierGroup, ...]
    headline: Headline | None
    series: Series | None
    nothing_changes: bool
    seconds: float
    statements: int
    changed_from: date | None = None  # no day before it differs in any row; None: nothing differs, or it is not known
