"""Random tables against plain Python where the key is missing, repeated, NULL or free of the day, and for what surrounds a change."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import left_behind, scope
from bot.inspection import column
from bot.model import Mode, Origin, Report, Request, Verdict
from tests.contract.brute import (
    AWKWARD,
    CLOCK,
    COLUMNS,
    DAYS,
    KEYS,
    METRICS,
    RULES,
    SINCE,
    VALUES,
    B,
    Brute,
    C,
    Doc,
    M,
    Row,
    apart,
    compared,
    fill,
    many,
    opened,
    requests,
    row,
    same,
    sides,
    tables,
)
from tests.contract.comparisons import DirectSession, found

NONE = Origin(columns=(), source="none")
NAMES = tuple(COLUMNS)
BACKFILL = Request(model="m", mode=Mode.BACKFILL, since=SINCE, columns=("v", "f", "t"))

loose = st.fixed_dictionaries(
    {"DAY": st.sampled_from([None, *DAYS]), "chain": st.sampled_from([None, "x", "y"])}
    | {name: st.sampled_from(values[:3]) for name, values in AWKWARD.items()}
)
# Rows with a key of any kind: on both sides, how often on each, and what is changed of it.
loose_tables = st.lists(st.tuples(loose, st.integers(0, 2), st.integers(0, 2), loose, st.booleans()), max_size=6)


@pytest.fixture(scope="module")
def session() -> Iterator[DirectSession]:
    made = opened()
    yield made
    made.close()


def loosely(made: list[Any]) -> tuple[list[Row], list[Row]]:
    before = [r for r, times, _, _, _ in made for _ in range(times)]
    after = [other if changed else r for r, _, times, other, changed in made for _ in range(times)]
    return before, after


def cut(value: Any) -> Any:
    """A float as the hash sees it where it may change: without its last 17 bits."""
    if isinstance(value, float) and abs(value) < 1e290:
        return value * 131073 - (value * 131073 - value)
    return value


def frozen(rows: Iterable[Row], names: Iterable[str], *, soft: bool) -> Counter[Any]:
    """The rows as a multiset of their values; `soft`: as the hash sees them where all may change."""

    def plain(value: Any) -> Any:
        value = cut(value) if soft else value
        return "NaN" if isinstance(value, float) and math.isnan(value) else value

    names = [n for n in names if not (soft and n == CLOCK)]
    return Counter(tuple(plain(r[n]) if n == "F" else r[n] for n in names) for r in rows)


def new(row: Row) -> bool:
    return row["DAY"] is not None and row["DAY"] >= SINCE


def test_the_tables_are_as_loose_as_they_have_to_be() -> None:
    assert frozen([{"F": math.nan}], ["F"], soft=True) == frozen([{"F": -math.nan}], ["F"], soft=True)
    assert cut(1.0) == cut(1.0 + 1e-12) != cut(1.0 + 1e-8)


# Keys


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
        assert report.nothing_changes == (not gone and not come)
        emptied(report, b - c, c - b, [n for n in NAMES if n != CLOCK], [n for n in NAMES if n not in (*keys, CLOCK)])
        return
    old = [frozen([r for r in rows if not new(r)], NAMES, soft=False) for rows in (before, after)]
    assert numbers["history_missing"] == (old[0] - old[1]).total()
    assert numbers["history_extra"] == (old[1] - old[0]).total()
    window = [[r for r in rows if new(r)] for rows in (before, after)]
    ticks = not request.columns  # no column is listed, so a clock may change
    names = [n for n in NAMES if not (ticks and n == CLOCK)]
    b, c = (frozen(map(softly, rows), names, soft=False) for rows in window)
    assert numbers["window_changed"] == min((b - c).total(), (c - b).total())
    emptied(
        report, b - c, c - b, names, [n for n in names if n not in keys and (ticks or n.lower() in request.columns)]
    )
    outside = [n for n in NAMES if n not in keys and request.columns and n.lower() not in request.columns]
    fewer = max(0, (b - c).total() - (c - b).total())
    b, c = (frozen(rows, (*keys, *outside), soft=False) for rows in window)
    kept = (b - c).total() if keys or outside else fewer
    assert numbers["window_outside" if outside else "window_missing"] == kept


def softly(row: Row) -> Row:
    """F may change in every request of ours."""
    return row | {"F": cut(row["F"])}


def emptied(report: Report, gone: Counter[Any], come: Counter[Any], names: list[str], allowed: list[str]) -> None:
    """NULLs among the rows that only one side has: what turned NULL for certain, and what perhaps."""
    places = [names.index(n) for n in allowed]
    before, after = ([sum(n for r, n in rows.items() if r[i] is None) for i in places] for rows in (gone, come))
    more = max(0, come.total() - gone.total())
    lost = {n: a - b - more for n, b, a in zip(allowed, before, after, strict=True) if a - b - more > 0}
    perhaps = [n for n, b, a in zip(allowed, before, after, strict=True) if n not in lost and a and gone.total() > b]
    nulls = found(report, "turned null")
    assert nulls.numbers["by_column"] == [f"{n}: {lost[n]}" for n in allowed if n in lost]
    assert nulls.numbers["unknown"] == perhaps
    assert nulls.verdict is (Verdict.FAIL if lost else Verdict.UNKNOWN if perhaps else Verdict.PASS)


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


# What surrounds a change


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
    for name in ("DAY", "chain", "T", "OK"):
        for value, n in Counter(written(r[name]) for r in moved if r[name] is not None).items():
            share = sum(r[name] is not None and written(r[name]) == value for r in after)
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


def written(value: Any) -> str:
    """As the warehouse writes a place."""
    return str(value).lower() if isinstance(value, bool) else str(value)


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
    """The quantile of what stays: rows of days that are equal, or value by value where most rows are in days that are not."""
    days: set[date] = {r["DAY"] for r in (*before, *after)}
    b, c = ({d: [r for r in rows if r["DAY"] == d] for d in days} for rows in (before, after))
    differ = {d for d in days if frozen(b[d], NAMES, soft=True) != frozen(c[d], NAMES, soft=True)}
    if sum(len(b[d]) + len(c[d]) for d in differ) > (len(before) + len(after)) / 2:
        others = {(r["DAY"], r["chain"]): r[name] for r in after}
        kept = [r[name] for r in before if (k := (r["DAY"], r["chain"])) in others and same(r[name], others[k])]
    else:
        kept = [r[name] for r in before if r["DAY"] not in differ]
    sizes = sorted((abs(float(v)) for v in kept if v is not None), key=lambda v: (math.isnan(v), v))
    if not sizes:
        return 0.0
    at = min(0.999, 1 - 2 / max(len(before), 4)) * (len(sizes) - 1)
    low, high = sizes[math.floor(at)], sizes[math.ceil(at)]
    reference = low if low == high else low + (high - low) * (at - math.floor(at))
    return reference if math.isfinite(reference) else 0.0


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
    about = replace(scope.build(C, C, (columns, columns), BACKFILL, replace(RULES, tolerance={})), unique=True)
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
