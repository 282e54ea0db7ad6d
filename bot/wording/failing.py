"""The reply of a finding that fails: what it says, the rows that show it, and what can be done."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tabulate import tabulate

from bot.model import Finding
from bot.wording.sentences import line
from bot.wording.tables import WIDTH, column, exact
from bot.wording.text import fenced

ROWS = 10  # of the examples; the details file has them all
_CELL = 24
_VALUES = (
    "before",
    "after",
    "source",
    "candidate",
    "dev",
    "model",
    "least",
    "most",
    "rows",
)  # never a key: it stays as written
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_SIDES = {"baseline": "prod", "candidate": "dev"}  # as people call the two everywhere else


def failing(finding: Finding, waivable: bool) -> str:
    """`*Parity: fail.* 12 rows before 2026-04-08 differ in fees.` with a table, and the ways on."""
    return "\n".join(part for part in (line(finding), _table(finding), _ways(finding, waivable)) if part)


def _ways(finding: Finding, waivable: bool) -> str:
    if not waivable:
        return "Nobody may waive it: rebuild it, or reject."
    if finding.check == "left behind" and finding.numbers["columns"]:
        return "*Rebuild* with these columns too, below; or an approver waives it, with a reason."
    return "An approver may waive it, with a reason."


def _table(finding: Finding) -> str:
    """Nothing where values may not leave the warehouse, or where there is nothing to show.

    One line a row where that fits a phone, else each row as lines of its own.
    """
    if not finding.examples:
        return ""
    names, rows = cells(finding)
    table = tabulate(rows, names, tablefmt="plain", disable_numparse=True)
    lines = [text.rstrip() for text in table.splitlines()]
    return fenced("\n".join(lines) if max(map(len, lines)) <= WIDTH else _stacked(names, rows))


def cells(finding: Finding) -> tuple[list[str], list[list[str]]]:
    """The examples as a table's head and rows, without columns that say nothing."""
    rows = finding.examples[:ROWS]
    heads = [h for h in rows[0] if any(row.get(h) not in (None, "") for row in rows)]
    return [column(_SIDES.get(h, h)) for h in heads], [[_cell(h, row.get(h)) for h in heads] for row in rows]


def _stacked(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    width = max(map(len, names)) + 2
    return "\n\n".join(
        "\n".join(f"{name.ljust(width)}{value}" for name, value in zip(names, row, strict=True) if value)
        for row in rows
    )


def _cell(head: str, value: object) -> str:
    """A column, a side or a value, each as the rest of the thread writes it."""
    text = "NULL" if value is None else str(value)
    if head in ("column", "metric"):
        return column(text)
    if head == "side":
        return _SIDES[text]
    if head in _VALUES and _NUMBER.fullmatch(text):
        return exact(text)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
