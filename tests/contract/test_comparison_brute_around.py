"""Random tables against plain Python for what surrounds a change: where it is, what is usual, what was left behind."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from bot import left_behind, scope
from bot.inspection import column
from bot.model import Request, Verdict
from tests.contract.brute import (
    AWKWARD,
    BACKFILL,
    CLOCK,
    DAYS,
    METRICS,
    NAMES,
    RULES,
    VALUES,
    B,
    Brute,
    C,
    M,
    Row,
    apart,
    compared,
    cut,
    fill,
    frozen,
    many,
    new,
    requests,
    row,
    same,
    sides,
    tables,
)
from tests.contract.comparisons import DirectSession, found

# Where the change is


@many
@given(tables, requests)
def test_where_the_change_is(session: DirectSession, made: Any, request_: Request) -> None:
    before, after = sides(made)
    fill(session, B, before)
    fill(session, C, after)
    report = compared(session, request_)
    brute = Brute(request_, *({(r["DAY"], r["chain"]): r for r in rows} for rows in (before, after)))
    moved = [c for _, b, c in brute.pairs(old=False) if any(apart(n, b[n], c[n], brute.allowed(n)) for n in VALUES)]
    if not moved:
        assert all(f.name != "parity:where" for f in report.findings)
        return
    where = found(report, "parity:where")
    days = sorted({r["DAY"] for r in moved})
    assert (where.numbers["rows"], where.numbers["days"]) == (len(moved), len(days))
    assert (where.numbers["first"], where.numbers["last"]) == (days[0].isoformat(), days[-1].isoformat())
    after = [r for r in after if not brute.old(r["DAY"])]  # those that may change
    wanted = []
    stays = few([r["N"] for r in before], [r["N"] for r in brute.after.values()]) and not brute.differ(old=False)["N"]
    for name in ("DAY", "chain", "T", "OK", *(["N"] if stays else [])):
        for value, n in Counter(written(r[name]) for r in moved).items():
            share = sum(written(r[name]) == value for r in after)
            if n > 1 and n >= len(moved) / 2:
                wanted.append((name, value, n, share))
    if len(days) > 1:
        span = f"{days[0]} to {days[-1]}"
        wanted.append(("DAY", span, len(moved), sum(days[0] <= r["DAY"] <= days[-1] for r in after)))
    told = [
        (*w[:3], len(moved), round(times, 2))
        for w in wanted
        if (times := w[2] / len(moved) / (w[3] / len(after))) >= 1.5
    ]
    shown = [(e["column"], e["value"], e["rows"], e["of"], e["times"]) for e in where.examples]
    assert len(shown) == min(len(told), 5)
    assert set(shown) <= set(told)


def few(*sides: list[int | None]) -> bool:
    """Numbers so close together that they tell rows apart instead of measuring them."""
    known = [[n for n in side if n is not None] for side in sides]
    return all(side and max(side) - min(side) <= 1000 for side in known)


def written(value: Any) -> str | None:
    """As the warehouse writes a place."""
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


# What is usual


NOTHING: Row = dict.fromkeys(AWKWARD)
HUGE = {(DAYS[0], "x"): 0.0, (DAYS[0], "y"): 1e308, (DAYS[1], "x"): math.inf}


@many
@given(tables)
@example({key: (NOTHING | {"F": value}, "same") for key, value in HUGE.items()})  # infinity is far from 1e308 too
def test_what_is_usual(session: DirectSession, made: Any) -> None:
    before, after = sides(made)
    fill(session, B, before)
    fill(session, C, after)
    numbers = found(compared(session, Request(model="m"), replace(RULES, sanity={})), "sanity:usual").numbers
    wanted = {"values_far": 0, "values_far_before": 0, "new_sign": 0}
    for name in METRICS:
        reference = usual(before, after, name)
        for rows, counted in ((after, "values_far"), (before, "values_far_before")):
            values = [float(r[name]) for r in rows if r[name] is not None]
            wanted[counted] += sum(not abs(v) <= min(100 * reference, 1e308) for v in values) if reference else 0
        signs = [[_sign(float(r[name])) for r in rows if r[name]] for rows in (before, after)]
        for sign in (1, -1):
            wanted["new_sign"] += signs[1].count(sign) if sign not in signs[0] and -sign in signs[0] else 0
    assert {n: numbers[n] for n in wanted} == wanted


def _sign(value: float) -> int:
    return -1 if value < 0 else 1  # NaN is greater than every number


def usual(before: list[Row], after: list[Row], name: str) -> float:
    """The quantile of what stays: rows of days that are equal, or value by value where most rows are in days that are not.

    Where that is nothing, or zero, production's largest; 0 where there is none, or it is infinite.
    """
    days: set[date] = {r["DAY"] for r in (*before, *after)}
    b, c = ({d: [r for r in rows if r["DAY"] == d] for d in days} for rows in (before, after))
    differ = {d for d in days if bucket(b[d]) != bucket(c[d])}
    if sum(len(b[d]) + len(c[d]) for d in differ) > (len(before) + len(after)) / 2:
        others = {(r["DAY"], r["chain"]): r[name] for r in after}
        kept = [r[name] for r in before if (k := (r["DAY"], r["chain"])) in others and same(r[name], others[k])]
    else:
        kept = [r[name] for r in before if r["DAY"] not in differ]
    sizes = sorted((abs(float(v)) for v in kept if v is not None), key=lambda v: (math.isnan(v), v))
    if not sizes:
        return largest(before, name)
    at = min(0.999, 1 - 2 / max(len(before), 4)) * (len(sizes) - 1)
    low, high = sizes[math.floor(at)], sizes[math.ceil(at)]
    reference = low if low == high else low + (high - low) * (at - math.floor(at))
    return reference if reference and math.isfinite(reference) else largest(before, name)


def bucket(rows: list[Row]) -> Counter[Any]:
    """The rows of a day as its hash sees them: of a clock that may move only whether it is there."""
    seen = [r | {"F": cut(r["F"]), CLOCK: r[CLOCK] is None} for r in rows]
    return frozen(seen, NAMES, soft=False)


def largest(rows: list[Row], name: str) -> float:
    """The greatest magnitude, NaN apart; 0 where it is infinite."""
    values = [abs(float(r[name])) for r in rows if r[name] is not None]
    size = max((v for v in values if not math.isnan(v)), default=0.0)
    return size if math.isfinite(size) else 0.0


# Left behind


model_rows = st.lists(st.tuples(st.sampled_from(DAYS), st.sampled_from([None, "x", "y"]), row), max_size=4)


@many
@given(tables, model_rows)
def test_what_was_left_behind(session: DirectSession, made: Any, more: Any) -> None:
    """The model returns what `made` says on the other side, and rows that may repeat a key of it or have none."""
    after, model = sides(made)
    model += [{"DAY": day, "chain": chain, **values} for day, chain, values in more]
    fill(session, C, after)
    fill(session, M, model)
    described = session.rows("checks/columns", {}, baseline=C, candidate=C)
    columns = tuple(column(r) for r in described if r["side"] == "candidate")
    about = replace(
        scope.build(C, C, (columns, columns), BACKFILL, replace(RULES, tolerance={}, clock=())), unique=True
    )
    asked = left_behind.Model(sql=f"SELECT * FROM {M.sql}", own=M, frozen=M)
    finding = left_behind.check(session, about, asked, {c.name: c for c in columns})  # pyright: ignore
    mine = {(r["DAY"], r["chain"]): r for r in after if new(r)}
    theirs = [r for r in model if new(r)]
    times = Counter((r["DAY"], r["chain"]) for r in theirs)
    pairs = [(mine[k], r) for r in theirs if (k := (r["DAY"], r["chain"])) in mine]
    differ = Counter(n for b, c in pairs for n in VALUES if apart("F" if n == "F" else "", b[n], c[n], allowed=True))
    wanted = {
        "rows": len(theirs),
        "only_candidate": len(mine.keys() - times.keys()),
        "only_model": len(theirs) - len(pairs),
        "repeated": sum(n for n in times.values() if n > 1),
        "by_column": [f"{n}: {differ[n]:,}" for n in VALUES if differ[n]],
        "columns": [n for n in VALUES if differ[n] and n.lower() not in BACKFILL.columns],
        "moved": [n for n in VALUES if differ[n] and n.lower() in BACKFILL.columns],
    }
    assert {n: finding.numbers[n] for n in wanted} == wanted
    assert (finding.verdict is Verdict.PASS) == (
        not differ and not any(wanted[n] for n in ("only_candidate", "only_model", "repeated"))
    )
