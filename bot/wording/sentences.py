"""One sentence in mrkdwn for a finding that does not pass: the check, its verdict and what it saw, escaped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.model import Finding, Verdict
from bot.wording import safety, tables
from bot.wording.numbers import share
from bot.wording.tables import column, columns, exact
from bot.wording.text import escape, listed, plural


def called(name: str) -> str:
    """A finding's name in a sentence: parity, safety (streams)."""
    check, _, part = name.partition(":")
    return f"{escape(check)} ({escape(part)})" if part else escape(check)


def line(finding: Finding) -> str:
    """`*Parity: fail.* 12 rows before 2026-04-08 differ in fees ...`; a finding that passes says only that."""
    if finding.verdict is Verdict.PASS:
        return f"*{finding.check.capitalize()}: pass.*"
    said = _SAID[finding.check](finding.numbers, finding)
    return f"*{finding.check.capitalize()}: {finding.verdict.value}.* {escape(said)}"


def _parity_said(n: dict[str, Any], _finding: Finding) -> str:
    if "moved_by_name" in n:
        return _clocks_said(n)
    if n.get("since") == "":
        return "No date column is known, so history and window cannot be told apart."
    some = [f"only one key in {n['sample']:,} was joined, so this is a sample"] if n.get("sample", 1) > 1 else []
    said = _told_as(_backfill_said(n, some) if "history_rows" in n else _full_said(n, some))
    return f"{_rekeyed(n)} {said}".strip()


def _clocks_said(n: dict[str, Any]) -> str:
    """What moved where a name alone says that it is a clock."""
    where = column_counts(n["moved_by_name"]) or f"{plural(n['rows_by_name'], 'row')} in {columns(n['columns'])}"
    by = [(name, int(seconds)) for name, _, seconds in (item.rpartition(": ") for item in n["shifted"])]
    shifts = [
        f"every one of {column(name)} by {_lasting(seconds)}, as a change of time zone would" for name, seconds in by
    ]
    verb = "is" if len(n["columns"]) == 1 else "are"
    usual = f"by name {columns(n['columns'])} {verb} when a row was written, which nothing proves"
    return _told_as([f"values moved ({where})", *shifts, usual])


def _lasting(seconds: int) -> str:
    """8 hours, -1 day: in the largest unit that is whole."""
    size, unit = next(
        (s, u) for s, u in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")) if not seconds % s
    )
    return ("-" if seconds < 0 else "") + plural(abs(seconds) // size, unit)


def _backfill_said(n: dict[str, Any], some: list[str]) -> list[str]:
    parts, before = [*some], f"before {n['since']}"
    if n["history_differ"]:
        differ = "differs" if n["history_differ"] == 1 else "differ"
        parts.append(f"{plural(n['history_differ'], 'row')} {before} {differ} in {columns(n['broken_in'])}")
    if n["history_missing"] or n["history_extra"]:
        lost, new = plural(n["history_missing"], "row"), n["history_extra"]
        parts.append(f"{before} {lost} {_are(n['history_missing'])} missing and {new:,} {_are(new)} new")
    if len(parts) > len(some):
        parts[-1] += ": the backfill reached further than asked"
    if n["window_missing"]:
        parts.append(f"{plural(n['window_missing'], 'row')} of the window would be lost")
    if n["window_outside"]:
        parts.append(
            f"{plural(n['window_outside'], 'row')} of the window changed in {_to_stay(n.get('outside_in', []))}"
        )
    if not parts:
        parts.append(
            "Without a usable key it cannot be known whether rows of the window are lost or changed: "
            f"{n['window_changed']:,} are not as in production"
        )
        parts += _untolerated(n)
    return [*parts, *_offered(n)]


def _rekeyed(n: dict[str, Any]) -> str:
    """Every key is another one: rows that may be the same cannot be recognised."""
    whole = n["method"] == "key" and "unpaired" in n and n["unpaired"] == n["production"]
    came = any(n.get(name) for name in ("keys_added", "history_extra", "window_new"))
    return "No key of production is in dev: was the key's definition changed?" if whole and came else ""


def _offered(n: dict[str, Any]) -> list[str]:
    """Another key that pairs more rows."""
    if not n.get("other_key"):
        return []
    names, rest = columns(n["other_key"]), n["other_unpaired"]
    which = f"all rows of production but {rest:,}" if rest else "every row of production"
    return [f"{names} pairs {which}: if that is the key, set it as the grain"]


def _full_said(n: dict[str, Any], some: list[str]) -> list[str]:
    if not n["rows_after"]:
        return ["The candidate has no rows at all"]
    parts = [*some]
    if n["rows_after"] < 0.99 * n["rows_before"]:
        parts.append(f"{n['rows_after']:,} rows where production has {n['rows_before']:,}, less than 99 %")
    if n["keys_removed"] and n["method"] == "key":
        new = f" and {n['keys_added']:,} are new" if n["keys_added"] else ""
        parts.append(f"{plural(n['keys_removed'], 'key')} of production would be removed{new}")
        parts += _offered(n)
    if n["keys_removed"] and n["method"] != "key":
        parts.append(
            "Without a usable key it cannot be known whether rows are lost or changed: "
            f"{n['keys_removed']:,} are only in production, {n['keys_added']:,} only in the candidate"
        )
        parts += _untolerated(n)
    return parts


def _untolerated(n: dict[str, Any]) -> list[str]:
    lost = n.get("tolerance_lost")
    return [f"the tolerance of {columns(lost)} is not kept, since rows are compared by a hash"] if lost else []


def _to_stay(names: Sequence[str]) -> str:
    """Without a key it is not known which columns."""
    return (
        f"{columns(names)}, which {'was' if len(names) == 1 else 'were'} to stay"
        if names
        else "columns that were to stay"
    )


def _left_behind_said(n: dict[str, Any], _finding: Finding) -> str:
    if "reason" in n:
        return _LEFT.get(n["reason"], f"The model's SELECT could not be evaluated: {n['reason']}.")
    parts: list[str] = []
    if n["columns"]:
        parts.append(
            f"from {n['since']} on the model also changes {columns(n['columns'])}, which would keep the old value"
        )
    if n["only_candidate"]:
        parts.append(
            f"{plural(n['only_candidate'], 'row')} that the model no longer returns would stay: a merge never deletes"
        )
    if n["only_model"]:
        parts.append(f"{plural(n['only_model'], 'row')} that the model returns {_are(n['only_model'])} not in dev")
    if n["moved"]:
        parts.append(f"the model now gives other values in {columns(n['moved'])} than it did in the build")
    if n["repeated"]:
        parts.append(f"the model returns {n['repeated']:,} rows with a repeated key")
    return _told_as(parts)


_LEFT = {
    "no key": "Without a usable key the model's SELECT cannot be compared with dev.",
    "no date": "Without a date column the window is not known, so the model's SELECT cannot be compared with dev.",
    "not compiled": "dbt left no compiled SQL, so what else would change is not known.",
    "not readable": "The model's SQL cannot be read, so what else would change is not known.",
}


def _turned_null_said(n: dict[str, Any], _finding: Finding) -> str:
    if n["values"]:
        lost = f"{plural(n['values'], 'value')} would turn NULL ({column_counts(n['by_column'])})."
        return f"{lost} {unseen(n)}".rstrip()
    if n.get("unpaired"):
        return unseen(n)
    if n.get("unknown"):
        return f"Without a usable key it cannot be known whether values of {columns(n['unknown'])} turned NULL."
    return f"Only one key in {n['sample']:,} was joined, and none of its values turned NULL."


def unseen(n: dict[str, Any]) -> str:
    """Which share of production was not paired, and what is known of its values; "" where every row was."""
    if not n.get("unpaired"):
        return ""
    rows = (
        f"{n['unpaired']:,} of {plural(n['production'], 'row')} of production ({share(n['unpaired'], n['production'])})"
    )
    has, their = ("has", "its") if n["unpaired"] == 1 else ("have", "their")
    known = _by_other_key(n) if "other_key" in n else _by_sums(n)
    return f"{rows} {has} no counterpart in dev, so {their} values were not compared. {known}".rstrip()


def _by_other_key(n: dict[str, Any]) -> str:
    lost, moved = n.get("other_lost"), n.get("other_changed")
    said = []
    if lost is not None:
        said.append(f"values turned NULL ({column_counts(lost)})" if lost else "no value turned NULL")
    if moved is not None:
        said.append(f"values changed ({column_counts(moved)})" if moved else "no other value changed")
    return f"Paired by {columns(n['other_key'])} instead, {' and '.join(said)}." if said else ""


def _by_sums(n: dict[str, Any]) -> str:
    if "nulls" in n:
        counted = f"go from {column_counts(n['nulls'])}" if n["nulls"] else "are as many in every column"
        return f"NULLs, counted in all, {counted}."
    if "sums_moved" not in n:
        return ""
    days = f", on {plural(n['days_moved'], 'day')}" if n["days_moved"] else ""
    moved = [f"the sum of {columns(n['sums_moved'])} moves"] if n["sums_moved"] else ["no sum of all rows moves"]
    return f"Added up, {moved[0]}{days}."


def sampled(n: dict[str, Any]) -> str:
    """A sentence to follow another; "" where every key was joined."""
    return f" Only one key in {n['sample']:,} was joined." if n.get("sample", 1) > 1 else ""


def column_counts(items: Sequence[str], most: int = 6) -> str:
    """`fees: 3, volume: 1`, as they are counted."""
    named = [f"{column(name)}: {rows}" for name, _, rows in (item.rpartition(": ") for item in items)]
    return ", ".join(named[:most]) + (f" and {len(named) - most:,} more columns" if len(named) > most else "")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _schema_said(n: dict[str, Any], _finding: Finding) -> str:
    words = {
        "dropped": "loses {}",
        "narrowed": "narrows {}",
        "retyped": "changes the type of {}",
        "widened": "widens {}",
        "added": "adds {}",
        "nullable": "allows NULL in {}",
    }
    parts = [text.format(columns(n[name], most=8)) for name, text in words.items() if n.get(name)]
    if n.get("reordered"):
        parts.append("orders its columns differently")
    return f"The candidate {', '.join(parts)}."


def _grain_said(n: dict[str, Any], _finding: Finding) -> str:
    parts: list[str] = []
    if not n["grain"]:
        parts.append("No key is known, so rows are compared as multisets")
    if n["duplicate_keys"]:
        stand = "stands" if n["duplicate_keys"] == 1 else "stand"
        parts.append(
            f"{plural(n['duplicate_keys'], 'key')} ({columns(n['grain'])}) {stand} in {n['duplicate_rows']:,} rows "
            f"(prod: {n['duplicate_keys_before']:,} in {n['duplicate_rows_before']:,})"
        )
    elif n["duplicate_keys_before"]:
        parts.append(
            f"{plural(n['duplicate_keys_before'], 'key')} ({columns(n['grain'])}) repeated in production alone"
        )
    if n["null_rows"]:
        parts.append(f"{plural(n['null_rows'], 'row')} without a key (prod: {n['null_rows_before']:,})")
    elif n["null_rows_before"]:
        parts.append(f"{plural(n['null_rows_before'], 'row')} without a key in production alone")
    if n["new_nan"]:
        parts.append(f"new NaN or infinity in {columns(n['new_nan'])}")
    if n["old_nan"]:
        parts.append(f"NaN or infinity in {columns(n['old_nan'])}, as in production")
    return _told_as(parts)


def _sanity_said(n: dict[str, Any], finding: Finding) -> str:
    if finding.name == "sanity":
        return _limits_said(n)
    parts = []
    if n["values_far"]:
        seen = [
            f"{column(str(e['column']))} up to {tables.rounded(e['largest'])}, usually {tables.rounded(e['usual'])}"
            for e in finding.examples[:3]
        ]
        values = plural(n["values_far"], "value")
        detail = f" ({'; '.join(seen)})" if seen else f" in {columns(n['columns'])}"
        parts.append(f"{values} over {n['times']:g} times the usual{detail}; prod has {n['values_far_before']:,}")
    if n["new_sign"]:
        parts.append(
            f"{plural(n['new_sign'], 'value')} of a sign that production never has, in {columns(n['columns'])}"
        )
    if n.get("unknown"):
        parts.append(f"what is usual in {columns(n['unknown'])} is not known: production keeps no value of it to go by")
    if n.get("unpaired"):
        parts.append(
            f"what is usual was taken without {n['unpaired']:,} of {plural(n['production'], 'row')} of production "
            f"({share(n['unpaired'], n['production'])}), which have no counterpart in dev"
        )
    return _told_as(parts)


def _limits_said(n: dict[str, Any]) -> str:
    parts: list[str] = []
    if n["rows_outside"]:
        where, before = columns(n["columns_outside"]), f"(prod: {n['rows_outside_before']:,})"
        limits = "; ".join(map(_limit, n["limits"]))
        parts.append(f"{plural(n['rows_outside'], 'row')} outside the limits in {where} {before}; limits: {limits}")
    if n["columns_unknown"]:
        parts.append(f"a limit is set for {columns(n['columns_unknown'])}, which is no number of this table")
    return _told_as(parts)


def _limit(item: str) -> str:
    """`DAILY_VOLUME: 0.0 to 1000000000000.0` as people write it."""
    name, _, span = item.rpartition(": ")
    least, most = (None if end == "any" else tables.rounded(end) for end in span.split(" to "))
    if least is None or most is None:
        return f"{column(name)} {f'at most {most}' if least is None else f'at least {least}'}"
    return f"{column(name)} {least} to {most}"


def _spot_said(n: dict[str, Any], finding: Finding) -> str:
    if "reason" in n:
        return _spot_reason(str(n["reason"]), str(n["analysis"]))
    if n["differ"] or n["not_found"]:
        shown = [
            f"{e['key']} {column(str(e['metric']))}: source {exact(e['source'])}, dev {exact(e['candidate'])}"
            for e in finding.examples[:3]
        ]
        lost = f"; {plural(n['not_found'], 'row')} of the source not in dev" if n["not_found"] else ""
        values = f"{n['differ']:,} of {plural(n['values'], 'value')} {'differs' if n['differ'] == 1 else 'differ'} from {n['analysis']}"
        return f"{values}{lost}" + (f" ({'; '.join(shown)})." if shown else ".")
    if not n["rows"]:
        dates = f" for {listed(n['unseen'], most=3)}" if n["unseen"] else ""
        return f"{n['analysis']} returned no rows{dates}, so nothing was compared."
    return f"{n['analysis']} says nothing about {', '.join(n['unseen'])}."


_REASONS = {
    "none configured": "No spot check is configured, so nothing was compared with the source. "
    "Compare it by hand and record what was compared.",
    "not compiled": "{} was not compiled by dbt: is it an analysis of this project?",
    "not readable": "{} cannot be read as SQL.",
    "reads the model itself": "{} reads the refreshed model, so it proves nothing about the source.",
    "reads dev": "{} reads from the dev schema, so it proves nothing about production's source.",
    "no key": "{} returns neither the grain nor the date column.",
    "no metric": "{} returns no number that the model has.",
}


def _spot_reason(reason: str, analysis: str) -> str:
    return _REASONS.get(reason, f"{{}} could not be run: {reason}.").format(analysis)


def _tests_said(n: dict[str, Any], _finding: Finding) -> str:
    if not n["tests"]:
        return "The model has no tests, so dbt tested nothing."
    known = [f"{name} (in production as well)" for name in n.get("known", [])]
    bad = list(n["failing"]) or [*n["warning"], *known]
    return f"{n['passed']} of {n['tests']} pass; {'; '.join(bad[:5])}" + (
        f" and {len(bad) - 5} more." if len(bad) > 5 else "."
    )


def _outliers_said(n: dict[str, Any], _finding: Finding) -> str:
    found = f"{plural(int(n.get('to_explain', 0)), 'value')} to explain.{sampled(n)}"
    return f"{found} {unseen(n)}".rstrip()


def _told_as(parts: Sequence[str]) -> str:
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


_SAID: dict[str, Callable[[dict[str, Any], Finding], str]] = {
    "parity": _parity_said,
    "left behind": _left_behind_said,
    "turned null": _turned_null_said,
    "schema": _schema_said,
    "grain": _grain_said,
    "sanity": _sanity_said,
    "spot check": _spot_said,
    "tests": _tests_said,
    "safety": safety.said,
    "outliers": _outliers_said,
}
