"""Random tables with awkward values, and what plain Python says about them: the other half of every brute-force test."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import product
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from bot.comparison import Comparison, Pair
from bot.model import Mode, Origin, Relation, Report, Request, Rules
from tests.contract.comparisons import DirectSession

B, C, M = (Relation("D", "S", name) for name in "BCM")
SINCE = date(2026, 1, 3)
COLUMNS = {
    "DAY": "date",
    "chain": "varchar",
    "V": "decimal(38,2)",
    "N": "bigint",
    "F": "double",
    "T": "varchar",
    "OK": "boolean",
    "AT": "timestamp",
    "RAW": "blob",
    "TZ": "timestamptz",
    "DOC": "json",
    "UPDATED_AT": "timestamp",
}
CLOCK = "UPDATED_AT"
NAMES = tuple(COLUMNS)
KEYS, VALUES = ("DAY", "chain"), tuple(COLUMNS)[2:]
METRICS = ("V", "N", "F")
DAYS = [date(2026, 1, d) for d in range(1, 6)]


class Doc(str):
    """A document as it was written; equal to another that says the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Doc) and json.loads(self) == json.loads(other)

    def __hash__(self) -> int:
        return hash(json.dumps(json.loads(self), sort_keys=True))


AWKWARD: dict[str, list[Any]] = {
    "V": [None, Decimal("0.00"), Decimal("1.00"), Decimal("-1.00"), Decimal("1.05"), Decimal("123456789012345678.90")],
    "N": [None, 0, 1, 2, -5, 10**15],
    "F": [None, 0.0, -0.0, 1.0, 1.0 + 1e-12, 1.0 + 1e-8, 1e308, -1e308, math.nan, math.inf, -math.inf, 3.5],
    "T": [None, "", "a", "A", "ä"],
    "OK": [None, True, False],
    "AT": [None, datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-01-01T00:00:00.000001")],
    "RAW": [None, b"", b"\x00", b"\xff"],
    "TZ": [
        None,
        *(datetime.fromisoformat(f"2026-01-01T{time}") for time in ("00:00+00:00", "09:00+09:00", "00:00-01:00")),
    ],
    "DOC": [None, *map(Doc, ('{"a": 1, "b": [1, 2]}', '{"b": [1, 2], "a": 1}', '{"a": 1, "b": [2, 1]}', "null", "{}"))],
    CLOCK: [None, datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-02-01")],
}
MANY = int(os.environ.get("COMPARISONS", "15"))
# A fixed set of tables in the suite; COMPARISONS=3000 draws so many others.
many = settings(
    max_examples=MANY,
    deadline=None,
    derandomize="COMPARISONS" not in os.environ,
    suppress_health_check=list(HealthCheck),
    database=None,
)
RULES = Rules(
    grain=Origin(columns=KEYS, source="meta"),
    date_column=Origin(columns=("DAY",), source="meta"),
    tolerance={"N": {"rel": 0.5, "abs": 1.0}},
    sanity={"v": {"min": -0.5, "max": 10.0}},
    min_abs=1.0,
    clock=(CLOCK,),
)
BACKFILL = Request(model="m", mode=Mode.BACKFILL, since=SINCE, columns=("v", "f", "t"))
Row = dict[str, Any]

key = st.sampled_from(list(product(DAYS, ["x", "y"])))
row = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in AWKWARD.items()})
changes = st.dictionaries(st.sampled_from(VALUES), st.integers(0, 20), max_size=2)
fate = st.one_of(st.just("same"), st.just("missing"), st.just("extra"), changes, changes)
tables = st.dictionaries(key, st.tuples(row, fate), max_size=10)
requests = st.sampled_from(
    [
        Request(model="m"),
        Request(model="m", at=(DAYS[2],)),
        Request(model="m", mode=Mode.BACKFILL, since=SINCE),
        BACKFILL,
    ]
)


def fill(session: DirectSession, table: Relation, rows: list[Row]) -> None:
    columns = ", ".join(f'"{name}" {kind}' for name, kind in COLUMNS.items())
    session.connection.execute(f"create or replace table {table.sql} ({columns})")
    if rows:
        marks = ", ".join("(" + ", ".join("?" for _ in COLUMNS) + ")" for _ in rows)
        session.connection.execute(
            f"insert into {table.sql} values {marks}", [r[name] for r in rows for name in COLUMNS]
        )


def sides(made: dict[tuple[date, str], tuple[Row, Any]]) -> tuple[list[Row], list[Row]]:
    before, after = [], []
    for (day, chain), (values, what) in made.items():
        base = {"DAY": day, "chain": chain, **values}
        if what != "extra":
            before.append(base)
        if what != "missing":
            moved = what if isinstance(what, dict) else {}
            after.append(base | {n: AWKWARD[n][i % len(AWKWARD[n])] for n, i in moved.items()})
    return before, after


def compared(session: DirectSession, request: Request, rules: Rules = RULES, joined: int = 10**9) -> Report:
    pair = Pair(baseline=B, candidate=C, request=request, rules=rules)
    return Comparison(session, pair, lambda text, share: None, joined).run()  # pyright: ignore


# The same in plain Python


def same(a: Any, b: Any) -> bool:
    nans = isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b)
    return nans or ((a is None) == (b is None) and a == b)


def apart(name: str, a: Any, b: Any, allowed: bool) -> bool:
    """Beyond the column's tolerance; a clock may say what it wants where it may change."""
    if name == CLOCK and allowed:
        return False
    if same(a, b) or not allowed or name not in ("F", "N") or a is None or b is None:
        return not same(a, b)
    relative, absolute = (1e-9, 0.0) if name == "F" else (0.5, 1.0)
    if not (math.isfinite(a) and math.isfinite(b)):
        return True
    return abs(a - b) > max(absolute, relative * max(abs(a), abs(b)))


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


@dataclass
class Brute:
    request: Request
    before: dict[tuple[date, str], Row]
    after: dict[tuple[date, str], Row]

    def allowed(self, name: str) -> bool:
        return not self.request.columns or name.lower() in self.request.columns

    def old(self, day: date) -> bool:
        return self.request.since is not None and day < self.request.since

    def pairs(self, *, old: bool) -> list[tuple[tuple[date, str], Row, Row]]:
        shared = self.before.keys() & self.after.keys()
        return [(k, self.before[k], self.after[k]) for k in shared if self.old(k[0]) is old]

    def differ(self, *, old: bool) -> Counter[str]:
        return Counter(
            n
            for _, b, c in self.pairs(old=old)
            for n in VALUES
            if (not same(b[n], c[n]) if old else apart(n, b[n], c[n], self.allowed(n)))
        )

    def rows(self, *, old: bool, names: tuple[str, ...]) -> int:
        return sum(
            any((not same(b[n], c[n])) if old else apart(n, b[n], c[n], self.allowed(n)) for n in names)
            for _, b, c in self.pairs(old=old)
        )

    def only(self, here: dict[Any, Row], there: dict[Any, Row], *, old: bool) -> int:
        return sum(1 for k in here.keys() - there.keys() if self.old(k[0]) is old)

    def nulls(self, mine: int, other: int) -> Counter[str]:
        """Values that `other` has and `mine` has not; that a clock has one for the first time is no news."""
        return Counter(
            n
            for pair in self.pairs(old=False)
            for n in VALUES
            if (n != CLOCK or mine == 2) and self.allowed(n) and pair[mine][n] is None and pair[other][n] is not None
        )

    def outliers(self) -> set[tuple[Any, ...]]:
        found = set()
        for k, b, c in self.pairs(old=False):
            for n in METRICS:
                if not apart(n, b[n], c[n], self.allowed(n)):
                    continue
                x, y = (math.nan if v is None else float(v) for v in (b[n], c[n]))
                sizes = [abs(v) for v in (b[n], c[n]) if v is not None]
                if not sizes or not (any(math.isnan(s) for s in sizes) or max(sizes) >= 1):
                    continue
                nothing = [v is None or v == 0 for v in (b[n], c[n])]
                share = None if any(nothing) else (y - x) / abs(x)
                if all(nothing) or (share is not None and abs(share) <= 0.01):
                    continue
                found.add((k[0].isoformat(), k[1], n, text(b[n]), text(c[n])))
        return found


def text(value: Any) -> str:
    if value is None:
        return "None"
    return str(value) if isinstance(value, float) and not math.isfinite(value) else str(float(value))
