"""The proof and the key: which rows may differ, and whether the key tells rows apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bot import buckets, grain, scope
from bot.asking import Asking, Row, Sides
from bot.checks import count
from bot.days import day
from bot.scope import Scope

FOUND = "found in the data"
_GREATEST = 1e290  # times 2^17 it is still a float
_MOST_OTHERS = 2  # keys that are tried where the first does not pair all rows
_PROBLEMS = ("null_rows", "duplicate_keys")


@dataclass(frozen=True, kw_only=True)
class Proof:
    """The scope with its key judged and its differing buckets named; `rows_in`: rows of both sides that are in these."""

    scope: Scope
    rows_in: int
    counts: Sides = field(default_factory=dict)  # of NULL and repeated keys, where there are any
    examples: tuple[Row, ...] = ()


def proven(asking: Asking, about: Scope, sides: Sides) -> Proof:
    """What is equal, by the hashes of buckets, and whether the key of `about` (as it is declared or found) identifies rows."""
    about, rows_in = _bucketed(asking, about, sides)
    if not about.keys or about.grain_source == FOUND:
        return Proof(scope=replace(about, unique=bool(about.keys)), rows_in=rows_in)
    if _identifies(asking, about, sides, rows_in):
        return Proof(scope=replace(about, unique=True), rows_in=rows_in)
    rows = asking.rows("checks/grain", about)
    counts = {row["side"]: row for row in rows if row["side"] != "example"}
    bad = any(count(row, name) for row in counts.values() for name in _PROBLEMS)
    examples = tuple(row for row in rows if row["side"] == "example")
    return Proof(scope=replace(about, unique=not bad), rows_in=rows_in, counts=counts, examples=examples)


def discovered(asking: Asking, about: Scope, sides: Sides) -> Scope:
    """A key found in the data: one look at how many values each column has, then exact tries."""
    offered = grain.offered(about)
    if not offered:
        return about
    likely = grain.tries(offered, asking.rows("checks/distinct", about, offered=offered)[0])
    for batch in (likely[:2], likely[2:]):
        if batch:
            tries = [grain.tried(keys, sides["baseline"]) for keys in batch]
            rows = asking.rows("checks/grain_proof", about, tries=tries, read=("baseline", "candidate"))
            place = grain.unique(batch, rows)
            if place is not None:
                return scope.with_grain(about, tuple(c.name for c in batch[place]), FOUND)
    return about


def others(asking: Asking, about: Scope, sides: Sides) -> Iterator[Scope]:
    """Other keys that identify every row on both sides, the likeliest first, where rows of `about` are not paired."""
    first = {k.name for k in about.keys}
    offered = grain.offered(about)
    likely = grain.tries(offered, asking.rows("checks/distinct", about, offered=offered)[0]) if offered else []
    likely = [names for names in likely if not first <= {c.name for c in names}][:_MOST_OTHERS]
    if not likely:
        return
    tries = [grain.tried(columns, sides["baseline"]) for columns in likely]
    whole = replace(about, suspects=None)
    rows = asking.rows("checks/grain_proof", whole, tries=tries, read=("baseline", "candidate"))
    repeated = {int(row["i"]) for row in rows if int(row["repeated"])}
    for i, columns in enumerate(likely):
        if i not in repeated:
            yield replace(scope.with_grain(whole, tuple(c.name for c in columns), FOUND), unique=True)


def _bucketed(asking: Asking, about: Scope, sides: Sides) -> tuple[Scope, int]:
    base, cand = sides["baseline"], sides["candidate"]
    rows, others = count(base, "row_count"), count(cand, "row_count")
    first, last = (day(base[f"{end}_day"]) for end in ("first", "last"))
    filled = all(count(row, "whole_keys") == count(row, "row_count") for row in sides.values())
    bounded = tuple(c.index for c in about.floats if all(_bounded(row, c.index) for row in sides.values()))
    about = buckets.parted(
        replace(about, filled=filled, bounded=bounded),
        max(rows, others),
        (last - first).days + 1 if first and last else 1,
    )
    found = asking.rows("checks/proof", about, {"most": buckets.MOST + 1})
    about = buckets.suspected(about, found, asking.session.query_ids[-1], rows + others)
    return about, about.suspects.rows if about.suspects else rows + others


def _bounded(row: Row, index: int) -> bool:
    """By its extremes, of which infinity is one and NaN the greatest."""
    ends = (row.get(f"low{index}"), row.get(f"high{index}"))
    return all(end is None or abs(float(end)) < _GREATEST for end in ends)


def _identifies(asking: Asking, about: Scope, sides: Sides, rows_in: int) -> bool:
    """No key column is NULL and no key repeated. False: that is not certain."""
    if not about.filled:
        return False
    read = ("baseline", "candidate") if rows_in else ("baseline",)
    tries = [grain.tried(about.keys, sides["baseline"])]
    rows = asking.rows("checks/grain_proof", about, tries=tries, read=read)
    return not any(count(row, "repeated") for row in rows)
