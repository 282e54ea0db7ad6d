"""Values that production has and the candidate has not, where the columns may change: row by row, or without pairs; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.checks import Row, count, finding
from bot.columns import ScopedColumn
from bot.model import Finding, Verdict
from bot.scope import Scope


def columns(scope: Scope) -> tuple[ScopedColumn, ...]:
    """Those whose values may change, apart from what may be a clock."""
    return tuple(c for c in scope.judged if c.allowed and c not in scope.presumed)


def paired(scope: Scope, counts: Row, unseen: Mapping[str, object]) -> Finding:
    """By the key: each value with itself. A sample of keys can show one that turned NULL, never that none did.

    `unseen`: numbers of the rows that the key does not pair, and what is known of them; empty where it pairs all.
    """
    lost = {c.name: n for c in (*columns(scope), *scope.loose) if (n := count(counts, f"z{c.index}"))}
    filled = {c.name: n for c in columns(scope) if (n := count(counts, f"f{c.index}"))}
    verdict = Verdict.FAIL if lost else Verdict.UNKNOWN if unseen or scope.sample > 1 else Verdict.PASS
    return _finding(verdict, lost, filled, sample=scope.sample, **unseen)


def unpaired(scope: Scope, rows: Sequence[Row]) -> Finding:
    """From the rows that one side has and the other has not (checks/multiset), where no key says which belong together.

    More NULLs among the candidate's than among production's, and than there are rows more, have to come from values.
    Fewer can: that is unknown, unless nothing is gone, or what is gone had no value there.
    """
    window: Row = next((row for row in rows if row["zone"] == "window"), {})
    gone, come = count(window, "only_baseline"), count(window, "only_candidate")
    lost: dict[str, int] = {}
    filled: dict[str, int] = {}
    unknown: list[str] = []
    for column in columns(scope):
        before, after = count(window, f"zb{column.index}"), count(window, f"zc{column.index}")
        if (surplus := after - before - max(0, come - gone)) > 0:
            lost[column.name] = surplus
        elif after and gone > before:
            unknown.append(column.name)
        if (fewer := before - after - max(0, gone - come)) > 0:
            filled[column.name] = fewer
    clocks = stopped(scope, rows)
    lost |= {c.name: n for c in scope.loose if (n := clocks[f"z{c.index}"])}
    verdict = Verdict.FAIL if lost else Verdict.UNKNOWN if unknown else Verdict.PASS
    return _finding(verdict, lost, filled, unknown=unknown)


def stopped(scope: Scope, rows: Sequence[Row]) -> dict[str, int]:
    """How many values of each clock turned NULL for certain, under the names that the row-by-row counts have.

    A clock is in no hash, so that all its NULLs are counted; which row is which is not asked of it.
    """
    window: Row = next((row for row in rows if row["zone"] == "window"), {})
    more = max(0, count(window, "only_candidate") - count(window, "only_baseline"))
    nulls = {c.index: count(window, f"zc{c.index}") - count(window, f"zb{c.index}") for c in scope.loose}
    return {f"z{index}": max(0, surplus - more) for index, surplus in nulls.items()}


def _finding(verdict: Verdict, lost: Mapping[str, int], filled: Mapping[str, int], **rest: Any) -> Finding:
    numbers = {
        "values": sum(lost.values()),
        "columns": list(lost),
        "by_column": [f"{name}: {n:,}" for name, n in lost.items()],
        "filled": sum(filled.values()),
        "filled_by_column": [f"{name}: {n:,}" for name, n in filled.items()],
    }
    return finding("turned null", verdict, numbers | rest, waivable=True)
