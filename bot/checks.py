"""What the warehouse counted -> findings: one function a check, verdicts and blocking exactly as design section 4; pure.

`numbers` hold counts and names, `examples` hold values of the data (withheld where values may not leave the warehouse).
Rows have lower-case keys; `h3`, `w3`, `o3` ... speak of the scope's column with index 3.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from bot.columns import NOISE, ScopedColumn, base_type, matched
from bot.days import day
from bot.model import Build, Column, ColumnChange, Finding, Mode, Side, Verdict
from bot.scope import Scope

Row = Mapping[str, Any]
Sides = Mapping[str, Row]  # "baseline" and "candidate"
Counts = Mapping[str, int]

_ENOUGH_ROWS = 0.99  # of the baseline, for a full refresh
_BLOCKING = (Verdict.FAIL, Verdict.UNKNOWN)
_LONGEST_TEXT = 200


def finding(
    check: str,
    verdict: Verdict,
    numbers: Mapping[str, object],
    *,
    name: str = "",
    waivable: bool = False,
    examples: Sequence[dict[str, object]] = (),
) -> Finding:
    """A finding that blocks when it fails or could not be decided."""
    return Finding(
        check=check,
        name=name or check,
        verdict=verdict,
        blocks=verdict in _BLOCKING,
        waivable=waivable and verdict in _BLOCKING,
        numbers=dict(numbers),
        examples=tuple(examples),
    )


def count(row: Row, name: str) -> int:
    return int(row.get(name) or 0)


def side(row: Row) -> Side:
    """What the glance saw of one of the two."""
    return Side(rows=count(row, "row_count"), first=day(row["first_day"]), last=day(row["last_day"]))


def short(text: str | None) -> str | None:
    """Documents can be long, and an example is for recognising."""
    return text if text is None or len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"


def parity_backfill(scope: Scope, sides: Sides, counts: Row, examples: Sequence[dict[str, object]] = ()) -> Finding:
    """History identical both ways; in the window no key lost, and columns outside the list as they were. Never waived.

    A sample of keys can show a difference, never that there is none.
    """
    names = ("history_differ", "history_missing", "history_extra", "window_missing", "window_outside")
    broken = any(count(counts, name) for name in names)
    base, cand = sides["baseline"], sides["candidate"]
    numbers = about(scope) | {
        "since": scope.since.isoformat() if scope.since else "",
        "history_rows": count(base, "row_count") - count(base, "window_rows"),
        "window_rows": count(cand, "window_rows"),
        **{name: count(counts, name) for name in (*names, "window_changed", "window_new")},
        "named_rows": count(counts, "named_rows"),
        "named_changed": count(counts, "named_changed"),
        "outside_columns": len(scope.outside),
        "broken_in": [c.name for c in scope.values if count(counts, f"h{c.index}")],
        "outside_in": [c.name for c in scope.outside if count(counts, f"w{c.index}")],
    }
    kept = bool(scope.keys or scope.outside) or not count(
        counts, "window_changed"
    )  # else a changed row may be a lost one
    known = scope.since is not None and scope.sample == 1 and kept
    verdict = Verdict.FAIL if broken else Verdict.PASS if known else Verdict.UNKNOWN
    return finding("parity", verdict, numbers, examples=examples if broken else ())


def parity_full(scope: Scope, sides: Sides, counts: Row, examples: Sequence[dict[str, object]] = ()) -> Finding:
    """No key removed, at least 99 % of the rows, never zero rows. Without a usable key removal cannot be known."""
    before, after = count(sides["baseline"], "row_count"), count(sides["candidate"], "row_count")
    removed = count(counts, "window_missing")
    short = after < _ENOUGH_ROWS * before or after == 0
    numbers = about(scope) | {
        "rows_before": before,
        "rows_after": after,
        "keys_removed": removed,
        "keys_added": count(counts, "window_new"),
        "rows_changed": count(counts, "window_changed"),
        "named_rows": count(counts, "named_rows"),
        "named_changed": count(counts, "named_changed"),
        **{f"{end}_{side}": str(sides[side].get(f"{end}_day") or "") for end in ("first", "last") for side in sides},
    }
    if scope.unique:  # without a key they are rows, of which the days are not asked
        numbers["keys_added_late"] = count(counts, "late_new")
    if short or (scope.unique and removed):
        return finding("parity", Verdict.FAIL, numbers, waivable=True, examples=examples)
    known = scope.sample == 1 and (scope.unique or not removed)
    verdict = Verdict.PASS if known else Verdict.UNKNOWN
    return finding("parity", verdict, numbers, waivable=True, examples=examples)


def about(scope: Scope) -> dict[str, object]:
    """How it was compared: by what key, which columns count as clocks, over which rows."""
    return {
        "method": "key" if scope.unique else "multiset",
        "grain": [c.name for c in scope.keys],
        "grain_source": scope.grain_source,
        "date_column": scope.date.name if scope.date else "",
        "date_source": scope.date_source,
        "columns": len(scope.columns),
        "clock": [c.name for c in scope.ticking],
        "clock_source": scope.clock_source,
        "sample": scope.sample,
        "tolerance_lost": [c.name for c in scope.judged if c.tolerance not in (None, NOISE) and not scope.unique],
    }


def counted(scope: Scope) -> tuple[str, ...]:
    """The counts of the join, in the order in which it returns them."""
    rows = ("history_missing", "history_extra", "window_missing", "window_new", "late_new", "history_differ")
    rows += ("window_changed", "window_outside", "named_changed", "changed_days", "changed_first", "changed_last")
    shifts = (f"{end}{c.index}" for c in scope.presumed for end in ("least", "most"))
    return (*rows, *(f"{kind}{c.index}" for c in scope.values for kind in "hwzf"), *shifts)


def left_behind(
    scope: Scope, values: Sequence[ScopedColumn], counts: Mapping[Any, int], examples: Sequence[dict[str, object]] = ()
) -> Finding:
    """The model's SELECT equals the candidate over the window. `columns`: those that would change as well."""
    differ = {c: counts[c.index] for c in values if counts[c.index]}
    numbers = {
        "columns": [c.name for c in differ if not c.allowed],
        "by_column": [f"{c.name}: {n:,}" for c, n in differ.items()],
        "moved": [c.name for c in differ if c.allowed],
        "rows": counts["rows"],
        "only_candidate": counts["only_candidate"],
        "only_model": counts["only_model"],
        "repeated": counts["repeated"],
        "columns_compared": len(values),
        "since": scope.since.isoformat() if scope.since else "",
    }
    broken = differ or any(counts[name] for name in ("only_candidate", "only_model", "repeated"))
    verdict = Verdict.FAIL if broken else Verdict.PASS
    return finding("left behind", verdict, numbers, waivable=True, examples=examples if broken else ())


def left_behind_unknown(reason: str) -> Finding:
    """The model's SELECT could not be evaluated. `reason`: no key, no date, not compiled, not readable ..."""
    return finding("left behind", Verdict.UNKNOWN, {"reason": reason, "columns": []}, waivable=True)


def multiset_counts(scope: Scope, rows: Sequence[Row]) -> dict[str, int]:
    """Counts of the multiset comparison under the names of the row-by-row one, as far as they can be known."""
    zones = {row["zone"]: row for row in rows}
    history, window, stays = (zones.get(zone, {}) for zone in ("history", "window", "stays"))
    counts = {
        "history_missing": count(history, "only_baseline"),
        "history_extra": count(history, "only_candidate"),
        "window_outside" if scope.outside else "window_missing": count(stays, "only_baseline"),
        "window_changed": min(count(window, "only_baseline"), count(window, "only_candidate")),
        "clocks_moved": max(0, count(zones.get("clocked", {}), "only_baseline") - count(window, "only_baseline")),
        "unpaired": count(history, "only_baseline") + count(window, "only_baseline"),
    }
    if scope.since and not (scope.keys or scope.outside):  # nothing tells rows apart: so many less are surely lost
        counts["window_missing"] = max(0, count(window, "only_baseline") - count(window, "only_candidate"))
    if scope.since is None:  # rows, not keys: a changed row is one gone and one new
        counts |= {"window_missing": count(window, "only_baseline"), "window_new": count(window, "only_candidate")}
    return counts


def presumed_clocks(scope: Scope, counts: Row) -> Finding | None:
    """What moved in columns of which only the name says that they are clocks; None where nothing did.

    A shift of all of them by one time is rather a time zone than the time of a rebuild.
    """
    moved = {c.name: n for c in scope.presumed if (n := count(counts, f"h{c.index}") + count(counts, f"w{c.index}"))}
    ends = {c.name: (count(counts, f"least{c.index}"), count(counts, f"most{c.index}")) for c in scope.presumed}
    rows = count(counts, "clocks_moved")
    if not (moved or rows):
        return None
    numbers: dict[str, object] = {
        "moved_by_name": [f"{name}: {n:,}" for name, n in moved.items()],
        "rows_by_name": rows,
        "columns": list(moved) or [c.name for c in scope.presumed],
        "shifted": [f"{n}: {least}" for n, (least, most) in ends.items() if n in moved and least == most != 0],
    }
    return finding("parity", Verdict.WARN, numbers, name="parity:clocks")


def changes(scope: Scope, counts: Row) -> tuple[ColumnChange, ...]:
    """Columns that changed anywhere, most rows first; clocks are left out where they were meant to move."""
    found = [
        ColumnChange(
            column=c.name,
            history=count(counts, f"h{c.index}"),
            window=count(counts, f"w{c.index}") if c in scope.judged else 0,
            allowed=c.allowed,
        )
        for c in scope.values
    ]
    return tuple(sorted((c for c in found if c.history or c.window), key=lambda c: (-c.history - c.window, c.column)))


def nothing_changes(scope: Scope, counts: Row, before: Side, after: Side) -> bool:
    """Equal apart from known clocks, which the words name, or nothing moved on the dates that were named as wrong. A sample cannot say so."""
    parts = ("history_differ", "history_missing", "history_extra", "window_missing", "window_new", "window_changed")
    parts += ("clocks_moved",)
    parts += tuple(f"z{c.index}" for c in scope.ticking)  # a clock may move, but not turn NULL
    equal = before.rows == after.rows and not any(count(counts, part) for part in parts)
    return scope.sample == 1 and (equal or (count(counts, "named_rows") > 0 and count(counts, "named_changed") == 0))


def schema(mode: Mode, listed: Sequence[str], baseline: Sequence[Column], candidate: Sequence[Column]) -> Finding:
    """Columns and types. A backfill must keep them, apart from a column added by on_schema_change."""
    old, new = {c.name: c for c in baseline}, {c.name: c for c in candidate}
    both = [(old[name], new[name]) for name in old if name in new]
    moves = {c.name: _type_move(c.type, other.type) for c, other in both}
    found: dict[str, list[str]] = {
        "dropped": [name for name in old if name not in new],
        "narrowed": [f"{n} {old[n].type} to {new[n].type}" for n, move in moves.items() if move == "narrowed"],
        "retyped": [f"{n} {old[n].type} to {new[n].type}" for n, move in moves.items() if move == "retyped"],
        "widened": [f"{n} {old[n].type} to {new[n].type}" for n, move in moves.items() if move == "widened"],
        "added": [name for name in new if name not in old],
        "nullable": [c.name for c, other in both if other.nullable and not c.nullable],
    }
    numbers = {"columns": len(both), **{name: names for name, names in found.items() if names}}
    moved_order = [n for n in old if n in new] != [n for n in new if n in old]
    if moved_order:
        numbers["reordered"] = True
    if mode is Mode.FULL_REFRESH:
        bad = found["dropped"] or found["narrowed"] or found["retyped"]
        odd = found["added"] or found["widened"] or found["nullable"] or moved_order
    else:
        bad = found["dropped"] or found["narrowed"] or found["retyped"] or found["widened"] or moved_order
        asked = matched(tuple(listed), list(old | new))
        odd = [n for n in found["added"] if n not in asked] or found["nullable"]
    verdict = Verdict.FAIL if bad else Verdict.WARN if odd else Verdict.PASS
    return finding("schema", verdict, numbers, waivable=mode is Mode.FULL_REFRESH)


def _type_move(before: str, after: str) -> str:
    """How a type changed: same, widened, narrowed, or retyped (another kind of value)."""
    if before.upper() == after.upper():
        return "same"
    if base_type(before) != base_type(after):
        return "retyped"
    old, new = _sizes(before), _sizes(after)
    if len(old) != len(new) or not old:
        return "retyped"
    if base_type(before) in ("NUMBER", "DECIMAL", "NUMERIC") and len(old) == 2:
        old, new = [old[0] - old[1], old[1]], [new[0] - new[1], new[1]]  # digits before and after the point
    return "widened" if all(n >= o for o, n in zip(old, new, strict=True)) else "narrowed"


def _sizes(text: str) -> list[int]:
    inside = text[text.find("(") + 1 : text.rfind(")")] if "(" in text else ""
    return [int(part) for part in inside.split(",") if part.strip().isdigit()]


def grain(scope: Scope, keys: Sides, sides: Sides, examples: Sequence[dict[str, object]] = ()) -> Finding:
    """No NULL or repeated key, no new NaN or infinity; what the baseline has as often, or alone, is only a warning."""
    numbers: dict[str, object] = {"grain": [c.name for c in scope.keys], "grain_source": scope.grain_source}
    worse = present = False
    for name in ("null_rows", "duplicate_keys", "duplicate_rows"):
        before, after = count(keys.get("baseline", {}), name), count(keys.get("candidate", {}), name)
        numbers |= {name: after, f"{name}_before": before}
        worse, present = worse or after > before, present or before > 0 or after > 0
    strange = {
        c.name: (count(sides["baseline"], f"n{c.index}"), count(sides["candidate"], f"n{c.index}"))
        for c in scope.floats
    }
    new_nan = [name for name, (before, after) in strange.items() if after > before]
    old_nan = [name for name, (before, after) in strange.items() if 0 < after <= before]
    numbers |= {"new_nan": new_nan, "old_nan": old_nan}
    if worse or new_nan:
        return finding("grain", Verdict.FAIL, numbers, examples=examples)
    verdict = Verdict.WARN if present or old_nan or not scope.keys else Verdict.PASS
    return finding("grain", verdict, numbers, examples=examples)


def dbt_tests(build: Build, known: Collection[str] = ()) -> Finding:
    """The model's own tests, as dbt ran them on the build. `known`: names of those that fail on the baseline as often.

    A model without tests passes none.
    """
    failing = [t for t in build.tests if t.status in ("fail", "error", "skipped")]
    bad = [t for t in failing if t.name not in known]
    warned = [t for t in build.tests if t.status == "warn"]
    numbers = {
        "tests": len(build.tests),
        "passed": len(build.tests) - len(failing) - len(warned),
        "failing": [f"{t.name}: {t.status}" + (f" {t.failures:,}" if t.failures else "") for t in bad],
        "warning": [f"{t.name}: {t.failures or 0:,}" for t in warned],
        "known": [f"{t.name}: {t.failures or 0:,}" for t in failing if t.name in known],
    }
    verdict = Verdict.FAIL if bad else Verdict.WARN if warned or known or not build.tests else Verdict.PASS
    return finding("tests", verdict, numbers, waivable=True)


def spot_missing(reason: str, analysis: str = "", *, optional: bool = False) -> Finding:
    """No spot check could be made. `reason`: none configured, not compiled, reads dev, no key, no metric ...

    `optional`: the policy lets a model go without one; one that is configured has to work.
    """
    verdict = Verdict.WARN if optional else Verdict.UNKNOWN
    numbers = {"analysis": analysis, "reason": reason}
    return finding("spot check", verdict, numbers, name=_spot_name(analysis), waivable=True)


def spot(
    analysis: str,
    rows: Sequence[Row],
    metrics: Sequence[ScopedColumn],
    keys: Sequence[str],
    *,
    unseen: Sequence[str],
    same_table: bool,
) -> Finding:
    """Source against candidate: counts of all keys, a page of rows to show. `unseen`: named dates the source lacks."""
    total, differ, lost = (count(rows[0], name) if rows else 0 for name in ("total", "differ", "not_found"))
    moved = [(row, c) for row in rows for c in metrics if row["found"] and row[f"d{c.index}"]]
    numbers = {
        "analysis": analysis,
        "rows": total,
        "values": total * len(metrics),
        "differ": differ,
        "not_found": lost,
        "unseen": list(unseen),
        "metrics": [c.name for c in metrics],
        "same_table": same_table,
    }
    shown = moved or [(row, c) for row in rows for c in metrics]
    examples = [
        {
            "key": ", ".join(str(row[f"k{i}"]) for i in range(len(keys))),
            "metric": c.name,
            "source": row[f"s{c.index}"],
            "candidate": row[f"t{c.index}"],
        }
        for row, c in shown[:10]
    ]
    verdict = Verdict.FAIL if differ or lost else Verdict.UNKNOWN if unseen or not rows else Verdict.PASS
    return finding("spot check", verdict, numbers, name=_spot_name(analysis), waivable=True, examples=examples)


def _spot_name(analysis: str) -> str:
    return f"spot check:{analysis}" if analysis else "spot check"
