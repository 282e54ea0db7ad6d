"""How numbers, changes and pairs of values read."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording.numbers import change, number, pair
from tests.unit.results import BAD, GOOD


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (BAD, "11,290,000,000,000,000"),
        (GOOD, "1,676,204,911"),
        (Decimal("1234.567"), "1,234.57"),
        (12.345678, "12.35"),
        (0.00042, "0.00042"),
        (Decimal("0.00"), "0"),
        (-5.5, "-5.5"),
        (3, "3"),
        (Decimal("1e30"), "1e+30"),
        (1e-9, "1e-09"),
        (float("nan"), "NaN"),
        (float("-inf"), "-infinity"),
        (None, "NULL"),
    ],
)
def test_numbers(value: Decimal | float | None, shown: str) -> None:
    assert number(value) == shown


def test_exact_numbers_keep_every_digit() -> None:
    assert number(GOOD, exact=True) == "1,676,204,911.20"
    assert pair(GOOD, GOOD + Decimal("0.01")) == ("1,676,204,911.20", "1,676,204,911.21")
    assert pair(BAD, GOOD) == ("11,290,000,000,000,000", "1,676,204,911")


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (-0.9999998515, "-99.99999 %"),
        (-0.9999994882, "-99.99995 %"),
        (0.052, "+5.2 %"),
        (-0.5, "-50 %"),
        (1234.5, "+123,450 %"),
        (0.00001, "+0.001 %"),
        (1.0, "+100 %"),
        (None, ""),
    ],
)
def test_changes(share: float | None, shown: str) -> None:
    assert change(share) == shown


@given(st.floats(-0.99999999999, 5).filter(lambda x: abs(x) > 1e-9))
def test_a_change_never_reads_as_everything_or_nothing(share: float) -> None:
    shown = change(share)
    assert shown != "0 %"
    assert shown != "-100 %"
    assert float(shown.replace(" %", "").replace(",", "")) == pytest.approx(share * 100, rel=0.06)


@given(st.decimals(-1_000_000_000, 1_000_000_000, places=4), st.decimals(-1_000_000_000, 1_000_000_000, places=4))
def test_two_values_that_differ_never_look_the_same(before: Decimal, after: Decimal) -> None:
    assert (pair(before, after)[0] == pair(before, after)[1]) is (before == after)
