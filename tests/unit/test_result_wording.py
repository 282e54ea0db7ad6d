"""The Result reply: as in the storyboard, its tables on a phone, never too long."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import checks
from bot.wording import findings, tables
from tests.refreshes import DAY
from tests.unit.results import OUTLIERS, RULES, made, refresh


@pytest.mark.parametrize(("compared", "said"), [(4, "0 in the other 2 columns"), (3, "0 in the other column"), (2, "")])
def test_the_columns_that_did_not_change(compared: int, said: str) -> None:
    text = findings.result(refresh(replace(made(), columns_compared=compared)))
    assert [line.strip() for line in text.splitlines() if "in the other" in line] == ([said] if said else [])


def test_a_clock_that_is_left_out_is_none_of_the_columns_that_did_not_change() -> None:
    parity, *others = made().findings
    clocked = replace(parity, numbers=parity.numbers | {"clock": ["UPDATED_AT"]})
    text = findings.result(refresh(replace(made(), columns_compared=5, findings=(clocked, *others))))
    assert "0 in the other 2 columns\n         left out: updated_at" in text


def test_the_result_reads_as_in_the_storyboard() -> None:
    assert findings.result(refresh()).replace("&gt;", ">") == "\n".join(
        [
            "Parity, schema, sanity, spot check, tests, safety: *pass*.",
            "```",
            "history  3,018 rows before 2026-04-08:",
            "         0 differ, 0 missing, 0 extra",
            "         (grain date, from unique_key)",
            "window   14 rows: 0 missing, 0 new",
            "changed  1 in dex_volumes",
            "         1 in total_economic_activity",
            "         0 in the other 103 columns",
            "sanity   0 rows outside limits (prod: 1)",
            "spot     spot_dex_volumes 2026-04-08:",
            "         source 1,676,204,911.20,",
            "         dev the same",
            "         (the table that the model reads)",
            "tests    3 of 3",
            "```",
            "*Outliers: 2 need an explanation.*",
            "```",
            "dex_volumes",
            "date             prod, dev, change",
            "2026-04-08  11,290,000,000,000,000",
            "                     1,676,204,911",
            "                       -99.99999 %",
            "",
            "total_economic_activity",
            "date             prod, dev, change",
            "2026-04-08  11,290,004,102,000,000",
            "                     5,778,204,911",
            "                       -99.99995 %",
            "```",
        ]
    )


def test_small_values_stand_on_one_line_each() -> None:
    small = replace(OUTLIERS[0], before=Decimal("12.5"), after=Decimal(25), change=1.0)
    gone = replace(small, day=DAY + timedelta(1), key=("2026-04-09",), after=None, change=None)
    assert tables.outliers([gone, small]).splitlines() == [
        "dex_volumes",
        "date          prod    dev    change",
        "2026-04-09    12.5   NULL  vanished",
        "2026-04-08    12.5     25    +100 %",
    ]


def test_the_rest_of_the_key_stands_under_the_day() -> None:
    keyed = replace(
        OUTLIERS[0], key=("2026-04-08", "a very long chain name"), before=Decimal("12.5"), after=Decimal(25)
    )
    assert tables.outliers([keyed]).splitlines()[2:] == [
        "2026-04-08           12.5  -99.99999 %",
        "a very long…           25",
    ]


def test_many_outliers_are_cut_and_the_rest_is_counted() -> None:
    many = tuple(replace(OUTLIERS[0], day=DAY - timedelta(days=i), key=(f"k{i}" * 9,)) for i in range(400))
    report = made(many)
    text = findings.result(refresh(replace(report, outliers=many[:300])))
    assert len(text) <= findings.LIMIT
    assert text.count("-99.99999 %") == RULES.top
    assert "380 more, the first 300 in outliers.csv." in text
    short = findings.result(refresh(report), limit=1500)
    assert len(short) <= 1500
    assert "more in outliers.csv." in short


@settings(deadline=None)  # a busy machine is no defect
@given(st.integers(0, 60), st.integers(700, 3500))
def test_the_result_is_never_too_long_and_fences_are_closed(count: int, limit: int) -> None:
    many = tuple(replace(OUTLIERS[0], day=DAY - timedelta(days=i), key=("<&>" * 20,)) for i in range(count))
    text = findings.result(refresh(made(many)), limit)
    assert len(text) <= limit
    assert text.count("```") % 2 == 0
    assert "<&" not in text


def test_a_finding_that_does_not_pass_is_told_and_leads_the_verdicts() -> None:
    unknown = checks.spot_missing("none configured")
    text = findings.result(refresh(made(OUTLIERS, unknown, without="spot check")))
    assert text.startswith(
        "Spot check: *unknown*. Parity, schema, sanity, tests, safety: *pass*.\n• *Spot check: unknown.*"
    )


def test_outliers_that_nobody_has_to_explain() -> None:
    assert "Outliers: none." in findings.result(refresh(made(())))
