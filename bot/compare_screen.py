"""The report of `dbt-refresh compare` on a terminal: a line a check, the rows that show it, the counts, the largest changes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from rich.console import Console, RenderableType
from rich.table import Table

from bot.model import Outlier, Report, Verdict
from bot.wording import compare as say
from bot.wording import failing
from bot.wording.counts import summary
from bot.wording.tables import column, moves


def show(console: Console, title: str, report: Report, top: int, result: str) -> None:
    """`top`: outliers shown; `result`: what it comes to, in a sentence."""
    console.print(_checks(title, report))
    for found in report.findings:
        if (
            found.examples and found.verdict is not Verdict.PASS and found.check != "sanity"
        ):  # which says them in its sentence
            _said(console, say.examples(found.name), _rows(*failing.cells(found)))
    _said(console, say.counts(), summary(report))
    for metric, rows in groupby(_by_metric(report.outliers[:top]), key=lambda o: o.metric):
        _said(console, column(metric), _rows(*moves(list(rows)), numbers=3))
    if rest := say.not_shown(report, top):
        _said(console, rest)
    _said(console, result)


def _said(console: Console, *parts: RenderableType) -> None:
    console.print()
    for part in parts:
        console.print(part, markup=False, highlight=False)


def _checks(title: str, report: Report) -> Table:
    table = Table(title=title, title_justify="left", show_edge=False)
    for name in say.HEAD:
        table.add_column(name)
    for found in report.findings:
        if found.name != "parity:where":
            table.add_row(found.name, found.verdict.value, say.saw(found), style=say.STYLES[found.verdict.value])
    return table


def _by_metric(shown: Sequence[Outlier]) -> list[Outlier]:
    """The metric with the largest change first."""
    order = list(dict.fromkeys(o.metric for o in shown))
    return sorted(shown, key=lambda o: order.index(o.metric))


def _rows(heads: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> Table:
    """`numbers`: so many columns at the end are aligned to the right and never broken."""
    table = Table(show_edge=False, box=None, pad_edge=False)
    for i, head in enumerate(heads):
        last = i >= len(heads) - numbers
        table.add_column(head, justify="right" if last else "left", no_wrap=last)
    for row in rows:
        table.add_row(*row)
    return table
