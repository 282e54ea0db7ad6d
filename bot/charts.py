"""The picture in the thread: one metric by day, candidate over baseline, the changed days marked; readable on a phone."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from datetime import date

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, DateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from bot.model import Series
from bot.wording import picture as say

_PROD, _DEV, _INK, _QUIET, _GRID = "#c2410c", "#1d4ed8", "#111827", "#6b7280", "#e5e7eb"
_WIDE, _HIGH, _DPI = 4.8, 2.8, 250  # inches; 1200 x 700 pixels with type that survives a phone's width
_TITLE = 46  # characters of a title that fit that width at full size
_LOG_FROM = 30.0  # largest over typical magnitude: beyond it a linear scale shows nothing but the outlier
_FEW = 3  # changed days whose values are written into the picture
_MOST_MARKS = 40  # changed days that get a mark each


def picture(series: Series, title: str) -> bytes:
    """The series as a PNG. Labels stand at the lines themselves; the scale is logarithmic where the range demands it."""
    out = io.BytesIO()
    FigureCanvasAgg(drawn(series, title)).print_png(out)
    return out.getvalue()


def drawn(series: Series, title: str) -> Figure:
    figure = Figure(figsize=(_WIDE, _HIGH), dpi=_DPI, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    _lines(axes, series)
    _scale(axes, series)
    _marks(axes, series)
    _dress(figure, axes, series, title)
    return figure


def _days(days: Sequence[date]) -> list[float]:
    return [float(date2num(day)) for day in days]


def _values(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _lines(axes: Axes, series: Series) -> None:
    days = _days(series.days)
    axes.plot(days, _values(series.baseline), color=_PROD, linewidth=4, alpha=0.35, solid_capstyle="round", zorder=2)
    axes.plot(days, _values(series.candidate), color=_DEV, linewidth=1.8, solid_capstyle="round", zorder=3)


def _scale(axes: Axes, series: Series) -> None:
    values = [v for v in (*series.baseline, *series.candidate) if v is not None]
    sizes = sorted(abs(v) for v in values if v)
    typical = sizes[len(sizes) // 2] if sizes else 1.0
    if not sizes or sizes[-1] < _LOG_FROM * typical:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
        axes.margins(y=0.18)
    elif min(values) > 0:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
        axes.margins(y=0.22)
    else:
        axes.set_yscale("symlog", linthresh=10 ** math.ceil(math.log10(typical)))
        axes.margins(y=0.22)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: say.compact(value)))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _marks(axes: Axes, series: Series) -> None:
    """Each changed day as two dots joined by a line; few of them leave room to write both values beside the widest."""
    for day in series.changed[:_MOST_MARKS]:
        place = series.days.index(day)
        before, after = series.baseline[place], series.candidate[place]
        at = float(date2num(day))
        if before is not None and after is not None:
            axes.plot([at, at], [before, after], color=_QUIET, linewidth=0.9, linestyle=(0, (3, 2)), zorder=1)
        for value, color in ((before, _PROD), (after, _DEV)):
            if value is not None:
                axes.plot([at], [value], "o", color=color, markersize=6, markeredgecolor="white", zorder=5)
    if 0 < len(series.changed) <= _FEW:
        _values_of(axes, series, series.days.index(say.widest(series)))


def _values_of(axes: Axes, series: Series, place: int) -> None:
    before, after = series.baseline[place], series.candidate[place]
    prod_above = before is not None and (after is None or before >= after)
    for value, word, color, above in (
        (before, say.PRODUCTION, _PROD, prod_above),
        (after, say.DEV, _DEV, not prod_above),
    ):
        if value is not None:
            _label(axes, series, place, value, f"{word} {say.compact(value)}", color, above=above)


def _label(axes: Axes, series: Series, place: int, value: float, text: str, color: str, *, above: bool) -> None:
    """Text beside its point, on the side where there is room, and over it in the middle; legible across lines."""
    third = 3 * place // len(series.days)
    label = axes.annotate(
        text,
        (float(date2num(series.days[place])), value),
        xytext=((7, 0, -7)[third], 6 if above else -6),
        textcoords="offset points",
        ha=("left", "center", "right")[third],
        va="bottom" if above else "top",
        color=color,
        fontsize=10,
        fontweight="bold",
        zorder=6,
    )
    label.set_path_effects([withStroke(linewidth=3, foreground="white")])


def _named_lines(axes: Axes, series: Series) -> None:
    """Where no value is written: the two lines named in their colours, right under the title."""
    words = [(say.SAME, _DEV)] if not series.changed else [(say.PRODUCTION, _PROD), (say.DEV, _DEV)]
    at = 0.0
    for text, color in words:
        axes.text(
            at,
            1.02,
            text,
            transform=axes.transAxes,
            color=color,
            fontsize=10,
            fontweight="bold",
            va="bottom",
            ha="left",
        )
        at += 0.27


def _named_days(series: Series) -> list[float]:
    """The changed day on the axis, and both ends where they leave it room."""
    first, at, last = _days((series.days[0], say.widest(series), series.days[-1]))
    return [at, *(end for end in (first, last) if abs(end - at) >= (last - first) / 4)]


def _dress(figure: Figure, axes: Axes, series: Series, title: str) -> None:
    written = 0 < len(series.changed) <= _FEW
    size = 11 * min(1.0, _TITLE / len(title)) if title else 11
    # A column's name may hold "$$" or a backslash, which matplotlib would else read as mathematics.
    figure.suptitle(title, x=0.02, ha="left", fontsize=size, fontweight="bold", color=_INK, parse_math=False)
    if not written:
        _named_lines(axes, series)
    axes.xaxis.set_major_locator(
        FixedLocator(_named_days(series)) if written else AutoDateLocator(minticks=3, maxticks=4)
    )
    axes.xaxis.set_major_formatter(DateFormatter("%Y-%m-%d"))
    axes.grid(axis="y", color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=_QUIET, labelsize=9, length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_GRID)
    if len(series.days) > 1:
        axes.margins(x=0.03)
