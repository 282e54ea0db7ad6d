"""The words of dbt-refresh as frozen dataclasses; everything here is a value and can be stored as JSON.

Relations and identifiers are exact (already folded by Snowflake's rule), times are aware UTC datetimes,
durations are seconds, and hashes are Snowflake's signed 64-bit `HASH_AGG` numbers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Self

_PLAIN = re.compile(r"[A-Z_][A-Z0-9_$]*\Z")
_PART = re.compile(r'"((?:[^"]|"")+)"|([^".\s]+)')


class State(StrEnum):
    """Where a refresh stands; the transitions are in `machine.py`."""

    QUEUED = "queued"
    BUILDING = "building"
    CHECKING = "checking"
    AWAITING = "awaiting"
    APPROVED = "approved"
    PROMOTING = "promoting"
    VERIFYING = "verifying"
    STALE = "stale"
    FAULTY = "faulty"
    NEEDS_ATTENTION = "needs_attention"
    UNDOING = "undoing"
    DONE = "done"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    UNDONE = "undone"


ENDS = frozenset({State.DONE, State.REJECTED, State.CANCELLED, State.EXPIRED, State.FAILED, State.UNDONE})
DRIVEN = frozenset(
    {State.QUEUED, State.BUILDING, State.CHECKING, State.APPROVED, State.PROMOTING, State.VERIFYING, State.UNDOING}
)  # the worker acts on these; in the others it waits for a person


class Mode(StrEnum):
    FULL_REFRESH = "full-refresh"
    BACKFILL = "backfill"


class Verdict(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Kind(StrEnum):
    """What a relation is in Snowflake; only the first two can be refreshed."""

    PERMANENT = "permanent"
    TRANSIENT = "transient"
    VIEW = "view"
    DYNAMIC = "dynamic table"
    HYBRID = "hybrid table"
    ICEBERG = "Iceberg table"
    EXTERNAL = "external table"
    OTHER = "other"


def quote(identifier: str) -> str:
    """The one place where an identifier becomes SQL: always quoted, compared exactly."""
    return '"' + identifier.replace('"', '""') + '"'


@dataclass(frozen=True, slots=True, order=True)
class Relation:
    """A table's exact three-part name, after folding unquoted parts to upper case."""

    database: str
    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `db.schema.name` by Snowflake's rule: quoted parts are kept, others folded to upper case.

        Raises ValueError when there are not exactly three parts.
        """
        parts = [m[1].replace('""', '"') if m[1] is not None else m[2].upper() for m in _PART.finditer(text.strip())]
        if len(parts) != 3:
            raise ValueError(f"not a three-part name: {text!r}")
        return cls(*parts)

    @property
    def sql(self) -> str:
        return ".".join(map(quote, (self.database, self.schema, self.name)))

    def renamed(self, name: str) -> Relation:
        return Relation(self.database, self.schema, name)

    def __str__(self) -> str:
        return ".".join(p if _PLAIN.match(p) else quote(p) for p in (self.database, self.schema, self.name))


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person as Slack's payload names them; authority is decided from `user_id` and `team_id` only."""

    user_id: str
    team_id: str
    name: str = ""  # for text files; in Slack the person is always shown as a mention


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for, after parsing and before anything was looked up."""

    model: str  # as typed: a dbt name, package.name, alias or db.schema.alias
    mode: Mode = Mode.FULL_REFRESH
    since: date | None = None  # the backfill date: first day of the window
    columns: tuple[str, ...] = ()  # backfill_columns, as typed; empty means all
    at: tuple[date, ...] = ()  # the dates that are wrong
    warehouse: str = ""
    reason: str = ""
    from_refresh: int | None = None  # set by [Refresh downstream] and [Rebuild with n columns]

    @property
    def dates(self) -> tuple[date, ...]:
        """The dates people look at: `at`, or a backfill's own date."""
        return self.at or ((self.since,) if self.since else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: str  # as INFORMATION_SCHEMA writes it, with length or precision: NUMBER(38,2), VARCHAR(16777216)
    nullable: bool = True
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as the warehouse describes it; `None` in a list field means: not visible with our rights."""

    relation: Relation
    kind: Kind
    owner: str
    columns: tuple[Column, ...]
    row_count: int
    created: datetime
    last_altered: datetime
    comment: str = ""
    clustering: str = ""
    reclustering: bool = False
    retention_days: int = 1
    grants: tuple[str, ...] | None = None  # "SELECT to ROLE BI", sorted
    policies: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    streams: tuple[str, ...] | None = None
    dynamic_tables: tuple[str, ...] | None = None
    views: tuple[str, ...] | None = None  # views that read it, database.schema.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """Cheap change marker of a table, read without a scan; only compared for equality (snowflake: LAST_ALTERED is noise)."""

    last_change: str
    created: str
    last_ddl: str
    row_count: int
    owner: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a table holds: exact row count and HASH_AGG over its columns by name."""

    rows: int
    hash: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A frozen copy or the watched original: `relation`'s token and content at `taken_at`."""

    relation: Relation
    kind: Kind
    token: Token
    content: Content
    taken_at: datetime
    prod_token: Token | None = None  # baseline only: prod's token around the clone


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A column choice and where it came from: grain, date column, metrics, clock."""

    columns: tuple[str, ...]
    source: str  # "meta", "refresh.toml", "unique_key", "primary key", "uniqueness test", "found in the data", "asked", "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Comparison settings of one model after meta and refresh.toml patterns are merged (design section 4)."""

    grain: Origin
    date_column: Origin
    metrics: tuple[str, ...] = ()  # empty: every numeric column outside the grain
    sanity: dict[str, dict[str, float]] = None  # type: ignore[assignment]  # column -> {"min":, "max":}
    report_over: float = 0.01
    explain_over: float = 0.05
    top: int = 20
    min_abs: float = 0.0
    tolerance: dict[str, dict[str, float]] = None  # type: ignore[assignment]  # column -> {"rel":, "abs":}
    clock: tuple[str, ...] = ()
    spot_check: tuple[str, ...] = ()  # names of dbt analyses
    approvers: tuple[str, ...] = ()
    quorum: int | None = None

    def __post_init__(self) -> None:
        for name in ("sanity", "tolerance"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """A descendant of the model in the dbt graph."""

    unique_id: str
    name: str
    prod: Relation | None
    materialized: str
    depth: int  # 1 = reads it directly
    honours_date: bool
    uses_columns: bool | None  # reads a changed column, by name in its SQL; None: not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What resolving found, all names from dbt itself and all facts about prod from the warehouse."""

    unique_id: str
    name: str
    prod: Table
    dev: Relation
    materialized: str
    warehouse: str
    warehouse_override: bool
    vars: dict[str, object]
    parents: tuple[str, ...]  # relations the compiled SQL reads, as text, all of production
    rules: Rules
    code: str  # commit, short
    code_in_prod: bool | None  # the node's checksum equals the production manifest's; None: unknown
    dirty: bool
    reads_date: bool
    hooks: tuple[str, ...]
    skipped_hooks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    readers: tuple[Reader, ...] = ()
    siblings: int = 0  # other models that read the same sources
    compiled_sql: str = ""
    notes: tuple[str, ...] = ()
    typical_seconds: float | None = None  # median of earlier builds of this model


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    name: str
    status: str  # pass, warn, fail, error, skipped
    failures: int | None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """What dbt did, from its own run results."""

    invocation_id: str
    started: datetime
    seconds: float
    query_ids: tuple[str, ...]
    rows_affected: int | None
    tests: tuple[TestResult, ...]
    hooks: tuple[str, ...]
    dbt_version: str
    compiled_sql: str
    spot_checks: dict[str, str] = None  # type: ignore[assignment]  # analysis name -> compiled SQL

    def __post_init__(self) -> None:
        if self.spot_checks is None:
            object.__setattr__(self, "spot_checks", {})


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
    """One value that moved. `change` is relative to before; None where a value appeared or vanished."""

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
    window_rows: int
    history_rows: int
    changes: tuple[ColumnChange, ...]  # only columns with a change
    columns_compared: int
    outliers: tuple[Outlier, ...]
    groups: tuple[OutlierGroup, ...]
    headline: Headline | None
    series: Series | None
    nothing_changes: bool
    seconds: float
    statements: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    group: str  # OutlierGroup.id
    reason: str  # one of the fixed reasons, or "other"
    note: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    finding: str  # Finding.name
    reason: str
    by: Actor
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    approve: bool
    by: Actor
    at: datetime
    digest: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """The intent, committed before the statement is sent, and what became of it. Also used for an undo."""

    attempt: str  # UUID, in the query tag
    tag: str
    source: Relation  # candidate or backup
    prod_token: Token  # just before
    before: Table  # prod as it was, to verify against
    statements: tuple[str, ...]  # as sent, in order
    intended_at: datetime
    backup: Snapshot | None = None
    query_ids: tuple[str, ...] = ()
    sent_at: datetime | None = None
    after: Snapshot | None = None  # prod right after, for the undo's guard
    findings: tuple[Finding, ...] = ()  # of the verification


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRequest:
    """Who asked for the undo, and what the refresh goes back to when it is refused."""

    by: Actor
    at: datetime
    forced: bool
    was: State  # done or faulty
    problem: Problem | None  # of the faulty refresh


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a refresh failed, went stale, is faulty or needs a person; `kind` picks the sentence in `wording`."""

    kind: str
    text: str  # for people, mrkdwn
    detail: str = ""  # for the details file; no rows, no secrets
    attachment: str = ""  # e.g. compiled SQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """One request, from the command to its end: the row everything else is rendered from."""

    id: int
    state: State
    revision: int  # plus one with every stored change
    request: Request
    asker: Actor
    channel: str
    unique_id: str
    name: str  # the dbt name people read
    prod: Relation
    dev: Relation
    created_at: datetime
    changed_at: datetime
    expires_at: datetime | None = None
    cancel: Actor | None = None  # who asked for it; the running step sees it and stops
    plan: Plan | None = None
    baseline: Snapshot | None = None
    build: Build | None = None
    candidate: Snapshot | None = None
    report: Report | None = None
    statements: tuple[str, ...] = ()  # the approved list, in full, as shown before the click and sent after it
    digest: str = ""
    explanations: tuple[Explanation, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    decisions: tuple[Decision, ...] = ()
    promotion: Promotion | None = None
    undo: Promotion | None = None
    undo_request: UndoRequest | None = None
    acceptance: Decision | None = None  # of a faulty production, with the reason
    problem: Problem | None = None
    progress: str = ""  # live only: what the running step is doing
    progress_share: float | None = None  # 0 to 1, against earlier builds
    undelivered: int = 0  # live only: messages that Slack refused, said on the card

    @property
    def ref(self) -> str:
        return f"R{self.id}"

    @property
    def live(self) -> bool:
        """Holds the lock on its prod and dev relation."""
        return self.state not in ENDS
