"""`dbt-refresh compare`: two tables, the same report in a terminal or as JSON, and an exit code for CI."""

from __future__ import annotations

import csv
import json
from datetime import date
from typing import Any

from rich.console import Console

from bot import compare_screen
from bot.columns import match
from bot.comparison import Comparison, Pair, Progress
from bot.model import Mode, Origin, Relation, Report, Request, Rules, Verdict
from bot.report import canonical
from bot.settings import Settings
from bot.warehouse import Warehouse
from bot.wording import compare as say

EQUAL, DIFFERENT, UNDECIDED = 0, 1, 2
VERSION = 1  # of the JSON; grows when a field changes its meaning or goes

_ASKED = Origin(columns=(), source="none")


def pair(
    prod: str, dev: str, *, grain: str, date_column: str, since: date | None, columns: str, where: str, clock: str = ""
) -> Pair:
    """What the command line asks for. Raises ValueError for what cannot be meant."""
    if any(mark in where for mark in (";", "--", "/*")):
        raise ValueError(say.where_in_one_statement())
    if columns and not since:
        raise ValueError(say.columns_need_a_date())
    keys, dates = (Origin(columns=_listed(text), source="asked") for text in (grain, date_column))
    request = Request(
        model=dev, mode=Mode.BACKFILL if since else Mode.FULL_REFRESH, since=since, columns=_listed(columns)
    )
    return Pair(
        baseline=Relation.parse(prod),
        candidate=Relation.parse(dev),
        request=request,
        rules=Rules(
            grain=keys if grain else _ASKED, date_column=dates if date_column else _ASKED, clock=_listed(clock)
        ),
        where=where,
    )


def _listed(text: str) -> tuple[str, ...]:
    """`a, b`; a name with a comma in it stands in quotes."""
    return tuple(part.strip() for part in next(csv.reader([text], skipinitialspace=True), []) if part.strip())


def run(settings: Settings, asked: Pair, progress: Progress) -> tuple[Report, list[str]]:
    """The report and the ids of the statements.

    Raises ValueError for a column that is not there, RefreshError where Snowflake refuses or cannot be reached.
    """
    with Warehouse(settings, "compare").builder("dbt-refresh:compare") as session:
        comparison = Comparison(session, asked, progress)
        _refuse_unknown(asked, *({c.name for c in side} for side in (comparison.before, comparison.after)))
        return comparison.run(), [i for i in session.query_ids if i]


def _refuse_unknown(asked: Pair, before: set[str], after: set[str]) -> None:
    """A name that is not there would silently ask for something else. What may change may be new."""
    for relation, names in ((asked.baseline, before), (asked.candidate, after)):
        if not names:
            raise ValueError(say.no_such_table(str(relation)))
    both, either = sorted(before & after), sorted(before | after)
    if not both:
        raise ValueError(say.nothing_in_common())
    keys = (*asked.rules.grain.columns, *asked.rules.date_column.columns, *asked.rules.clock)
    for wanted, names in ((keys, both), (asked.request.columns, either)):
        if unknown := [name for name in wanted if not match(name, names)]:
            raise ValueError(say.no_such_column(unknown, names))


def verdict(report: Report) -> int:
    """0: equal, or only what was asked for; 1: differences; 2: what was asked could not be decided."""
    if not (report.baseline.rows or report.candidate.rows):
        return UNDECIDED  # two empty tables prove nothing, least of all a condition that no row meets
    judged = [f for f in report.findings if f.check != "outliers"]
    schema = next(f for f in judged if f.check == "schema")
    if schema.verdict is not Verdict.PASS or any(f.verdict is Verdict.FAIL for f in judged):
        return DIFFERENT
    parity = next(f for f in judged if f.name == "parity")
    differs = any(parity.numbers.get(name) for name in ("keys_removed", "keys_added", "rows_changed"))
    differs = differs or any(f.numbers.get("rows_by_name") for f in judged)
    if parity.verdict is Verdict.UNKNOWN:
        return DIFFERENT if differs else UNDECIDED
    explained = "history_rows" in parity.numbers  # a backfill says beforehand which values may change
    return DIFFERENT if differs and not explained else EQUAL


def as_json(asked: Pair, report: Report, query_ids: list[str]) -> str:
    """One object, stable (docs/compare.md)."""
    found: dict[str, Any] = {
        "version": VERSION,
        "prod": str(asked.baseline),
        "dev": str(asked.candidate),
        "mode": asked.request.mode,
        "where": asked.where,
        "result": ("equal", "different", "undecided")[verdict(report)],
        "rows": {"prod": report.baseline, "dev": report.candidate},
        "changes": report.changes,
        "findings": [
            {
                "check": f.check,
                "name": f.name,
                "verdict": f.verdict,
                "numbers": f.numbers,
                "examples": f.examples,
                "query_ids": [i for i in f.query_ids if i],
            }
            for f in report.findings
        ],
        "outliers": report.outliers,
        "seconds": report.seconds,
        "statements": report.statements,
        "query_ids": query_ids,
    }
    return json.dumps(json.loads(canonical(found)), indent=2)


def show(console: Console, asked: Pair, report: Report) -> None:
    """The report for people."""
    title = say.title(str(asked.baseline), str(asked.candidate))
    compare_screen.show(console, title, report, asked.rules.top, say.result(verdict(report), report))
