"""Where the change is: values of low-cardinality columns that hold more than their share of the changed rows; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot import days
from bot.checks import count, finding, short
from bot.columns import ScopedColumn, base_type, is_dated
from bot.grain import is_id
from bot.model import Finding, Verdict
from bot.scope import Scope

_MOST_COLUMNS = 12
_MOST_SHOWN = 5
_HALF = 0.5  # of the changed rows: less is no place
_MORE = 1.5  # times its share of all rows
_FEW = 1000  # between the least and the greatest of a number that tells rows apart
_KINDS = ("VARCHAR", "TEXT", "CHAR", "STRING", "BOOLEAN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A value that holds `rows` of the changed rows, `times` as many as its share of the table would."""

    column: str
    value: str | None  # None: NULL
    rows: int
    times: float


def columns(scope: Scope, sides: Mapping[str, Mapping[str, Any]]) -> tuple[ScopedColumn, ...]:
    """What rows are told apart by: dates, texts, booleans, and whole numbers that measure nothing; those of the key first.

    A key of one column is left out: each of its values is in one row. `sides`: what checks/glance returned.
    """
    fitting = [c for c in scope.columns if _tells(scope, c, sides) and not (c.as_text or scope.keys == (c,))]
    return tuple(sorted(fitting, key=lambda c: (c != scope.date, not c.key, c.numeric, c.index))[:_MOST_COLUMNS])


def _tells(scope: Scope, column: ScopedColumn, sides: Mapping[str, Mapping[str, Any]]) -> bool:
    if column == scope.date or column.clock:
        return column == scope.date
    if column.whole:
        return column not in scope.metrics or is_id(column) or all(_few(row, column.index) for row in sides.values())
    return base_type(column.type) in (*_KINDS, "DATE")


def _few(row: Mapping[str, Any], index: int) -> bool:
    low, high = row[f"low{index}"], row[f"high{index}"]
    return low is not None and int(high) - int(low) <= _FEW


def held(
    scope: Scope, rows: Sequence[Mapping[str, Any]], counts: Mapping[str, Any]
) -> list[tuple[ScopedColumn, list[str | None]]]:
    """Values with at least half of the changed rows, whose share of the table is worth asking for; None is NULL.

    What a number or another date than that of the scope became is the change, not its place.
    """
    by_index = {c.index: c for c in scope.columns if not (_measures(scope, c) and count(counts, f"w{c.index}"))}
    found: dict[int, list[str | None]] = defaultdict(list)
    for row in rows:
        column = by_index.get(int(row["i"]))
        most = int(row["n"]) > 1 and int(row["n"]) >= _HALF * count(counts, "window_changed")
        if column and most and (row["text"] is None or not is_dated(column.type) or days.fits(row["text"])):
            found[column.index].append(row["text"])
    return [(by_index[i], values) for i, values in sorted(found.items())]


def _measures(scope: Scope, column: ScopedColumn) -> bool:
    return column.numeric or (is_dated(column.type) and column != scope.date)


def span(scope: Scope, counts: Mapping[str, Any]) -> dict[str, str]:
    """First and last day of the changed rows as binds, where there are several; none without a date."""
    if not scope.date or count(counts, "changed_days") < 2:
        return {}
    found = {f"moved_{end}": _day(counts, f"changed_{end}") for end in ("first", "last")}
    return found if all(found.values()) else {}


def places(
    scope: Scope, rows: Sequence[Mapping[str, Any]], seen: Sequence[Mapping[str, Any]], counts: Mapping[str, Any]
) -> tuple[Place, ...]:
    """Those that hold clearly more than their share, most changed rows first. `seen`: what checks/context returned."""
    changed = count(counts, "window_changed")
    shares = [row for row in seen if row["part"] == "shares"]
    total = next((int(s["n"]) for s in shares if s["i"] is None), 0)
    in_table = {(int(s["i"]), s["text"]): int(s["n"]) for s in shares if s["i"] is not None}
    names = {c.index: c.name for c in scope.columns}
    found = [(names[int(r["i"])], r["text"], int(r["n"]), in_table.get((int(r["i"]), r["text"]), 0)) for r in rows]
    if scope.date and (moved := span(scope, counts)):
        among = next((int(row["n"]) for row in seen if row["part"] == "span"), 0)
        found.append((scope.date.name, " to ".join(moved.values()), changed, among))
    told = [
        Place(column=name, value=value, rows=n, times=round(n / changed / (share / total), 2))
        for name, value, n, share in found
        if share and n / changed / (share / total) >= _MORE
    ]
    return tuple(sorted(told, key=lambda p: (-p.rows, -p.times, p.column))[:_MOST_SHOWN])


def where(counts: Mapping[str, Any], found: Sequence[Place]) -> Finding:
    """The changed rows by date and by value; it judges nothing. Values of the data are examples, so they can be withheld."""
    changed = count(counts, "window_changed")
    dated = count(counts, "changed_days")
    numbers: dict[str, object] = {
        "rows": changed,
        "days": dated,
        "first": _day(counts, "changed_first") if dated else "",
        "last": _day(counts, "changed_last") if dated else "",
        "columns": [p.column for p in found],
    }
    examples = [
        {"column": p.column, "value": short(p.value), "rows": p.rows, "of": changed, "times": p.times} for p in found
    ]
    return finding("parity", Verdict.PASS, numbers, name="parity:where", examples=examples)


def _day(counts: Mapping[str, Any], name: str) -> str:
    """ "" for one that Python has no date for."""
    found = days.numbered(count(counts, name))
    return found.isoformat() if found else ""
