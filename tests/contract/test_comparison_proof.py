"""What a comparison proves without a join, what it joins, and what only a sample says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Origin, Verdict
from tests.contract.comparisons import BACKFILL, BASE, DAILY, NONE, DirectSession, changed, found, run

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN


def test_a_table_is_equal_to_itself_without_a_join(session: DirectSession) -> None:
    report = run(session, "SELECT * FROM {b}")
    assert report.nothing_changes
    assert found(report, "parity").verdict is PASS
    assert not report.changes
    assert report.statements == 5  # columns, glance, proof, grain, context: nothing was joined


@pytest.mark.parametrize("empty", ["before", "after", "both"])
def test_zero_rows_on_either_side(session: DirectSession, empty: str) -> None:
    none = f"SELECT * FROM ({BASE}) t WHERE FALSE"
    baseline = BASE if empty == "after" else none
    candidate = BASE if empty == "before" else none
    parity = found(run(session, candidate, baseline=baseline), "parity")
    assert parity.verdict is (PASS if empty == "before" else FAIL)
    assert (parity.numbers["keys_removed"], parity.numbers["keys_added"]) == {
        "before": (0, 200),
        "after": (200, 0),
        "both": (0, 0),
    }[empty]


def test_few_buckets_are_joined_and_many_as_a_whole_with_the_same_numbers(session: DirectSession) -> None:
    one = run(session, changed(where="DAY = '2026-03-09'"))
    assert found(one, "parity").numbers["rows_changed"] == 5
    every = run(session, changed())
    assert found(every, "parity").numbers["rows_changed"] == 200
    assert [c.window for c in every.changes] == [200]


# NaN on both sides and a value far from the usual: each asks for a look of its own.
ODD = f"""SELECT *, CASE WHEN "DAY" = '2026-03-05' THEN 'NaN'::DOUBLE ELSE 1.5 END AS "RATE" FROM ({BASE})"""
FAR = changed("99999999", "DAY = '2026-03-09'")
TWICE = f"{FAR} UNION ALL SELECT * FROM {{b}} WHERE DAY = '2026-03-02'"


@pytest.mark.parametrize(
    ("grain", "candidate", "statements"),
    [(DAILY.grain, FAR, 8), (NONE, FAR, 9), (DAILY.grain, TWICE, 11), (NONE, TWICE, 11)],
    ids=["declared", "found at the first look", "repeated", "none after one look"],
)
def test_how_many_statements_the_docs_promise(
    session: DirectSession, grain: Origin, candidate: str, statements: int
) -> None:
    """docs/checks.md; a second look for a key is one more."""
    report = run(session, candidate, baseline=ODD, rules=replace(DAILY, grain=grain))
    assert report.statements == statements


# A sample


def test_a_sample_of_keys_is_named_and_passes_nothing(session: DirectSession) -> None:
    report = run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL, joined=2)
    parity = found(report, "parity")
    assert parity.numbers["sample"] == 10
    assert (parity.verdict, parity.blocks) == (UNKNOWN, True)
    assert not report.nothing_changes
    again = run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL, joined=2)
    assert found(again, "parity").numbers == parity.numbers  # the same keys every time


def test_without_a_key_there_is_nothing_to_sample_by_and_every_row_is_hashed(session: DirectSession) -> None:
    undeclared = replace(DAILY, grain=Origin(columns=("nowhere",), source="meta"))  # declared, so none is looked for
    parity = found(run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL, rules=undeclared, joined=2), "parity")
    assert (parity.numbers["method"], parity.numbers["sample"]) == ("multiset", 1)
    whole = run(session, changed(where="DAY >= '2026-04-08'"), BACKFILL, rules=undeclared)
    assert parity.numbers == found(whole, "parity").numbers
