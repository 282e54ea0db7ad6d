"""Looking for a key where none is declared: which columns to try, from how many values each has; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Any

from bot.columns import ScopedColumn, base_type, has_decimals, is_dated
from bot.days import day
from bot.scope import CLOCK_NAMES, Scope

MOST_TRIES = 8
_WIDEST = 4  # columns of one key
_CERTAIN = 0.9  # of the rows: distinct values are approximate
_POOL = 7  # columns that are combined
_ID = re.compile(r"(\A|_)(ID|KEY|HASH|ADDRESS|SYMBOL|CODE|UUID|SLUG|NAME|CHAIN|PROTOCOL|TYPE|TOKEN|CATEGORY)\Z")
_NEVER = ("VARIANT", "OBJECT", "ARRAY", "BINARY", "GEOGRAPHY", "GEOMETRY", "BOOLEAN")


def offered(scope: Scope) -> tuple[ScopedColumn, ...]:
    """Columns that can be part of a key: no float, no clock, nothing nested, no number with decimals."""
    return tuple(
        c
        for c in scope.columns
        if not (c.float_ or c.clock or c.as_text or base_type(c.type) in _NEVER or has_decimals(c.type))
    )


def tries(columns: Sequence[ScopedColumn], row: Mapping[str, Any]) -> list[tuple[ScopedColumn, ...]]:
    """At most 8 keys worth an exact look, the likeliest first: dates and ids before measures, few columns before many."""
    rows = int(row["row_count"])
    whole = [
        c
        for c in columns
        if rows and int(row[f"v{c.index}"]) == rows and not int(row[f"w{c.index}"]) and int(row[f"d{c.index}"]) > 1
    ]
    values = {c.index: int(row[f"d{c.index}"]) for c in whole}
    pool = sorted(whole, key=lambda c: (_rank(c), -values[c.index], c.index))[:_POOL]
    found: list[tuple[ScopedColumn, ...]] = []
    for size in range(1, _WIDEST + 1):
        fitting = [keys for keys in combinations(pool, size) if prod(values[c.index] for c in keys) >= _CERTAIN * rows]
        found += sorted(fitting, key=lambda keys: ([_rank(c) for c in keys], [c.index for c in keys]))
    minimal = [keys for keys in found if not any(_rank(c) == _MEASURE for c in keys)] or found
    return minimal[:MOST_TRIES]


_MEASURE = 3


def _rank(column: ScopedColumn) -> int:
    """Dates first, then what is called an id, then texts. A whole number may be a measure, some dates say when a row was written."""
    if column.name.upper() in CLOCK_NAMES:
        return _MEASURE
    if is_dated(column.type):
        return 0
    if is_id(column):
        return 1
    return _MEASURE if column.numeric else 2


def is_id(column: ScopedColumn) -> bool:
    """By its name it says which one a row is about."""
    return bool(_ID.search(column.name.upper()))


def unique(tried: Sequence[tuple[ScopedColumn, ...]], rows: Sequence[Mapping[str, Any]]) -> int | None:
    """The first of the tries that identifies every row on both sides; None: none does."""
    bad = {int(r["i"]) for r in rows if int(r["repeated"])}
    return next((i for i in range(len(tried)) if i not in bad), None)


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A key as checks/grain_proof looks at it: `block` is the column whose values lie close together, if any."""

    rest: tuple[ScopedColumn, ...]
    block: ScopedColumn | None

    @property
    def by_day(self) -> bool:
        return self.block is not None and not self.block.whole


def tried(keys: Sequence[ScopedColumn], baseline: Mapping[str, Any]) -> Tried:
    """Values that lie close together are looked at 32 at a time: whole numbers of which a day holds most, else dates.

    `baseline`: its row of checks/glance. Rows of a day mostly stand together, which makes numbers within a day the cheaper block.
    """
    days = [k for k in keys if base_type(k.type) == "DATE" and not (k.as_text or k.one_type)]
    whole = [k for k in keys if k.whole]
    narrow = [k for k in whole if _narrow(k, baseline, dated=bool(days))]
    block = next(iter((*narrow, *days, *whole)), None)
    return Tried(rest=tuple(k for k in keys if k is not block), block=block)


def _narrow(column: ScopedColumn, baseline: Mapping[str, Any], *, dated: bool) -> bool:
    """Fewer values between the least and the greatest than rows, or than rows of a day."""
    low, high = baseline.get(f"low{column.index}"), baseline.get(f"high{column.index}")
    if low is None or high is None:
        return False
    first, last = (day(baseline[f"{end}_day"]) for end in ("first", "last"))
    days = (last - first).days + 1 if dated and first and last else 1
    return (int(high) - int(low)) * days < int(baseline["row_count"])
