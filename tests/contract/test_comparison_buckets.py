"""Tables of several thousand rows, so that keys of every kind fall into many buckets, few of which differ."""

from __future__ import annotations

from datetime import date

import pytest

from bot.model import Mode, Origin, Report, Request, Rules
from tests.contract.comparisons import DirectSession, found, report_on

# 6,000 rows over 40 days; whole numbers on both sides of zero, and dates on both sides of 1970.
BASE = """
SELECT ('1969-12-12'::DATE + (i // 150)::INT) AS "DAY", (i % 150)::BIGINT AS "PART", (i - 3000)::BIGINT AS "ID", 'key ' || i AS "NAME",
  '2026-01-01'::TIMESTAMP + INTERVAL (i) MINUTE AS "AT", (i / 4)::DECIMAL(38,2) AS "HALF", i::DECIMAL(38,0) AS "BIG",
  (9300000000000000000 + i)::DECIMAL(38,0) AS "VAST",
  (i * 1.5)::DECIMAL(38,2) AS "V", CASE WHEN i % 7 = 0 THEN NULL ELSE i % 5 = 0 END AS "FLAG"
FROM range(6000) r(i)
"""
CHANGED = """
SELECT * REPLACE (CASE WHEN ABS(ID) % 1000 = 7 THEN V + 1 ELSE V END::DECIMAL(38,2) AS "V") FROM {b} WHERE ABS(ID) % 1500 <> 3
"""
_CHANGED = sum(abs(i) % 1000 == 7 for i in range(-3000, 3000))
_REMOVED = sum(abs(i) % 1500 == 3 for i in range(-3000, 3000))
KEYS = [
    (("ID",), ""),
    (("ID",), "DAY"),  # the day is no part of the key
    (("ID",), "AT"),
    (("DAY", "PART"), "DAY"),
    (("DAY", "ID"), "DAY"),  # a day holds few of the numbers between its least and its greatest
    (("DAY", "PART", "ID"), "DAY"),
    (("DAY", "NAME"), "DAY"),
    (("NAME",), "DAY"),
    (("AT",), "AT"),
    (("HALF",), "DAY"),
    (("BIG",), ""),
    (("VAST",), ""),  # more than 63 bits
]


def run(
    session: DirectSession, candidate: str, keys: tuple[str, ...], day: str, baseline: str = BASE, **asked: object
) -> Report:
    rules = Rules(
        grain=Origin(columns=keys, source="meta"),
        date_column=Origin(columns=(day,) if day else (), source="meta"),
    )
    request = Request(model="m", **asked)  # pyright: ignore
    return report_on(session, candidate, request, baseline=baseline, rules=rules)


@pytest.mark.parametrize(("keys", "day"), KEYS)
def test_keys_of_every_kind_find_the_same_changes(session: DirectSession, keys: tuple[str, ...], day: str) -> None:
    report = run(session, CHANGED, keys, day)
    numbers = found(report, "parity").numbers
    assert (numbers["method"], numbers["rows_changed"], numbers["keys_removed"]) == ("key", _CHANGED, _REMOVED)
    assert [c.column for c in report.changes] == ["V"]
    assert report.statements <= 8
    back = found(run(session, BASE, keys, day, CHANGED.replace("{b}", f"({BASE}) t")), "parity").numbers
    assert (back["rows_changed"], back["keys_added"]) == (_CHANGED, _REMOVED)


@pytest.mark.parametrize(("keys", "day"), KEYS)
def test_one_repeated_key_among_thousands_is_seen(session: DirectSession, keys: tuple[str, ...], day: str) -> None:
    """Its second row is in another bucket where the day is no part of the key."""
    moved = 'SELECT * REPLACE (DAY + 20 AS "DAY", V + 1 AS "V")' if "DAY" not in keys else "SELECT *"
    twice = f"SELECT * FROM {{b}} UNION ALL {moved} FROM {{b}} WHERE ID = 1234"
    report = run(session, twice, keys, day)
    grain = found(report, "grain").numbers
    assert (grain["duplicate_keys"], grain["duplicate_keys_before"]) == (1, 0)
    assert found(report, "parity").numbers["keys_added"] == 1
    same = run(session, "SELECT * FROM {b}", keys, day, twice.replace("{b}", f"({BASE}) t"))
    assert found(same, "grain").numbers["duplicate_keys_before"] == 1  # also where every bucket is equal
    assert same.nothing_changes


def test_without_a_key_equal_tables_need_no_look_at_every_row(session: DirectSession) -> None:
    report = run(session, "SELECT * FROM {b}", ("NOWHERE",), "DAY")
    assert (found(report, "parity").numbers["method"], report.nothing_changes) == ("multiset", True)
    assert report.statements == 4  # columns, glance, proof, context
    changed = run(session, CHANGED, ("NOWHERE",), "DAY")
    assert found(changed, "parity").numbers["keys_added"] > 0
    history = run(session, CHANGED, ("NOWHERE",), "DAY", mode=Mode.BACKFILL, since=date(1969, 12, 31), columns=("V",))
    numbers = found(history, "parity").numbers
    assert int(str(numbers["history_missing"])) > int(str(numbers["history_extra"])) > 0


def test_of_a_large_table_half_the_rows_say_what_is_usual(session: DirectSession) -> None:
    """Values grow with the day and within it, so that a sample of some days, or of a part of each, would say something else."""
    many = """
    SELECT ('2026-01-01'::DATE + (i // 10000)::INT) AS "DAY", (i % 10000)::BIGINT AS "ID",
      ((i // 10000) * (i % 10000))::DECIMAL(38,2) AS "V"
    FROM range(420000) r(i)
    """
    far = 'SELECT * REPLACE (CASE WHEN ID = 77 AND V = 77 THEN 1e9 ELSE V END::DECIMAL(38,2) AS "V") FROM {b}'
    usual = found(run(session, far, ("DAY", "ID"), "DAY", many), "sanity:usual")
    assert (usual.numbers["sample"], usual.numbers["values_far"], usual.numbers["values_far_before"]) == (2, 1, 0)
    exact = sorted(day * i for day in range(42) for i in range(10_000))[int(0.999 * 420_000)]
    assert float(str(usual.examples[0]["usual"])) == pytest.approx(exact, rel=0.005)
