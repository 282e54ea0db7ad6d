"""How numbers and shares are written: grouped digits, no false precision, never "100 %" beside a difference."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext

_HUGE = Decimal("1e21")
_TINY = Decimal("1e-6")

Numeric = Decimal | int | float


def number(value: Numeric | None, *, places: int | None = None, exact: bool = False) -> str:
    """A value for people: 1,676,204,911 · 12.35 · 0.00042; "NULL" for None.

    Decimals are kept only where they matter at that size; `places` fixes how many, `exact` keeps every digit.
    """
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return f"{value:,}"
    exactly = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    if not exactly.is_finite():
        return "NaN" if exactly.is_nan() else ("-infinity" if exactly < 0 else "infinity")
    size = abs(exactly)
    if size >= _HUGE or (0 < size < _TINY and not exact):
        return f"{float(exactly):.4g}" if not exact else f"{exactly:.{max(len(exactly.as_tuple().digits) - 1, 0)}e}"
    if exact:
        return f"{exactly:,f}"
    kept = _fitting_places(size) if places is None else places
    text = f"{_rounded(exactly, kept):,f}"
    return _without_zeros(text) if places is None else text


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _fitting_places(size: Decimal) -> int:
    if size >= 1_000_000 or size == 0:
        return 0
    return 2 if size >= 100 else 3 - size.adjusted()


def _rounded(value: Decimal, places: int) -> Decimal:
    with localcontext() as context:
        context.prec = 60
        return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN)


def share(count: int, of: int) -> str:
    """So many of so many, as a percentage; never "100 %" or "0 %" where some are or are not."""
    percent = 100 * count / of
    if 0 < percent < 0.01:
        return "under 0.01 %"
    return "over 99 %" if 99 < percent < 100 else f"{number(Decimal(f'{percent:.2g}'))} %"


def pair(before: Numeric | None, after: Numeric | None) -> tuple[str, str]:
    """Both values with the same care, and with as many decimals as it takes to see that they differ."""
    shown = number(before), number(after)
    if shown[0] != shown[1] or before == after:
        return shown
    return number(before, exact=True), number(after, exact=True)


def change(share: float | None) -> str:
    """A relative change: -99.99999 %, +5.2 %; close to -100 % it keeps the digit that shows it is not; "" for None."""
    if share is None:
        return ""
    percent = Decimal(repr(share)) * 100
    if not percent.is_finite():
        return ""
    if percent == 0:
        return "0 %"
    rest = abs(100 - abs(percent))
    if 0 < rest < 1:
        places = -rest.adjusted()
    elif abs(percent) >= 100:
        places = 0
    else:
        places = max(0, 2 - abs(percent).adjusted())
    return f"{_without_zeros(f'{_rounded(percent, places):+,f}')} %"
