"""What `dbt-refresh compare` says in a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bot.model import Finding, Report, Verdict
from bot.wording.numbers import number
from bot.wording.sentences import line, sampled, unseen
from bot.wording.tables import columns, origin
from bot.wording.text import plain, plural

HEAD = ("check", "verdict", "what it saw")
STYLES = {"pass": "green", "warn": "yellow", "fail": "red", "unknown": "magenta"}


def title(prod: str, dev: str) -> str:
    return f"{prod} against {dev}"


def examples(name: str) -> str:
    return f"{name}, for example"


def counts() -> str:
    return "In numbers"


def not_shown(report: Report, top: int) -> str:
    """How many values moved beyond those that are listed; "" where all are."""
    found = next(f for f in report.findings if f.check == "outliers")
    rest = int(str(found.numbers.get("reported", 0))) - min(top, len(report.outliers))
    return f"{plural(rest, 'more value')} moved; --json has up to 1,000." if rest > 0 else ""


# What a check saw


def saw(found: Finding) -> str:
    """The sentence of a finding without its heading; of one that passes, its numbers."""
    if found.check == "outliers":
        return _outliers(found.numbers)
    if found.verdict is Verdict.PASS:
        return _NUMBERS[found.check](found.numbers)
    return plain(line(found)).partition(f": {found.verdict.value}. ")[2]


def _outliers(n: dict[str, Any]) -> str:
    if "reported" not in n:
        return "There is neither a key nor a date to pair the values by."
    over = [f"{number(n[name] * 100)} %" for name in ("report_over", "explain_over")]
    by_day = ", summed by day" if n["summed_by_day"] else ""
    moved = f"{plural(n['reported'], 'value')} moved by more than {over[0]}{by_day}; {n['to_explain']:,} by more than {over[1]}.{sampled(n)}"
    return f"{moved} {unseen(n)}".rstrip()


def _parity(n: dict[str, Any]) -> str:
    if "history_rows" in n:
        return (
            f"{n['history_rows']:,} rows before {n['since']}, none differs, is missing or new. From then on {n['window_changed']:,} "
            f"of {n['window_rows']:,} changed, none outside {_expected(n)}; {n['window_new']:,} new, none missing."
        )
    rows = f"{n['rows_before']:,} -> {n['rows_after']:,} rows"
    what = "key" if n["method"] == "key" else "row"
    return f"{rows}; {plural(n['keys_removed'], what)} removed, {n['keys_added']:,} new; {n['rows_changed']:,} changed."


def _expected(n: dict[str, Any]) -> str:
    return "the columns asked for" if n["outside_columns"] else "what was asked for"


def _nulls(n: dict[str, Any]) -> str:
    return f"No value turned NULL; {n['filled']:,} filled."


def _grain(n: dict[str, Any]) -> str:
    return f"{columns(n['grain'])} ({origin(n['grain_source'])}): never NULL, never repeated."


_NUMBERS: dict[str, Callable[[dict[str, Any]], str]] = {
    "parity": _parity,
    "turned null": _nulls,
    "schema": lambda n: f"{plural(n['columns'], 'column')}, the same on both sides.",
    "grain": _grain,
    "sanity": lambda n: f"{plural(n['columns_checked'], 'number')} looked at, no value far from what is usual.",
}


# What it comes to


def result(code: int, report: Report) -> str:
    small = "Equal hashes are evidence (64 bit), not proof."
    return f"{_RESULTS[code](report)} {plural(report.statements, 'statement')} in {report.seconds:.1f} s. {small}"


def _equal(report: Report) -> str:
    parity, schema = (next(f for f in report.findings if f.name == name).numbers for name in ("parity", "schema"))
    if report.changes or schema.get("added") or parity.get("window_changed") or parity.get("window_new"):
        return "Different only where it was asked for."
    left = [str(name) for name in parity["clock"]]  # pyright: ignore
    return f"Equal, {columns(left)} left out." if left else "Equal."


def _undecided(report: Report) -> str:
    if not (report.baseline.rows or report.candidate.rows):
        return "Could not be decided: neither table has a row."
    return "Could not be decided."


_RESULTS: Sequence[Callable[[Report], str]] = (_equal, lambda _: "Different.", _undecided)


# What was asked cannot be meant


def where_in_one_statement() -> str:
    return "--where is one condition: no semicolon, no comment"


def columns_need_a_date() -> str:
    return "--columns says what may change from a day on: give that day with --backfill-date"


def no_such_table(name: str) -> str:
    return f"There is no table {name}, or the builder may not see it."


def no_such_column(names: Sequence[str], there: Sequence[str]) -> str:
    there_are = ", ".join(there[:20]) + (f" and {len(there) - 20} more" if len(there) > 20 else "")
    return f"There is no column {', '.join(names)}. There are {there_are}."


def nothing_in_common() -> str:
    return "The two tables have no column in common, so there is nothing to compare."
