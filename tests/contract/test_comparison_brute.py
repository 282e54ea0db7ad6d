"""Every number of the comparison against a comparison in plain Python, over random tables with awkward values."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

from hypothesis import given

from bot.model import Mode, Request
from tests.contract.brute import (
    SINCE,
    VALUES,
    B,
    Brute,
    C,
    compared,
    fill,
    many,
    requests,
    sides,
    tables,
    text,
)
from tests.contract.comparisons import DirectSession, found


@many
@given(tables, requests)
def test_every_number_against_plain_python(session: DirectSession, made: Any, request_: Request) -> None:
    before, after = sides(made)
    fill(session, B, before)
    fill(session, C, after)
    report = compared(session, request_)
    brute = Brute(request_, {(r["DAY"], r["chain"]): r for r in before}, {(r["DAY"], r["chain"]): r for r in after})
    parity = found(report, "parity").numbers
    names = tuple(n for n in VALUES)
    outside = tuple(n for n in VALUES if not brute.allowed(n))
    if request_.mode is Mode.BACKFILL:
        wanted: dict[str, object] = {
            "history_rows": sum(r["DAY"] < SINCE for r in before),
            "window_rows": sum(r["DAY"] >= SINCE for r in after),
            "history_differ": brute.rows(old=True, names=names),
            "history_missing": brute.only(brute.before, brute.after, old=True),
            "history_extra": brute.only(brute.after, brute.before, old=True),
            "window_missing": brute.only(brute.before, brute.after, old=False),
            "window_new": brute.only(brute.after, brute.before, old=False),
            "window_changed": brute.rows(old=False, names=names),
            "window_outside": brute.rows(old=False, names=outside),
        }
    else:
        last = max((r["DAY"] for r in before), default=date.max)
        wanted = {
            "rows_before": len(before),
            "rows_after": len(after),
            "keys_removed": brute.only(brute.before, brute.after, old=False),
            "keys_added": brute.only(brute.after, brute.before, old=False),
            "keys_added_late": sum(1 for k in brute.after.keys() - brute.before.keys() if k[0] > last),
            "rows_changed": brute.rows(old=False, names=names),
        }
    assert {n: parity[n] for n in wanted} == wanted
    assert {c.column: (c.history, c.window) for c in report.changes} == {
        n: (h, w) for n in VALUES if (h := brute.differ(old=True)[n]) + (w := brute.differ(old=False)[n])
    }
    nulls = found(report, "turned null").numbers
    assert nulls["by_column"] == [f"{n}: {x}" for n in VALUES if (x := brute.nulls(2, 1)[n])]
    assert nulls["filled_by_column"] == [f"{n}: {x}" for n in VALUES if (x := brute.nulls(1, 2)[n])]
    wanted_outliers = brute.outliers()
    assert {(*o.key, o.metric, text(o.before), text(o.after)) for o in report.outliers} == wanted_outliers
    assert found(report, "outliers").numbers["reported"] == len(wanted_outliers)
    assert found(report, "outliers").numbers["to_explain"] == sum(g.count for g in report.groups)
    limits = found(report, "sanity").numbers
    assert limits["rows_outside"] == sum(r["V"] is not None and not -0.5 <= r["V"] <= 10 for r in after)
    strange = sum(r["F"] is not None and not math.isfinite(r["F"]) for r in after)
    assert ("F" in list(found(report, "grain").numbers["new_nan"])) == (  # pyright: ignore
        strange > sum(r["F"] is not None and not math.isfinite(r["F"]) for r in before)
    )
    hidden = not brute.after.keys() <= brute.before.keys() and not brute.before.keys() <= brute.after.keys()
    assert report.statements <= (14 if hidden else 8)
