"""What a comparison looks at: both sides, the columns they share and what may happen to each; pure.

`sql/checks` is rendered from a Scope alone, so every check shares one idea of key, date, window and column.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from bot.columns import ScopedColumn, base_type, is_dated, match, matched, scoped, spelled
from bot.model import Column, Mode, Origin, Relation, Request, Rules

# What is usually called so says when a row was written, not what it says. A name proves nothing.
CLOCK_NAMES = frozenset(
    {"CREATED_ON", "CREATED_AT", "MODIFIED_ON", "MODIFIED_AT", "UPDATED_ON", "UPDATED_AT", "INSERTED_AT", "LOADED_AT"}
    | {"_INSERTED_AT", "_LOADED_AT", "DBT_UPDATED_AT", "DBT_LOADED_AT", "INSERTED_TIMESTAMP", "MODIFIED_TIMESTAMP"}
)


UNDATED = -1_000_000  # days since 1970: far from every date
_COUNTABLE = 2**63
_DIGITS = 38  # of a NUMBER


@dataclass(frozen=True, kw_only=True)
class Zone:
    """One multiset to compare where there is no usable key. `rows`: all, history or window."""

    name: str
    rows: str
    columns: tuple[ScopedColumn, ...]


@dataclass(frozen=True)
class Filtered:
    """The rows of a table for which a condition holds, in the place of the table."""

    relation: Relation
    where: str

    @property
    def sql(self) -> str:
        return f"(SELECT * FROM {self.relation.sql} WHERE ({self.where}))"


@dataclass(frozen=True, kw_only=True)
class Suspects:
    """The buckets that differ, left in the warehouse as the result of the statement `proof`."""

    proof: str  # query id
    rows: int  # of both sides, in these buckets
    first: date | None = None  # days of these buckets; None where they are not by day
    last: date | None = None


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Two tables side by side. `since` splits history from window; None: everything is window (full refresh)."""

    mode: Mode
    baseline: Relation | Filtered
    candidate: Relation | Filtered
    columns: tuple[ScopedColumn, ...]
    keys: tuple[ScopedColumn, ...]  # the claimed grain; empty: none
    date: ScopedColumn | None
    since: date | None
    named: tuple[date, ...]
    metric_names: tuple[str, ...]  # configured; empty: every number
    filled: bool = False  # no column of the key is NULL, on either side
    bounded: tuple[
        int, ...
    ] = ()  # floats that can be cut without overflow: finite on both sides, and far from the greatest
    vast: tuple[int, ...] = ()  # numbers whose sum may have more digits than fit a NUMBER
    unique: bool = False  # the grain was found NULL-free and unique on both sides
    grain_source: str = "none"
    date_source: str = "none"
    clock_source: str = "none"
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # the team's, by column
    appended: tuple[ScopedColumn, ...] = ()  # of the candidate alone: production has nothing to compare them with
    parts: int = 1  # parts of a bucket's hash, a power of two
    suspects: Suspects | None = None  # None: every row is joined
    sample: int = 1  # one key in so many is joined; the same keys on both sides
    last_day: date | None = None  # of the baseline
    changed_from: date | None = None  # the first day of a bucket that differs; None: nothing does, or it is not known

    @property
    def by_day(self) -> bool:
        """Buckets follow the day, where its column says something about the row: recent changes are then in few of them."""
        return self.date is not None and not self.date.softened

    @property
    def undated(self) -> int:
        """The day of a row without a date."""
        return UNDATED

    @property
    def key_bound(self) -> bool:
        """The bucket follows from the key alone, so that a repeated key is in one bucket.

        One instant is two days where TIMESTAMP_TZ writes it with two offsets.
        """
        return not self.by_day or (
            self.date is not None and self.date.key and base_type(self.date.type) != "TIMESTAMP_TZ"
        )

    @cached_property
    def hashed_keys(self) -> tuple[ScopedColumn, ...]:
        return tuple(k for k in self.keys if not (self.by_day and k is self.date)) or self.keys

    @cached_property
    def counters(self) -> tuple[ScopedColumn, ...]:
        """Whole numbers of the key: their low bits spread rows as well as a hash would."""
        return tuple(k for k in self.hashed_keys if k.whole)

    @cached_property
    def undecided(self) -> tuple[ScopedColumn, ...]:
        """Timestamps that may turn out to say when a row was written."""
        return tuple(
            c
            for c in self.values
            if is_dated(c.type) and not (c.clock or c.as_text) and c.allowed and c is not self.date
        )

    @cached_property
    def presumed(self) -> tuple[ScopedColumn, ...]:
        """Columns whose name alone says that they tell when a row was written: compared, and what moved is said apart."""
        named = (c for c in self.values if c.allowed and c.name.upper() in CLOCK_NAMES and is_dated(c.type))
        return tuple(c for c in named if not (c.clock or c.as_text) and c is not self.date)

    @cached_property
    def loose(self) -> tuple[ScopedColumn, ...]:
        """Columns that say nothing about which rows are the same ones, where no key does."""
        return (*self.ticking, *self.presumed)

    @cached_property
    def values(self) -> tuple[ScopedColumn, ...]:
        """Every column outside the key."""
        return tuple(c for c in self.columns if not c.key)

    @cached_property
    def judged(self) -> tuple[ScopedColumn, ...]:
        """Columns whose change counts in the window: clocks that were meant to move are left out."""
        return tuple(c for c in self.values if not (c.clock and c.allowed))

    @cached_property
    def ticking(self) -> tuple[ScopedColumn, ...]:
        """Clocks that may move, so that of their values only a NULL counts."""
        return tuple(c for c in self.values if c.clock and c.allowed)

    @cached_property
    def outside(self) -> tuple[ScopedColumn, ...]:
        """Columns that were to stay as they are, in the window too."""
        return tuple(c for c in self.values if not c.allowed)

    @cached_property
    def metrics(self) -> tuple[ScopedColumn, ...]:
        numbers = [c for c in self.values if c.numeric and not c.clock and c is not self.date]
        return tuple(c for c in numbers if not self.metric_names or c.name in self.metric_names)

    @cached_property
    def measured(self) -> tuple[ScopedColumn, ...]:
        """Columns whose least and greatest value is asked for; of a key only a float, which may be NaN, and whole numbers."""
        return tuple(c for c in self.columns if c.numeric and c is not self.date and (c.float_ or c.whole or not c.key))

    @cached_property
    def floats(self) -> tuple[ScopedColumn, ...]:
        return tuple(c for c in self.columns if c.float_)

    @property
    def pair_keys(self) -> tuple[ScopedColumn, ...]:
        """What two values are paired on: the grain, else the day; empty: they cannot be paired."""
        if self.unique:
            return self.keys
        return (self.date,) if self.date else ()

    @cached_property
    def zones(self) -> tuple[Zone, ...]:
        """The multisets of a comparison without a usable key."""
        rows = "all" if self.since is None else "window"
        compared = tuple(c for c in self.columns if not c.clock) if self.since is None else (*self.keys, *self.judged)
        window = Zone(name="window", rows=rows, columns=tuple(c for c in compared if c not in self.presumed))
        clocked = (Zone(name="clocked", rows=rows, columns=compared),) if self.presumed else ()
        if self.since is None:
            return (window, *clocked)
        stays = (*self.keys, *self.outside)
        return (
            Zone(name="history", rows="history", columns=self.columns),
            window,
            *clocked,
            *((Zone(name="stays", rows="window", columns=stays),) if stays else ()),
        )

    @cached_property
    def binds(self) -> dict[str, object]:
        """Every value the statements may name; rendering decides which are used."""
        found: dict[str, object] = {"since": self.since} if self.since else {}
        found |= {f"named_{i}": day for i, day in enumerate(self.named)}
        found |= {"last_day": self.last_day or date.max}
        if self.suspects:
            found |= {"proof": self.suspects.proof}
            found |= {"suspect_first": self.suspects.first, "suspect_last": self.suspects.last}
        for column in self.columns:
            if column.tolerance:
                found[f"rel_{column.index}"] = column.tolerance.relative
                found[f"abs_{column.index}"] = column.tolerance.absolute
        return found

    def column(self, name: str) -> ScopedColumn | None:
        wanted = match(name, [c.name for c in self.columns])
        return next((c for c in self.columns if c.name == wanted), None)


def build(
    baseline: Relation | Filtered,
    candidate: Relation | Filtered,
    columns: tuple[tuple[Column, ...], tuple[Column, ...]],
    request: Request,
    rules: Rules,
    written: frozenset[str] = frozenset(),
) -> Scope:
    """The scope of two frozen tables; columns of one side only are left out.

    `written`: columns that the model's own SQL fills with the current time.
    """
    before, after = columns
    names = [c.name for c in before]
    other = {c.name: c for c in after}
    keys = matched(rules.grain.columns, names)
    keys = keys if len(keys) == len(rules.grain.columns) and all(k in other for k in keys) else ()
    clocks = _clocks(rules, names, written)
    new = [name for name in other if name not in names]
    ticking = (*clocks.columns, *_clocks(rules, new, written).columns)
    looked_at = _looked_at(before, after, keys, ticking, request, rules)
    made = tuple(c for c in looked_at if c.name in names)
    dated, source = _date_column(rules, names, made)
    return Scope(
        mode=request.mode,
        baseline=baseline,
        candidate=candidate,
        columns=made,
        keys=tuple(next(c for c in made if c.name == k) for k in keys),
        date=dated,
        since=request.since if request.mode is Mode.BACKFILL and dated else None,
        named=request.dates,
        metric_names=matched(rules.metrics, names),
        grain_source=rules.grain.source if keys else "none",
        date_source=source,
        clock_source=clocks.source,
        appended=looked_at[len(made) :],
        limits=spelled(rules.sanity, names),
    )


def with_grain(scope: Scope, names: tuple[str, ...], source: str) -> Scope:
    """The scope with another key. A date that is known stays: the glance has read its days before a key is looked for."""
    columns = tuple(replace(c, key=c.name in names) for c in scope.columns)
    keys = tuple(next(c for c in columns if c.name == name) for name in names)
    return replace(_with_columns(scope, columns), keys=keys, grain_source=source)


def with_date_of_key(scope: Scope) -> Scope:
    """The scope dated by the only date of its key, where it had none; what the glance has read of days is over then.

    A backfill is not: a guess must not say where the history ends that has to stay as it is.
    """
    dates = [c for c in scope.keys if is_dated(c.type) and c.name.upper() not in CLOCK_NAMES]
    if scope.date or scope.mode is Mode.BACKFILL or len(dates) != 1:
        return scope
    return replace(scope, date=dates[0], date_source=scope.grain_source)


def with_clocks(scope: Scope, names: tuple[str, ...], source: str) -> Scope:
    """The scope with more columns known to say when a row was written."""
    columns = tuple(replace(c, clock=c.clock or c.name in names) for c in scope.columns)
    return replace(_with_columns(scope, columns), clock_source=source)


def with_extremes(scope: Scope, sides: Iterable[Mapping[str, Any]]) -> Scope:
    """The scope that knows how large its numbers are. `sides`: rows of checks/glance.

    A whole number of more than 63 bits is no number to count bits of.
    """
    columns, vast = scope.columns, scope.vast
    for row in sides:
        rows = len(str(row["row_count"]))
        ends = {c: [Decimal(str(v)) for e in ("low", "high") if (v := row.get(f"{e}{c.index}"))] for c in columns}
        vast += tuple(c.index for c in columns if any(rows + len(v.as_tuple().digits) > _DIGITS for v in ends[c]))
        columns = tuple(replace(c, whole=c.whole and all(abs(v) < _COUNTABLE for v in ends[c])) for c in columns)
    return replace(_with_columns(scope, columns), vast=vast)


def _with_columns(scope: Scope, columns: tuple[ScopedColumn, ...]) -> Scope:
    """The same columns, of which more is known."""
    by_name = {c.name: c for c in columns}
    keys = tuple(by_name[k.name] for k in scope.keys)
    return replace(scope, columns=columns, keys=keys, date=by_name[scope.date.name] if scope.date else None)


def _looked_at(
    before: tuple[Column, ...],
    after: tuple[Column, ...],
    keys: tuple[str, ...],
    clocks: tuple[str, ...],
    request: Request,
    rules: Rules,
) -> tuple[ScopedColumn, ...]:
    """What both sides have, then what only the candidate has. What was asked for may change in the window, else everything."""
    old, other = [c.name for c in before], {c.name: c for c in after}
    found = [*(c for c in before if c.name in other), *(c for c in after if c.name not in old)]
    tolerances = spelled(rules.tolerance, old)
    everything = request.mode is Mode.FULL_REFRESH or not request.columns
    may = [c.name for c in found] if everything else matched(request.columns, [*old, *(other.keys() - old)])
    return tuple(
        scoped(i, c, other[c.name], keys, clocks, tolerances, allowed=c.name in may) for i, c in enumerate(found)
    )


def _clocks(rules: Rules, names: list[str], written: frozenset[str]) -> Origin:
    """Configured, else those that the model's SQL fills with the current time; the data tells of others later."""
    if rules.clock:
        return Origin(columns=matched(rules.clock, names), source="settings")
    found = tuple(n for n in names if n.upper() in {w.upper() for w in written})
    return Origin(columns=found, source="the model's SQL") if found else Origin(columns=(), source="none")


def _date_column(rules: Rules, names: list[str], columns: tuple[ScopedColumn, ...]) -> tuple[ScopedColumn | None, str]:
    """The configured date column, else the only date of the grain, else the only date of the table that is no clock."""
    for name in rules.date_column.columns:
        for column in columns:
            if match(name, names) == column.name:
                return column, rules.date_column.source
    dates = [c for c in columns if c.key and is_dated(c.type)]
    if len(dates) == 1:
        return dates[0], rules.grain.source
    dates = [c for c in columns if base_type(c.type) == "DATE" and not (c.as_text or c.clock)]
    dates = [c for c in dates if c.name.upper() not in CLOCK_NAMES]
    return (dates[0], "the only date") if len(dates) == 1 else (None, "none")
