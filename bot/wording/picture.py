"""Words in and about the picture: axis values, labels, and what a screen reader says."""

from __future__ import annotations

import math
from datetime import date

from bot.model import Series
from bot.wording.numbers import number
from bot.wording.text import plural

PRODUCTION, DEV, SAME = "production", "dev", "production and dev are the same"

_SCALES = ((1e15, "quadrillion"), (1e12, "trillion"), (1e9, "billion"), (1e6, "million"))


def compact(value: float) -> str:
    """11.29 quadrillion, 1.676 billion, 350,000: four digits at most."""
    for size, word in _SCALES:
        if abs(value) >= size * 0.9995:
            scaled = value / size
            return f"{scaled:.4g} {word}" if abs(scaled) < 9999 else f"{value:.3g}"
    return number(value) if abs(value) < 1000 else f"{value:,.0f}"


def alt(series: Series, title: str) -> str:
    """The picture in words: span, how many days changed, and the largest change."""
    span = f"{title} by day, {series.days[0]} to {series.days[-1]}" if series.days else title
    if not series.changed:
        return f"{span}: production and dev are the same."
    day = widest(series)
    place = series.days.index(day)
    before, after = series.baseline[place], series.candidate[place]
    values = f"production {_said(before)}, dev {_said(after)}"
    return f"{span}: {plural(len(series.changed), 'day')} changed; on {day} {values}."


def not_drawn() -> str:
    return "_The picture could not be drawn._ The bot's log says why."


def widest(series: Series) -> date:
    """The changed day whose two values are furthest apart, as a ratio where both are positive."""
    return max(series.changed, key=lambda day: _apart(series, series.days.index(day)))


def _apart(series: Series, place: int) -> float:
    before, after = series.baseline[place], series.candidate[place]
    if before is None or after is None:
        return math.inf
    return abs(math.log(before / after)) if before > 0 and after > 0 else abs(before - after)


def _said(value: float | None) -> str:
    return "no value" if value is None else compact(value)
