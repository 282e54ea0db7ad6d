"""Random tables against plain Python where the key is missing, repeated, NULL or free of the day, or only sampled."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.model import Mode, Origin, Report, Request, Verdict
from tests.contract.brute import (
    AWKWARD,
    BACKFILL,
    CLOCK,
    DAYS,
    KEYS,
    NAMES,
    RULES,
    VALUES,
    B,
    Brute,
    C,
    Doc,
    Row,
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

loose = st.fixed_dictionaries(
    {"DAY": st.sampled_from([None, *DAYS]), "chain": st.sampled_from([None, "x", "y"])}
    | {name: st.sampled_from(values[:3]) for name, values in AWKWARD.items()}
)
# Rows with a key of any kind: on both sides, how often on each, and what is changed of it.
loose_tables = st.lists(st.tuples(loose, st.integers(0, 2), st.integers(0, 2), loose, st.booleans()), max_size=6)


def loosely(made: list[Any]) -> tuple[list[Row], list[Row]]:
    before = [r for r, times, _, _, _ in made for _ in range(times)]
    after = [other if changed else r for r, _, times, other, changed in made for _ in range(times)]
    return before, after


def test_the_tables_are_as_loose_as_they_have_to_be() -> None:
    assert frozen([{"F": math.nan}], ["F"], soft=True) == frozen([{"F": -math.nan}], ["F"], soft=True)
    assert cut(1.0) == cut(1.0 + 1e-12) != cut(1.0 + 1e-8)


# No key, or one that repeats


@many
@given(loose_tables, requests)
def test_null_and_repeated_keys_are_counted_and_rows_compared_as_multisets(
    session: DirectSession, made: Any, request_: Request
) -> None:
    before, after = loosely(made)
    fill(session, B, before)
    fill(session, C, after)
    report = compared(session, request_)
    grain, parity = found(report, "grain"), found(report, "parity")
    wanted: dict[str, int] = {}
    for rows, end in ((after, ""), (before, "_before")):
        whole = Counter((r["DAY"], r["chain"]) for r in rows if None not in (r["DAY"], r["chain"]))
        repeated = [n for n in whole.values() if n > 1]
        wanted |= {
            f"null_rows{end}": len(rows) - whole.total(),
            f"duplicate_keys{end}": len(repeated),
            f"duplicate_rows{end}": sum(repeated),
        }
    assert {name: grain.numbers[name] for name in wanted} == wanted
    worse = any(wanted[name] > wanted[f"{name}_before"] for name in ("null_rows", "duplicate_keys", "duplicate_rows"))
    assert (grain.verdict is Verdict.FAIL) == (worse or bool(grain.numbers["new_nan"]))
    odd = any(wanted.values()) or grain.numbers["new_nan"] or grain.numbers["old_nan"]
    assert (grain.verdict is Verdict.PASS) == (not odd)
    assert parity.numbers["method"] == ("multiset" if any(wanted.values()) else "key")
    if parity.numbers["method"] == "multiset":
        multisets(report, request_, before, after)


@many
@given(loose_tables, requests)
def test_without_a_key_rows_are_multisets(session: DirectSession, made: Any, request_: Request) -> None:
    before, after = loosely(made)
    fill(session, B, before)
    fill(session, C, after)
    rules = replace(RULES, grain=Origin(columns=("nowhere",), source="meta"))  # declared, so none is looked for
    multisets(compared(session, request_, rules), request_, before, after, keys=())


def multisets(
    report: Report, request: Request, before: list[Row], after: list[Row], keys: tuple[str, ...] = KEYS
) -> None:
    """The counts of rows that one side has and the other has not, duplicates counted."""
    numbers = found(report, "parity").numbers
    if request.mode is Mode.FULL_REFRESH:
        b, c = frozen(before, NAMES, soft=True), frozen(after, NAMES, soft=True)
        gone, come = (b - c).total(), (c - b).total()
        wanted = {"keys_removed": gone, "keys_added": come, "rows_changed": min(gone, come)}
        assert {name: numbers[name] for name in wanted} == wanted
        stopped = stopped_clocks(before, after, come - gone)
        assert report.nothing_changes == (not gone and not come and not stopped)
        names = [n for n in NAMES if n != CLOCK]
        emptied(report, b - c, c - b, names, [n for n in names if n not in keys], stopped)
        return
    old = [frozen([r for r in rows if not new(r)], NAMES, soft=False) for rows in (before, after)]
    assert numbers["history_missing"] == (old[0] - old[1]).total()
    assert numbers["history_extra"] == (old[1] - old[0]).total()
    window = [[r for r in rows if new(r)] for rows in (before, after)]
    ticks = not request.columns  # no column is listed, so a clock may change
    names = [n for n in NAMES if not (ticks and n == CLOCK)]
    b, c = (frozen(map(softly, rows), names, soft=False) for rows in window)
    assert numbers["window_changed"] == min((b - c).total(), (c - b).total())
    stopped = stopped_clocks(*window, (c - b).total() - (b - c).total()) if ticks else {}
    allowed = [n for n in names if n not in keys and (ticks or n.lower() in request.columns)]
    emptied(report, b - c, c - b, names, allowed, stopped)
    outside = [n for n in NAMES if n not in keys and request.columns and n.lower() not in request.columns]
    fewer = max(0, (b - c).total() - (c - b).total())
    b, c = (frozen(rows, (*keys, *outside), soft=False) for rows in window)
    kept = (b - c).total() if keys or outside else fewer
    assert numbers["window_outside" if outside else "window_missing"] == kept


def softly(row: Row) -> Row:
    """F may change in every request of ours."""
    return row | {"F": cut(row["F"])}


def stopped_clocks(before: list[Row], after: list[Row], more: int) -> dict[str, int]:
    """What of a clock that may move turned NULL for certain: it is no part of the rows that are compared."""
    nulls = [sum(r[CLOCK] is None for r in rows) for rows in (before, after)]
    surplus = nulls[1] - nulls[0] - max(0, more)
    return {CLOCK: surplus} if surplus > 0 else {}


def emptied(
    report: Report,
    gone: Counter[Any],
    come: Counter[Any],
    names: list[str],
    allowed: list[str],
    stopped: dict[str, int],
) -> None:
    """NULLs among the rows that only one side has: what turned NULL for certain, and what perhaps."""
    places = [names.index(n) for n in allowed]
    before, after = ([sum(n for r, n in rows.items() if r[i] is None) for i in places] for rows in (gone, come))
    more = max(0, come.total() - gone.total())
    lost = {n: a - b - more for n, b, a in zip(allowed, before, after, strict=True) if a - b - more > 0}
    perhaps = [n for n, b, a in zip(allowed, before, after, strict=True) if n not in lost and a and gone.total() > b]
    nulls = found(report, "turned null")
    lost |= stopped
    assert nulls.numbers["by_column"] == [f"{n}: {lost[n]}" for n in NAMES if n in lost]
    assert nulls.numbers["unknown"] == perhaps
    assert nulls.verdict is (Verdict.FAIL if lost else Verdict.UNKNOWN if perhaps else Verdict.PASS)


# Keys of any type, and a sample of them


NOON = datetime.fromisoformat("2026-01-01T12:00+00:00")
OF_A_NUMBER: dict[str, Any] = {
    "N": lambda n: n,
    "T": lambda n: f"key {n}",
    "V": lambda n: Decimal(n) / 4,
    "AT": lambda n: (NOON + timedelta(hours=7 * n)).replace(tzinfo=None),
    "TZ": lambda n: NOON + timedelta(hours=7 * n),
    "RAW": lambda n: str(n).encode(),
    "DOC": lambda n: Doc(json.dumps({"a": n, "b": -n} if n % 2 else {"b": -n, "a": n})),
}
spread = st.dictionaries(
    st.integers(-40, 40),
    st.tuples(st.sampled_from([None, *DAYS]), row, st.sampled_from(["same", "missing", "extra", "moved", "changed"])),
    max_size=8,
)


@many
@given(
    spread, st.sampled_from(DAYS), st.sampled_from([Request(model="m"), BACKFILL]), st.sampled_from(list(OF_A_NUMBER))
)
def test_a_key_of_any_type_that_does_not_hold_the_day(
    session: DirectSession, made: dict[int, Any], other: date, request_: Request, key: str
) -> None:
    of = OF_A_NUMBER[key]
    before = {n: {**r, key: of(n), "DAY": day, "chain": "x"} for n, (day, r, what) in made.items() if what != "extra"}
    after = {n: {**r, key: of(n), "DAY": day, "chain": "x"} for n, (day, r, what) in made.items() if what != "missing"}
    for n, (_, _, what) in made.items():
        if what in ("moved", "changed"):
            after[n] |= {"DAY": other} if what == "moved" else {"OK": made[n][1]["OK"] is None}
    fill(session, B, list(before.values()))
    fill(session, C, list(after.values()))
    rules = replace(RULES, grain=Origin(columns=(key,), source="meta"), tolerance={})
    numbers = found(compared(session, request_, rules), "parity").numbers
    assert numbers["method"] == "key"
    gone, come, both = before.keys() - after.keys(), after.keys() - before.keys(), before.keys() & after.keys()
    differ = {n for n in both if any(not same(before[n][c], after[n][c]) for c in NAMES)}
    if request_.mode is Mode.FULL_REFRESH:
        wanted = {"keys_removed": len(gone), "keys_added": len(come), "rows_changed": len(differ)}
    else:
        inside = {n for n in made if all(new(rows[n]) for rows in (before, after) if n in rows)}
        wanted = {
            "history_missing": len(gone - inside),
            "history_extra": len(come - inside),
            "history_differ": len(differ - inside),
            "window_missing": len(gone & inside),
            "window_new": len(come & inside),
            "window_changed": len(differ & inside),
            "window_outside": len(differ & inside),  # neither the day nor OK was asked for
        }
    assert {name: numbers[name] for name in wanted} == wanted


@many
@given(tables, requests, st.integers(1, 9))
def test_a_sample_of_keys_is_the_same_on_both_sides(
    session: DirectSession, made: Any, request_: Request, joined: int
) -> None:
    before, after = sides(made)
    fill(session, B, before)
    fill(session, C, after)
    parity = found(compared(session, request_, joined=joined), "parity")
    one_in = int(str(parity.numbers["sample"]))
    hashed = f'MOD(ABS(HASH("DAY", "chain")), {one_in}) = 0'
    chosen = {tuple(r) for t in (B, C) for r in session.query(f'SELECT "DAY", "chain" FROM {t.sql} WHERE {hashed}')}
    brute = Brute(
        request_, *({k: r for r in rows if (k := (r["DAY"], r["chain"])) in chosen} for rows in (before, after))
    )
    lost, new = (brute.only(*ends, old=False) for ends in ((brute.before, brute.after), (brute.after, brute.before)))
    changed = brute.rows(old=False, names=VALUES)
    if request_.mode is Mode.FULL_REFRESH:
        wanted = {"keys_removed": lost, "keys_added": new, "rows_changed": changed}
    else:
        differ = brute.rows(old=True, names=VALUES)
        wanted = {"window_missing": lost, "window_new": new, "window_changed": changed, "history_differ": differ}
    assert {name: parity.numbers[name] for name in wanted} == wanted
    assert one_in == 1 or parity.verdict is not Verdict.PASS
