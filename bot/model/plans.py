"""What was asked, by whom, what resolving found, and what dbt did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from bot.model.states import Mode
from bot.model.tables import Relation, Table, Token


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

    def without(self, columns: Iterable[str]) -> tuple[str, ...]:
        """Those of `columns` that `self.columns` does not name, in any case."""
        has = {name.upper() for name in self.columns}
        return tuple(name for name in columns if name.upper() not in has)


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
    sanity: dict[str, dict[str, float]] = field(default_factory=dict)  # column -> {"min":, "max":}
    report_over: float = 0.01
    explain_over: float = 0.05
    top: int = 20
    min_abs: float = 0.0
    tolerance: dict[str, dict[str, float]] = field(default_factory=dict)  # column -> {"rel":, "abs":}
    clock: tuple[str, ...] = ()
    spot_check: tuple[str, ...] = ()  # names of dbt analyses
    approvers: tuple[str, ...] = ()  # of the model's YAML alone: who may really approve is `policy.approvers`
    quorum: int | None = None  # likewise


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
    by_name: bool = False  # by a literal name or as a source, so that dbt's own selectors do not see it


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """A dashboard, notebook or the like that dbt knows of, as declared: what people look at."""

    name: str
    type: str
    owner: str  # a name, else an e-mail address
    reads: tuple[str, ...]  # unique ids


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
    exposures: tuple[Exposure, ...] = ()  # of the model or of what is downstream
    siblings: int = 0  # other models that read the same sources
    compiled_sql: str = ""
    notes: tuple[str, ...] = ()
    mentions_target: bool = False  # its code, or a macro it uses, may read less in dev than in production
    kept_clocks: tuple[
        str, ...
    ] = ()  # not in `columns=`, so they keep prod's value although an ordinary run writes them
    typical_seconds: float | None = None  # median of earlier builds of this model


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    name: str
    status: str  # pass, warn, fail, error, skipped
    failures: int | None  # `fail_calc` of the rows that the test returns, of at most `limit` rows
    fail_calc: str = ""  # as configured; empty: not known
    limit: int | None = None
    message: str = ""
    sql: str = ""  # as compiled; only of a test that fails


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
    left: Token | None = None  # of the dev table, as dbt's own process saw it right after the model was built
    spot_checks: dict[str, str] = field(default_factory=dict)  # analysis name -> compiled SQL
