"""What goes with a result: the details, the values as CSV, the picture and its words."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bot import charts
from bot.model import Series
from bot.wording import findings, picture
from tests.refreshes import DAY, queued
from tests.unit.results import OUTLIERS, made, refresh

# Files


def test_the_details_hold_everything_and_no_markup() -> None:
    ready = replace(refresh(), statements=("CREATE TABLE A CLONE B",), digest="abc123")
    text = findings.details(ready)
    for wanted in (
        "R42 ez",
        "frozen <batch> & more",
        "1.11.16",
        "hash (64 bit)",
        "parity: pass",
        "Groups to explain",
        "abc123",
    ):
        assert wanted in text
    assert "CREATE TABLE A CLONE B;" in text
    assert "&lt;" not in text
    assert findings.details(queued()).startswith("R42 ")


def test_the_csv_has_full_values_and_cannot_run_as_a_formula() -> None:
    evil = replace(OUTLIERS[0], key=("=cmd()", "2026-04-08"), after=None, change=None)
    rows = list(csv.DictReader(io.StringIO(findings.outliers_csv(made((*OUTLIERS, evil))))))
    assert rows[0]["prod"] == "11290000000000000.00"
    assert rows[0]["dev"] == "1676204911.20"
    assert rows[-1]["key"].startswith("'=cmd()")
    assert rows[-1]["dev"] == ""


# The picture


def series(baseline: list[float | None], candidate: list[float | None]) -> Series:
    span = tuple(DAY + timedelta(days=i) for i in range(len(baseline)))
    changed = tuple(d for d, b, c in zip(span, baseline, candidate, strict=True) if b != c)
    return Series(metric="M", days=span, baseline=tuple(baseline), candidate=tuple(candidate), changed=changed)


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [
        ([1.6e9, 1.129e16, 1.7e9], [1.6e9, 1.676e9, 1.7e9]),
        ([1.0, None, -3e6, 0.0], [1.0, 5.0, None, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([None], [None]),
        ([float(i) for i in range(90)], [i * 1.5 for i in range(90)]),
    ],
)
def test_pictures_are_drawn_whatever_the_values(baseline: list[float | None], candidate: list[float | None]) -> None:
    assert charts.picture(series(baseline, candidate), "title_with_$igns: <m>").startswith(b"\x89PNG")


@pytest.mark.parametrize("title", ["amt$$x", "$\\frac{1}$ of $x$", "a\\$b", "50% of $", ""])
def test_a_title_is_text_and_never_mathematics(title: str) -> None:
    assert charts.picture(series([1.0, 2.0], [1.0, 3.0]), title).startswith(b"\x89PNG")


@pytest.mark.parametrize("place", [0, 9, 10, 14, 15, 20, 21, 30])
def test_the_values_in_a_picture_are_never_cut_off(place: int) -> None:
    """The changed day mostly stands in the middle: fifteen days around it are drawn."""
    before, after = [1.7e9] * 31, [1.7e9] * 31
    before[place] = 11.29e15
    figure = charts.drawn(series(before, after), "dex_volumes of ez_ethereum_metrics")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    written = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert len(written) == 2
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in written)


def test_a_picture_is_said_in_words() -> None:
    seen = series([1.6e9, 1.129e16, 1.7e9], [1.6e9, 1.676e9, 1.7e9])
    assert picture.alt(seen, "m: v") == (
        "m: v by day, 2026-04-08 to 2026-04-10: 1 day changed; on 2026-04-09 production 11.29 quadrillion, dev 1.676 billion."
    )
    assert "are the same" in picture.alt(series([1.0], [1.0]), "m")
