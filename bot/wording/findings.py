"""What the checks found, in words: the Result reply.

This module is what others import; the parts stand in `sentences` (one a finding), `counts` (the fenced block),
`tables` and `details` (the files).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from bot.model import Finding, Refresh, Report, Verdict
from bot.wording import tables
from bot.wording.counts import summary
from bot.wording.details import details
from bot.wording.numbers import number
from bot.wording.sentences import line, sampled, unseen
from bot.wording.tables import outliers_csv
from bot.wording.text import escape, fenced, plural, shorten

__all__ = ["comparing", "details", "line", "outliers", "outliers_csv", "result", "summary", "verdicts"]

LIMIT = 3500  # characters of the Result reply
_CHECKS = ("parity", "left behind", "turned null", "schema", "grain", "sanity", "spot check", "tests", "safety")
_STEPS = {
    "columns": "reading columns",
    "rows": "counting rows",
    "grain": "looking for repeated keys",
    "parity": "row by row",
    "sanity": "looking for values out of range",
    "left behind": "asking the model what else would change",
    "spot check": "asking the source",
}


def comparing(step: str) -> str:
    """What the card shows while the comparison runs."""
    return f"Comparing dev with production: {_STEPS[step]}"


# The Result reply


def result(refresh: Refresh, limit: int = LIMIT) -> str:
    """The Result reply: verdicts, the counts, the outliers; never longer than `limit`, and it says what was cut."""
    report, plan = refresh.report, refresh.plan
    if report is None or plan is None:
        raise ValueError(f"{refresh.ref} was not compared yet")
    told = [f for f in report.findings if f.verdict in (Verdict.UNKNOWN, Verdict.WARN) and f.check != "outliers"]
    top = "\n".join([verdicts(report), *(f"• {line(f)}" for f in told)])
    counts = fenced(summary(report))

    def told_with(shown: int) -> str:
        return "\n".join(filter(None, [top, counts, outliers(report, shown)]))

    most = min(plan.rules.top, len(report.outliers))
    fitting = bisect_right(range(most + 1), limit, key=lambda shown: len(told_with(shown)))
    return shorten(told_with(max(0, fitting - 1)), limit)


def verdicts(report: Report) -> str:
    """`Parity, schema, sanity: *pass*. Spot check: *unknown*.` Each check once, by its worst finding."""
    worst = {check: _worst(f for f in report.findings if f.check == check) for check in _CHECKS}
    parts = []
    for verdict in (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN, Verdict.PASS):
        names = [check for check in _CHECKS if worst[check] is verdict]
        if names:
            parts.append(f"{', '.join(names).capitalize()}: *{verdict.value}*.")
    return " ".join(parts)


def _worst(findings: Iterable[Finding]) -> Verdict | None:
    found = {f.verdict for f in findings}
    order = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.WARN, Verdict.PASS)
    return next((v for v in order if v in found), None)


def outliers(report: Report, shown: int) -> str:
    """How many values moved, and a table of the first `shown`."""
    found = _named(report, "outliers")
    if found is None or "reported" not in found.numbers:
        return "*Outliers: not looked for.* There is neither a key nor a date to pair the values by." if found else ""
    some = sampled(found.numbers)
    total, heavy = int(str(found.numbers["reported"])), int(str(found.numbers["to_explain"]))
    if not total and found.numbers.get("unpaired"):
        return "\n".join(filter(None, [f"*Outliers: not known.* {escape(unseen(found.numbers))}", _unpaired(found)]))
    if not total:
        return f"*Outliers: not known.*{some} None of its values moved." if some else "Outliers: none."
    if heavy:
        need = plural(heavy, "needs an explanation", "need an explanation")
        grouped = f", in {plural(len(report.groups), 'group')}" if len(report.groups) < heavy else ""
        head = f"*Outliers: {need}{grouped}.*{some}"
    else:
        head = f"Outliers: {plural(total, 'value')} moved, none by more than {_percent(found, 'explain_over')}.{some}"
    head = f"{head} {escape(unseen(found.numbers))}".rstrip()
    table = fenced(tables.outliers(report.outliers[:shown])) if shown else ""
    rest = total - shown
    more = "" if rest <= 0 else f"{rest:,} more in outliers.csv." if report.outliers else f"{total:,} values in all."
    if total > len(report.outliers) > 0 and rest > 0:
        more = f"{rest:,} more, the first {len(report.outliers):,} in outliers.csv."
    return "\n".join(filter(None, [head, table, more, _unpaired(found)]))


def _unpaired(found: Finding) -> str:
    """What moved by another key, or in sum; nothing where values may not leave the warehouse."""
    return fenced(tables.unpaired(found.examples)) if found.examples else ""


def _percent(found: Finding, name: str) -> str:
    return f"{number(float(str(found.numbers[name])) * 100)} %"


def _named(report: Report, name: str) -> Finding | None:
    return next((f for f in report.findings if f.name == name), None)
