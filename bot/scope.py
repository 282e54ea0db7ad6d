"""What a comparison looks at: both sides, the columns they share and what may happen to each; pure.

`sql/checks` is rendered from a Scope alone, so every check shares one idea of key, date, window and column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from bot.model import Column, Mode, Refresh, Relation, Request, Rules

_NUMERIC = (
    "NUMBER",
    "DECIMAL",
    "NUMERIC",
    "INT",
    "BIGINT",
    "SMALLINT",
    "TINYINT",
    "BYTEINT",
    "FLOAT",
    "DOUBLE",
    "REAL",
)
_FLOAT = ("FLOAT", "DOUBLE", "REAL")
_NESTED = ("VARIANT", "OBJECT", "ARRAY")
_TEXT = ("VARCHAR", "TEXT", "CHAR", "STRING")

# When a column was written, not what it says: only a fallback where nothing is configured.
CLOCK_NAMES = frozenset(
    {"CREATED_ON", "CREATED_AT", "MODIFIED_ON", "MODIFIED_AT", "UPDATED_ON", "UPDATED_AT", "INSERTED_AT", "LOADED_AT"}
    | {"_INSERTED_AT", "_LOADED_AT", "DBT_UPDATED_AT", "DBT_LOADED_AT", "INSERTED_TIMESTAMP", "MODIFIED_TIMESTAMP"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    relative: float
    absolute: float


EXACT = Tolerance(relative=0.0, absolute=0.0)
NOISE = Tolerance(relative=1e-9, absolute=0.0)  # sums of floats differ from run to run


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopedColumn:
    """A column on both sides; `index` is its name in the statements (c0, c1 ...)."""

    index: int
    name: str
    type: str  # on the baseline
    key: bool
    clock: bool
    allowed: bool  # may change in the window: listed in backfill_columns, none listed, or a full refresh
    tolerance: Tolerance | None
    as_text: bool  # the two sides have different kinds of type
    as_json: bool

    @property
    def numeric(self) -> bool:
        return is_numeric(self.type) and not self.as_text

    @property
    def float_(self) -> bool:
        return base_type(self.type) in _FLOAT and not self.as_text


@dataclass(frozen=True, kw_only=True)
class Zone:
    """One multiset to compare where there is no usable key. `rows`: all, history or window."""

    name: str
    rows: str
    columns: tuple[ScopedColumn, ...]


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Two tables side by side. `since` splits history from window; None: everything is window (full refresh)."""

    mode: Mode
    baseline: Relation
    candidate: Relation
    columns: tuple[ScopedColumn, ...]
    keys: tuple[ScopedColumn, ...]  # the claimed grain; empty: none
    date: ScopedColumn | None
    since: date | None
    named: tuple[date, ...]
    metric_names: tuple[str, ...]  # configured; empty: every number
    unique: bool = False  # the grain was found NULL-free and unique on both sides

    @cached_property
    def values(self) -> tuple[ScopedColumn, ...]:
        """Every column outside the key."""
        return tuple(c for c in self.columns if not c.key)

    @cached_property
    def judged(self) -> tuple[ScopedColumn, ...]:
        """Columns whose change counts in the window: clocks that were meant to move are left out."""
        return tuple(c for c in self.values if not (c.clock and c.allowed))

    @cached_property
    def outside(self) -> tuple[ScopedColumn, ...]:
        """Columns that were to stay as they are, in the window too."""
        return tuple(c for c in self.values if not c.allowed)

    @cached_property
    def metrics(self) -> tuple[ScopedColumn, ...]:
        numbers = [c for c in self.values if c.numeric and not c.clock and c is not self.date]
        return tuple(c for c in numbers if not self.metric_names or c.name in self.metric_names)

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
        if self.since is None:
            return (Zone(name="window", rows="all", columns=tuple(c for c in self.columns if not c.clock)),)
        stays = (*self.keys, *self.outside)
        return (
            Zone(name="history", rows="history", columns=self.columns),
            Zone(name="window", rows="window", columns=(*self.keys, *self.judged)),
            *((Zone(name="stays", rows="window", columns=stays),) if stays else ()),
        )

    @cached_property
    def binds(self) -> dict[str, object]:
        """Every value the statements may name; rendering decides which are used."""
        found: dict[str, object] = {"since": self.since} if self.since else {}
        found |= {f"named_{i}": day for i, day in enumerate(self.named)}
        for column in self.columns:
            if column.tolerance:
                found[f"rel_{column.index}"] = column.tolerance.relative
                found[f"abs_{column.index}"] = column.tolerance.absolute
        return found

    def column(self, name: str) -> ScopedColumn | None:
        wanted = match(name, [c.name for c in self.columns])
        return next((c for c in self.columns if c.name == wanted), None)


def base_type(text: str) -> str:
    """`NUMBER(38,2)` -> `NUMBER`."""
    return re.split(r"[(\s]", text.strip().upper(), maxsplit=1)[0]


def is_numeric(text: str) -> bool:
    return base_type(text) in _NUMERIC


def is_dated(text: str) -> bool:
    return base_type(text) == "DATE" or base_type(text).startswith("TIMESTAMP")


def match(name: str, names: list[str]) -> str | None:
    """A column by the name people write: exactly, else in any case where only one fits."""
    if name in names:
        return name
    folded = [n for n in names if n.upper() == name.upper()]
    return folded[0] if len(folded) == 1 else None


def build(refresh: Refresh, baseline: tuple[Column, ...], candidate: tuple[Column, ...]) -> Scope:
    """The scope of a refresh whose baseline and candidate are frozen; columns of one side only are left out."""
    if not (refresh.plan and refresh.baseline and refresh.candidate):
        raise ValueError(f"{refresh.ref} has nothing frozen to compare")
    rules, request = refresh.plan.rules, refresh.request
    names = [c.name for c in baseline]
    other = {c.name: c for c in candidate}
    keys = _matched(rules.grain.columns, names)
    keys = keys if len(keys) == len(rules.grain.columns) and all(k in other for k in keys) else ()
    shared = [c for c in baseline if c.name in other]
    columns = tuple(_scoped(i, c, other[c.name], keys, rules, request) for i, c in enumerate(shared))
    by_name = {c.name: c for c in columns}
    dated = _date_column(rules, columns)
    return Scope(
        mode=request.mode,
        baseline=refresh.baseline.relation,
        candidate=refresh.candidate.relation,
        columns=columns,
        keys=tuple(by_name[k] for k in keys),
        date=dated,
        since=request.since if request.mode is Mode.BACKFILL and dated else None,
        named=request.dates,
        metric_names=_matched(rules.metrics, names),
    )


def _matched(wanted: tuple[str, ...], names: list[str]) -> tuple[str, ...]:
    return tuple(found for name in wanted if (found := match(name, names)))


def _scoped(
    index: int, column: Column, other: Column, keys: tuple[str, ...], rules: Rules, request: Request
) -> ScopedColumn:
    listed = _matched(request.columns, [column.name])
    allowed = request.mode is Mode.FULL_REFRESH or not request.columns or bool(listed)
    clock = bool(_matched(rules.clock, [column.name])) if rules.clock else column.name.upper() in CLOCK_NAMES
    as_text = _family(column.type) != _family(other.type)
    return ScopedColumn(
        index=index,
        name=column.name,
        type=column.type,
        key=column.name in keys,
        clock=clock,
        allowed=allowed,
        tolerance=_tolerance(column, other, rules) if allowed and not as_text else None,
        as_text=as_text,
        as_json=not as_text and base_type(column.type) in _NESTED,
    )


def _tolerance(column: Column, other: Column, rules: Rules) -> Tolerance | None:
    if not is_numeric(column.type):
        return None
    for name, given in rules.tolerance.items():
        if match(name, [column.name]):
            return Tolerance(relative=float(given.get("rel", 0.0)), absolute=float(given.get("abs", 0.0)))
    if base_type(column.type) in _FLOAT or base_type(other.type) in _FLOAT:
        return NOISE
    return None


def _family(text: str) -> str:
    base = base_type(text)
    if is_numeric(text):
        return "number"
    return "text" if base in _TEXT else base


def _date_column(rules: Rules, columns: tuple[ScopedColumn, ...]) -> ScopedColumn | None:
    """The configured date column, else the only date of the grain."""
    for name in rules.date_column.columns:
        for column in columns:
            if match(name, [column.name]):
                return column
    dates = [c for c in columns if c.key and is_dated(c.type)]
    return dates[0] if len(dates) == 1 else None
