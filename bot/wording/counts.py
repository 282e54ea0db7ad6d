"""The numbers behind the verdicts as plain text for a fence: one labelled line a check, wrapped for a phone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.model import Finding, Report, Side, Verdict
from bot.wording.sentences import column_counts
from bot.wording.tables import column, columns, exact, labelled, origin
from bot.wording.text import plural

_MOST_COLUMNS = 6


def summary(report: Report) -> str:
    """The numbers behind the verdicts, one labelled line a check."""
    return "\n".join(filter(None, (counted(f, report) for f in report.findings if f.check in _LINES)))


def counted(finding: Finding, report: Report) -> str:
    """One check's numbers as plain text, wrapped for a phone; "" where there is nothing to say."""
    return _LINES[finding.check](finding.numbers, finding, report) if finding.check in _LINES else ""


def _parity_lines(n: dict[str, Any], finding: Finding, report: Report) -> str:
    if finding.name == "parity:where":
        return _where_line(n, finding)
    if finding.name == "parity:clocks":
        return ""
    return _backfill_lines(n, report) if "history_rows" in n else _full_lines(n, report)


def _backfill_lines(n: dict[str, Any], report: Report) -> str:
    history = labelled(
        "history",
        f"{plural(n['history_rows'], 'row')} before {n['since'] or 'the window'}:",
        f"{n['history_differ']:,} differ, {n['history_missing']:,} missing, {n['history_extra']:,} extra",
        _grain_words(n),
    )
    window = labelled(
        "window",
        f"{plural(n['window_rows'], 'row')}: {n['window_missing']:,} missing, {n['window_new']:,} new",
    )
    return f"{history}\n{window}\n{labelled('changed', *_changed(n, report))}"


def _full_lines(n: dict[str, Any], report: Report) -> str:
    base, cand = report.baseline, report.candidate
    if (base.first, base.last) == (cand.first, cand.last):
        dates = [f"both {base.first} to {base.last}" if base.first else ""]
    else:
        dates = [f"prod {_span(base)}", f"dev  {_span(cand)}"]
    rows = labelled("rows", f"{n['rows_before']:,} -> {n['rows_after']:,}", *dates)
    if n["method"] == "key":
        late = n.get("keys_added_late", 0)
        after = f"{late:,} of them after prod's last day" if late else ""
        keys = labelled("keys", f"{n['keys_removed']:,} removed, {n['keys_added']:,} new", after, _grain_words(n))
    else:
        keys = labelled("rows", f"{n['keys_removed']:,} only in prod, {n['keys_added']:,} only in dev", _grain_words(n))
    changed = labelled("changed", _of_those_paired(n), *_changed(n, report))
    return "\n".join([rows, keys, changed])


def _of_those_paired(n: dict[str, Any]) -> str:
    """What was not paired was not compared: no change of it is counted."""
    if n["method"] != "key" or not n.get("unpaired"):
        return plural(n["rows_changed"], "row")
    paired = n["production"] - n["unpaired"]
    if not paired:
        return "not known: no row was paired"
    return f"{plural(n['rows_changed'], 'row')} of the {paired:,} that were paired"


def _span(side: Side) -> str:
    return f"{side.first} to {side.last}" if side.first else "no dates"


def _changed(n: dict[str, Any], report: Report) -> list[str]:
    """Which columns changed, one a line, that the others did not, and which were left out."""
    left = f"left out: {columns(n['clock'])} (when, not what)" if n["clock"] else ""
    if n["method"] != "key":
        return ["rows are one gone and one new: no key", left]
    if n.get("unpaired") and n["unpaired"] == n["production"]:
        return [left]
    moved = [c for c in report.changes if c.window]
    named = [f"{c.window:,} in {column(c.column)}" for c in moved[:_MOST_COLUMNS]]
    if len(moved) > _MOST_COLUMNS:
        named.append(f"some in {plural(len(moved) - _MOST_COLUMNS, 'more column')}")
    rest = report.columns_compared - len(moved) - len(n["clock"])
    others = "the other column" if rest == 1 else f"the other {plural(rest, 'column')}"
    return [*named, f"0 in {others if moved else plural(rest, 'column')}" if rest else "", left]


def _grain_words(n: dict[str, Any]) -> str:
    if not n["grain"]:
        return "(no key is known: rows compared as multisets)"
    how = "" if n["method"] == "key" else "; not unique: rows compared as multisets"
    some = f"; one key in {n['sample']:,}" if n.get("sample", 1) > 1 else ""
    return f"(grain {columns(n['grain'])}, {origin(n['grain_source'])}{how}{some})"


def _where_line(n: dict[str, Any], finding: Finding) -> str:
    """Which dates and values hold the changed rows: never a share that rounds a difference away."""
    one = n["first"] == n["last"]
    when = "" if not n["days"] else f"on {n['first']}" if one else f"{n['days']:,} days, {n['first']} to {n['last']}"
    places = [
        f"{e['rows']:,} of {e['of']:,} have {column(str(e['column']))} = {'NULL' if e['value'] is None else e['value']}, {e['times']:g} times its share"
        for e in finding.examples[:3]
    ]
    return labelled("where", when, *places)


def _left_line(n: dict[str, Any], _finding: Finding, _report: Report) -> str:
    if "reason" in n:
        return labelled("left", "not known")
    if n["by_column"]:
        return labelled("left", f"behind {column_counts(n['by_column'])}")
    other = n["only_candidate"] + n["only_model"] + n["repeated"]
    return labelled("left", f"behind {plural(other, 'row')}" if other else "nothing behind")


def _null_line(n: dict[str, Any], _finding: Finding, _report: Report) -> str:
    lost = f"{plural(n['values'], 'value')} turned NULL" if n["values"] else ""
    if n.get("unpaired") and not lost:
        lost = "not known of every row"
    return labelled("null", lost, f"{plural(n['filled'], 'value')} filled" if n["filled"] else "")


def _sanity_line(n: dict[str, Any], finding: Finding, _report: Report) -> str:
    if finding.name == "sanity":
        return labelled(
            "sanity", f"{plural(n['rows_outside'], 'row')} outside limits (prod: {n['rows_outside_before']:,})"
        )
    if finding.verdict is Verdict.PASS:
        return ""
    if finding.verdict is Verdict.UNKNOWN:
        return labelled("usual", f"not known of {columns(n['unknown'])}" if n["unknown"] else "not known of every row")
    return labelled("usual", f"{plural(n['values_far'], 'value')} far from usual (prod: {n['values_far_before']:,})")


def _spot_line(n: dict[str, Any], finding: Finding, _report: Report) -> str:
    if "reason" in n:
        return labelled("spot", n["analysis"] or "", n["reason"])
    if not n["rows"]:
        return labelled("spot", f"{n['analysis']}: no rows")
    if not finding.examples or n["differ"] or n["not_found"]:
        differ = f"{n['differ']:,} of {plural(n['values'], 'value')} {'differs' if n['differ'] == 1 else 'differ'}"
        return labelled("spot", f"{n['analysis']}:", differ)
    first = finding.examples[0]
    more = f"{n['values'] - 1:,} more the same" if n["values"] > 1 else ""
    same = "(the table that the model reads)" if n["same_table"] else ""
    source = f"source {exact(first['source'])},"
    return labelled("spot", f"{n['analysis']} {first['key']}:", source, "dev the same", more, same)


def _tests_line(n: dict[str, Any], _finding: Finding, _report: Report) -> str:
    return labelled("tests", f"{n['passed']} of {n['tests']}" if n["tests"] else "the model has none")


_LINES: dict[str, Callable[[dict[str, Any], Finding, Report], str]] = {
    "parity": _parity_lines,
    "left behind": _left_line,
    "turned null": _null_line,
    "sanity": _sanity_line,
    "spot check": _spot_line,
    "tests": _tests_line,
}
