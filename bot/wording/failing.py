"""The reply of a finding that fails: what it says, the rows that show it, and what can be done."""

from __future__ import annotations

from tabulate import tabulate

from bot.model import Finding
from bot.wording.sentences import line
from bot.wording.tables import column
from bot.wording.text import fenced

ROWS = 10  # of the examples; the details file has them all
_CELL = 24


def failing(finding: Finding, waivable: bool) -> str:
    """`*Parity: fail.* 12 rows before 2026-04-08 differ in fees.` with a table, and the ways on."""
    ways = "An approver may waive it, with a reason." if waivable else "Nobody may waive it: rebuild it, or reject."
    return "\n".join(part for part in (line(finding), _table(finding), ways) if part)


def _table(finding: Finding) -> str:
    """Nothing where values may not leave the warehouse, or where there is nothing to show."""
    rows = finding.examples[:ROWS]
    if not rows:
        return ""
    heads = [h for h in rows[0] if any(row.get(h) not in (None, "") for row in rows)]
    cells = [[_cell(row.get(h)) for h in heads] for row in rows]
    table = tabulate(cells, [column(h) for h in heads], tablefmt="plain", disable_numparse=True)
    return fenced("\n".join(text.rstrip() for text in table.splitlines()))


def _cell(value: object) -> str:
    text = "NULL" if value is None else str(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"
