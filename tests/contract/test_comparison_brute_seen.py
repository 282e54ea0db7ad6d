"""Whatever happens to keys, types and columns between two random tables: what was not compared is never passed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.model import Mode, Origin, Request, Rules, Verdict
from tests.contract.brute import B, C, compared, many
from tests.contract.comparisons import DirectSession, found

DAYS = [None, *(date(2026, 1, d) for d in range(1, 5))]
KEYS: dict[str, tuple[str, Any]] = {  # what a key is on the other side: its type, and the value of each
    "same": ("date", lambda day: day),
    "midnight": ("timestamp", lambda day: datetime.combine(day, time())),
    "text": ("varchar", lambda day: day.isoformat()),
    "shifted": ("date", lambda day: day + timedelta(days=1000)),
    "noon": ("timestamp", lambda day: datetime.combine(day, time(12))),
}
COLUMNS = {"ON_DAY": "date", "V": "decimal(38,2)", "T": "varchar", "CREATED_AT": "timestamp"}
values = st.fixed_dictionaries(
    {
        "ON_DAY": st.sampled_from(DAYS),
        "V": st.sampled_from([None, 0, 1, 20]),
        "T": st.sampled_from([None, "a", "b"]),
        "CREATED_AT": st.sampled_from(
            [None, datetime.fromisoformat("2026-01-01"), datetime.fromisoformat("2026-01-02")]
        ),
    }
)
fates = st.sampled_from(["same", "same", "missing", "extra", "rekeyed", "changed", "changed"])
made_tables = st.dictionaries(st.integers(1, 9), st.tuples(values, fates, values), max_size=7)
asked = st.sampled_from([Request(model="m"), Request(model="m", mode=Mode.BACKFILL, since=date(2026, 1, 3))])
GRAINS = (Origin(columns=("k",), source="meta"), Origin(columns=(), source="none"))
RULES = Rules(grain=GRAINS[0], date_column=Origin(columns=("on_day",), source="meta"))
Row = dict[str, Any]


def tables(made: dict[int, Any], kind: str) -> tuple[list[Row], list[Row]]:
    """Each key is a day; rekeyed ones are another on the other side."""
    before, after = [], []
    for number, (row, fate, other) in made.items():
        day = date(2020, 1, number)
        if fate != "extra":
            before.append({"K": day, **row})
        if fate != "missing":
            key = day + timedelta(days=40) if fate == "rekeyed" else day
            after.append({"K": KEYS[kind][1](key), **(other if fate == "changed" else row)})
    return before, after


def fill(session: DirectSession, table: Any, key: str, rows: list[Row], without: str) -> None:
    columns = {"K": key} | {name: type_ for name, type_ in COLUMNS.items() if name != without}
    spelled = ", ".join(f'"{name}" {type_}' for name, type_ in columns.items())
    session.connection.execute(f"create or replace table {table.sql} ({spelled})")
    marks = ", ".join("?" for _ in columns)
    for row in rows:
        session.connection.execute(f"insert into {table.sql} values ({marks})", [row[name] for name in columns])


def moment(key: Any) -> Any:
    """A key as both sides say it: a date is its midnight, and a text of it is that date."""
    if isinstance(key, str):
        return moment(date.fromisoformat(key))
    return key if isinstance(key, datetime) else datetime.combine(key, time())


def keyed(rows: Iterable[Row]) -> dict[Any, Row]:
    return {moment(row["K"]): {n: v for n, v in row.items() if n != "K"} for row in rows}


@many
@given(made_tables, asked, st.sampled_from(list(KEYS)), st.sampled_from(["", "", "T", "V"]), st.sampled_from(GRAINS))
def test_what_was_not_compared_is_never_passed(
    session: DirectSession, made: Any, request_: Request, kind: str, dropped: str, grain: Origin
) -> None:
    before, after = tables(made, kind)
    fill(session, B, "date", before, "")
    fill(session, C, KEYS[kind][0], after, dropped)
    report = compared(session, request_, replace(RULES, grain=grain))
    base, cand = keyed(before), keyed(after)
    nulls, outliers, parity = (found(report, name) for name in ("turned null", "outliers", "parity"))
    unpaired = base.keys() - cand.keys()
    if parity.numbers["method"] == "key" and parity.numbers["grain"] == ["K"]:
        assert parity.numbers.get("unpaired", 0) == len(unpaired)
        for finding in (nulls, outliers):
            assert not unpaired or (finding.verdict in (Verdict.UNKNOWN, Verdict.FAIL) and finding.blocks)
    pairs = [(base[k], cand[k]) for k in base.keys() & cand.keys()]
    allowed = [n for n in COLUMNS if n != dropped]
    if nulls.verdict is Verdict.PASS and grain.columns and request_.mode is Mode.FULL_REFRESH:
        assert not any(b[n] is not None and c[n] is None for b, c in pairs for n in allowed)
    if report.nothing_changes:
        assert (base, dropped, KEYS[kind][0]) == (cand, "", "date")
    if report.changed_from:
        differ = [k for k in base.keys() | cand.keys() if base.get(k) != cand.get(k)]
        touched = [row["ON_DAY"] for k in differ for row in (base.get(k), cand.get(k)) if row]
        assert None not in touched
        assert min(touched) >= report.changed_from
