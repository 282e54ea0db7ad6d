"""Tables that stay readable on a phone: at most 42 characters wide, values in full, grouped by metric."""

from __future__ import annotations

import csv
import io
import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

from tabulate import tabulate

from bot.model import Outlier, OutlierGroup, Report
from bot.outliers import decimal, direction
from bot.wording.numbers import change, number, pair

WIDTH = 42
LABEL = 9  # room for a line's label: history, window, sanity ...
_KEY = 12


def column(name: str) -> str:
    """A column as people write it: Snowflake's capitals only where they mean something."""
    return name.lower() if name.isupper() else name


def columns(names: Iterable[str], most: int = 4) -> str:
    """`a, b and c`; beyond `most` it ends in how many more."""
    items = [column(name) for name in names]
    if len(items) > most:
        items = [*items[: most - 1], f"{len(items) - most + 1:,} more"]
    return " and ".join(filter(None, (", ".join(items[:-1]), *items[-1:])))


def exact(text: object) -> str:
    """A value as the warehouse wrote it, every digit, grouped."""
    return number(found, exact=True) if (found := decimal(text)) is not None else str(text)


def rounded(text: object) -> str:
    """A value as the warehouse wrote it, as far as it matters."""
    return number(decimal(text))


def origin(source: str) -> str:
    """Where a grain or a date column is known from, as a dbt person finds it again."""
    if source == "asked":
        return "as asked"
    return source if source.startswith("found") else f"from {'config.meta' if source == 'meta' else source}"


def labelled(label: str, *parts: str) -> str:
    """One line of the result: its label, then its parts, wrapped under each other; nothing without parts."""
    lines: list[str] = []
    for part in filter(None, parts):
        lines += textwrap.wrap(part, WIDTH - LABEL, break_long_words=False, break_on_hyphens=False)
    return "\n".join((label if not i else "").ljust(LABEL) + line for i, line in enumerate(lines))


def outliers(shown: Sequence[Outlier]) -> str:
    """Values before and after, by metric, the largest change first; one line each where that fits, else two or three."""
    ranks: dict[str, int] = {}
    for outlier in shown:
        ranks.setdefault(outlier.metric, len(ranks))
    ordered = sorted(shown, key=lambda o: ranks[o.metric])
    blocks = [
        f"{column(metric)}\n{_block(list(members))}" for metric, members in groupby(ordered, key=lambda o: o.metric)
    ]
    return "\n\n".join(blocks)


def _block(rows: Sequence[Outlier]) -> str:
    values = [pair(o.before, o.after) for o in rows]
    moves = [_move(o) for o in rows]
    told = list(zip(map(_key, rows), values, moves, strict=True))
    flat = _plain(["date", "prod", "dev", "change"], [[" ".join(k), *v, m] for k, v, m in told])
    if _fits(flat):
        return flat
    two = _plain(["date", "prod, dev", "change"], [["\n".join(k), "\n".join(v), m] for k, v, m in told])
    if _fits(two):
        return two
    return _plain(["date", "prod, dev, change"], [["\n".join(k), "\n".join([*v, m])] for k, v, m in told])


def moves(rows: Sequence[Outlier]) -> tuple[list[str], list[list[str]]]:
    """The same for a screen: head and rows, each value in full on its line."""
    head = ["date", "key", "prod", "dev", "change"]
    told = [[*_named(o), *pair(o.before, o.after), _move(o)] for o in rows]
    used = [i for i in range(len(head)) if i > 1 or any(row[i] for row in told)]
    return [head[i] for i in used], [[row[i] for i in used] for row in told]


def unpaired(shown: Sequence[dict[str, object]]) -> str:
    """Values by another key that moved, or sums of all rows and of days: what is known of rows that were not paired."""
    by_key = "key" in shown[0]
    where = [str(e["key"] if by_key else e["day"] or "no date") for e in shown]
    values = [[rounded(e[end]) if e[end] not in (None, "") else "NULL" for end in ("before", "after")] for e in shown]
    rows = [[column(str(e["metric"])), at, *v] for e, at, v in zip(shown, where, values, strict=True)]
    name, place = ("value of", "key") if by_key else ("sum of", "date")
    flat = _plain([name, place, "prod", "dev"], rows)
    if _fits(flat):
        return flat
    return _plain([name, "prod, dev"], [[f"{row[0]}\n{row[1][:_KEY]}", f"{row[2]}\n{row[3]}"] for row in rows])


def _fits(table: str) -> bool:
    return max(map(len, table.splitlines())) <= WIDTH


def _plain(head: list[str], rows: list[list[str]]) -> str:
    align = ("left", *("right" for _ in head[1:]))
    table = tabulate(rows, head, tablefmt="plain", colalign=align, disable_numparse=True)
    return "\n".join(line.rstrip() for line in table.splitlines())


def _named(outlier: Outlier) -> tuple[str, str]:
    """The day, and the rest of the key."""
    day = outlier.day.isoformat() if outlier.day else ""
    return day, ", ".join(part for part in outlier.key if part != day)


def _key(outlier: Outlier) -> list[str]:
    day = outlier.day.isoformat() if outlier.day else ""
    others = [part for part in outlier.key if part[:10] != day]
    return [part if len(part) <= _KEY else part[: _KEY - 1] + "…" for part in filter(None, [day, *others])]


def _move(outlier: Outlier) -> str:
    if outlier.change is not None:
        return change(outlier.change)
    return way if (way := direction(outlier)) in ("appeared", "vanished") else "not finite"


def group(item: OutlierGroup) -> str:
    """One group on one line, for the form and the details: what moved, which way, when, how many values."""
    span = (
        "" if item.first is None else f" {item.first}" if item.first == item.last else f" {item.first} to {item.last}"
    )
    worst = item.worst[0] if item.worst else None
    if worst is None:
        seen = ""
    else:
        before, after = pair(worst.before, worst.after)
        seen = f": {before} -> {after}" + (f" ({change(worst.change)})" if worst.change is not None else "")
    values = "" if item.count == 1 else f", {item.count:,} values"
    direction = item.direction if worst is None or item.count > 1 else ""
    return f"{column(item.metric)}{span}{values}{seen}" + (f", {direction}" if direction else "")


def outliers_csv(report: Report) -> str:
    """Every outlier that left the warehouse, with full values; safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["metric", "date", "key", "prod", "dev", "relative_change"])
    for o in report.outliers:
        writer.writerow(
            [
                _cell(o.metric),
                o.day.isoformat() if o.day else "",
                _cell(" | ".join(o.key)),
                _digits(o.before),
                _digits(o.after),
                "" if o.change is None else repr(o.change),
            ]
        )
    return out.getvalue()


def _digits(value: object) -> str:
    return "" if value is None else f"{value:f}"


def _cell(text: str) -> str:
    """A spreadsheet runs what begins like a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
