"""Values that moved: rows -> outliers, groups that a person explains at once, the headline and the picture's series; pure."""

from __future__ import annotations

import hashlib
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from bot.checks import Sides, finding
from bot.columns import ScopedColumn
from bot.days import day as as_day
from bot.model import Finding, Headline, Outlier, OutlierGroup, Rules, Series, Verdict
from bot.scope import Scope

Row = Mapping[str, Any]

MOST_GROUPS = 20
_WORST = 3  # rows shown with a group
_AROUND = timedelta(days=15)
_WIDEST = timedelta(days=45)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Contiguous days on which one metric moved in one direction by more than `explain_over`."""

    metric: str
    direction: str
    first: date | None
    last: date | None
    count: int
    worst: float  # largest relative change; infinity where values appeared, vanished or are not finite


def decimal(text: object) -> Decimal | None:
    """A value as the warehouse writes it; None for NULL and for what is no number."""
    if text is None:
        return None
    try:
        return Decimal(str(text))
    except InvalidOperation:
        return None


def outliers(scope: Scope, rows: Sequence[Row]) -> tuple[Outlier, ...]:
    """Every returned row, the largest change first; appeared and vanished values lead."""
    names = {c.index: c.name for c in scope.columns}
    found = [
        Outlier(
            key=tuple(str(row[f"k{i}"]) for i in range(len(scope.pair_keys))),
            day=as_day(row["day"]),
            metric=names[int(row["i"])],
            before=decimal(row["before_text"]),
            after=decimal(row["after_text"]),
            change=_share(row["share"]),
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda o: (-_size(o.change), o.metric, o.day or date.min, o.key)))


def _share(value: object) -> float | None:
    share = None if value is None else float(str(value))
    return share if share is not None and math.isfinite(share) else None


def _size(share: float | None) -> float:
    return math.inf if share is None else abs(share)


def direction(outlier: Outlier) -> str:
    """up, down, appeared or vanished, as checks/pairs says it: NULL and zero count as nothing, NaN is the greatest."""
    if outlier.before is None or outlier.before == 0:
        return "appeared"
    if outlier.after is None or outlier.after == 0:
        return "vanished"
    return "up" if _order(outlier.after) > _order(outlier.before) else "down"


def _order(value: Decimal) -> tuple[bool, Decimal]:
    return value.is_nan(), Decimal(0) if value.is_nan() else value


def needs_word(outlier: Outlier, rules: Rules) -> bool:
    """Moved so far that a person has to explain it."""
    return outlier.change is None or abs(outlier.change) > rules.explain_over


def groups(scope: Scope, days: Sequence[Row], found: Sequence[Outlier], rules: Rules) -> tuple[OutlierGroup, ...]:
    """At most 20 groups over every value to explain: by metric, direction and contiguous dates, then by metric."""
    names = {c.index: c.name for c in scope.columns}
    runs = _runs(names, [row for row in days if int(row["to_explain"])])
    if len(runs) > MOST_GROUPS:
        runs = _merged(runs, lambda run: run.metric)
    if len(runs) > MOST_GROUPS:
        ranked = sorted(runs, key=lambda run: (-run.worst, -run.count, run.metric))
        rest = f"{len(ranked) - MOST_GROUPS + 1} other metrics"
        kept = {run.metric for run in ranked[: MOST_GROUPS - 1]}
        runs = _merged(runs, lambda run: run.metric if run.metric in kept else rest)
    ordered = sorted(runs, key=lambda run: (-run.worst, run.metric, run.first or date.min, run.direction))
    named = {run.metric for run in runs}
    heavy = [o for o in found if needs_word(o, rules)]
    return tuple(_group(run, [o for o in heavy if _belongs(o, run, named)]) for run in ordered)


def _runs(names: Mapping[int, str], days: Iterable[Row]) -> list[Run]:
    runs: list[Run] = []
    for row in sorted(days, key=lambda r: (int(r["i"]), r["direction"], as_day(r["day"]) or date.min)):
        run = Run(
            metric=names[int(row["i"])],
            direction=row["direction"],
            first=as_day(row["day"]),
            last=as_day(row["day"]),
            count=int(row["to_explain"]),
            worst=_size(_share(row["worst"])),
        )
        last = runs[-1] if runs else None
        if last and last.metric == run.metric and last.direction == run.direction and _follows(last.last, run.first):
            runs[-1] = _joined([last, run], run.metric)
        else:
            runs.append(run)
    return runs


def _follows(last: date | None, first: date | None) -> bool:
    return last is not None and first is not None and first - last <= timedelta(days=1)


def _merged(runs: Sequence[Run], name: Any) -> list[Run]:
    by_name: dict[str, list[Run]] = defaultdict(list)
    for run in runs:
        by_name[name(run)].append(run)
    return [_joined(members, metric) for metric, members in by_name.items()]


def _joined(runs: Sequence[Run], metric: str) -> Run:
    directions = {run.direction for run in runs}
    firsts = [run.first for run in runs if run.first]
    lasts = [run.last for run in runs if run.last]
    return Run(
        metric=metric,
        direction=directions.pop() if len(directions) == 1 else "mixed",
        first=min(firsts, default=None),
        last=max(lasts, default=None),
        count=sum(run.count for run in runs),
        worst=max(run.worst for run in runs),
    )


def _belongs(outlier: Outlier, run: Run, named: set[str]) -> bool:
    if run.metric != (outlier.metric if outlier.metric in named else run.metric):
        return False
    if run.direction not in ("mixed", direction(outlier)):
        return False
    return run.first is None or run.last is None or outlier.day is None or run.first <= outlier.day <= run.last


def _group(run: Run, members: Sequence[Outlier]) -> OutlierGroup:
    worst = tuple(members[:_WORST])
    contents = [run.metric, run.direction, str(run.first), str(run.last), run.count, repr(run.worst)]
    values = [[*o.key, o.metric, str(o.before), str(o.after)] for o in worst]
    digest = hashlib.sha256(json.dumps([contents, values]).encode()).hexdigest()
    return OutlierGroup(
        id=digest[:12],
        metric=run.metric,
        direction=run.direction,
        first=run.first,
        last=run.last,
        count=run.count,
        worst=worst,
    )


def judged(
    scope: Scope,
    days: Sequence[Row],
    made: Sequence[OutlierGroup],
    rules: Rules,
    unseen: Mapping[str, object],
    examples: Sequence[dict[str, object]] = (),
) -> Finding:
    """The outliers as one finding. Groups block one by one, until each is explained; the finding where rows were not paired.

    A sample of keys can show one, never that there is none; parity, undecided for the same reason, is what blocks.
    `unseen`: numbers of the rows of production that were not paired, and what is known of them; `examples` show that.
    """
    numbers = {
        "reported": sum(int(row["reported"]) for row in days),
        "to_explain": sum(int(row["to_explain"]) for row in days),
        "groups": len(made),
        "report_over": rules.report_over,
        "explain_over": rules.explain_over,
        "paired_by": [c.name for c in scope.pair_keys],
        "summed_by_day": not scope.unique,
        "sample": scope.sample,
        **unseen,
    }
    if unseen:
        return finding("outliers", Verdict.UNKNOWN, numbers, waivable=True, examples=examples)
    verdict = Verdict.WARN if made else Verdict.UNKNOWN if scope.sample > 1 else Verdict.PASS
    return replace(finding("outliers", verdict, numbers), blocks=False)


def unpaired(unseen: Mapping[str, object]) -> Finding:
    """Neither key nor date: no value can be paired. It blocks where rows of production have no equal in dev."""
    found = finding("outliers", Verdict.UNKNOWN, {"groups": 0, **unseen}, waivable=bool(unseen))
    return replace(found, blocks=bool(unseen))


def focus(named: Sequence[date], found: Sequence[Outlier], sides: Sides) -> tuple[date, date] | None:
    """First and last day of the picture: about 15 days around the dates people look at; None: no day is known.

    A named day that neither side reaches would show nothing: then the largest change is looked at. `sides`: checks/glance.
    """
    ends = [(as_day(s["first_day"]), as_day(s["last_day"])) for s in sides.values()]
    spans = [(first, last) for first, last in ends if first and last]
    there = sorted(d for d in named if any(first <= d <= last for first, last in spans))
    days = there or [o.day for o in found[:1] if o.day] or sorted(named)
    if not days:
        return None
    return _moved_on(days[0], -_AROUND), _moved_on(min(days[-1], _moved_on(days[0], _WIDEST)), _AROUND)


def _moved_on(day: date, by: timedelta) -> date:
    """Not beyond the calendar, whose ends stand for "always" in many tables."""
    return date.fromordinal(min(max(day.toordinal() + by.days, date.min.toordinal()), date.max.toordinal()))


@dataclass(frozen=True, kw_only=True)
class Around:
    """Daily values of every metric around the focus, both sides."""

    days: tuple[date, ...]
    baseline: dict[tuple[str, date], Decimal | None]
    candidate: dict[tuple[str, date], Decimal | None]


def around(metrics: Sequence[ScopedColumn], rows: Sequence[Row]) -> Around:
    sides: dict[str, dict[tuple[str, date], Decimal | None]] = {"baseline": {}, "candidate": {}}
    for row in rows:
        for metric, text in zip(metrics, str(row["text"]).split(","), strict=True):
            if on := as_day(row["day"]):
                sides[row["side"]][metric.name, on] = _drawable(decimal(text or None))
    return Around(days=tuple(sorted({on for row in rows if (on := as_day(row["day"]))})), **sides)


def _drawable(value: Decimal | None) -> Decimal | None:
    """A sum with NaN or infinity in it has no place on a scale."""
    return value if value is not None and value.is_finite() else None


def headline(
    metrics: Sequence[ScopedColumn], named: Sequence[date], found: Sequence[Outlier], seen: Around
) -> Headline | None:
    """The broken number: the largest change on a named day, else anywhere; with no change, the oddest value of the day."""
    names = [m.name for m in metrics]
    days = [d for d in sorted(named) if d in seen.days]
    moved = [
        (name, d) for d in days for name in names if _value(seen.baseline, name, d) != _value(seen.candidate, name, d)
    ]
    if moved:
        metric, day = max(moved, key=lambda at: _moved_by(seen, *at))
    elif days:
        metric, day = max(
            ((name, days[0]) for name in names), key=lambda at: _oddness(seen, *at), default=("", days[0])
        )
    else:
        first = next((o for o in found if o.day in seen.days and o.metric in names), None)
        if first is None or first.day is None:
            return None
        metric, day = first.metric, first.day
    if not metric:
        return None
    place = seen.days.index(day)
    return Headline(
        metric=metric,
        day=day,
        before=seen.baseline.get((metric, day)),
        after=seen.candidate.get((metric, day)),
        day_before=seen.candidate.get((metric, seen.days[place - 1])) if place else None,
        day_after=seen.candidate.get((metric, seen.days[place + 1])) if place + 1 < len(seen.days) else None,
    )


def _value(side: Mapping[tuple[str, date], Decimal | None], metric: str, day: date) -> Decimal | None:
    return side.get((metric, day))


def _moved_by(seen: Around, metric: str, day: date) -> float:
    before, after = _value(seen.baseline, metric, day), _value(seen.candidate, metric, day)
    if not before or not after:
        return math.inf
    return float(abs(after - before) / abs(before))


def _oddness(seen: Around, metric: str, day: date) -> float:
    """How far the day's value is from its neighbours, as the absolute logarithm of their ratio."""
    place = seen.days.index(day)
    near = [seen.days[i] for i in (place - 1, place + 1) if 0 <= i < len(seen.days)]
    values = [abs(v) for d in near if (v := _value(seen.candidate, metric, d))]
    value = _value(seen.candidate, metric, day)
    if not value or not values:
        return 0.0
    return abs(math.log(abs(value)) - math.log(sum(values) / len(values)))


def series(metric: str, seen: Around) -> Series:
    """The headline's metric by day for the picture; changed days are those whose values differ."""
    sides = [tuple(_plotted(side.get((metric, d))) for d in seen.days) for side in (seen.baseline, seen.candidate)]
    changed = tuple(d for d, b, c in zip(seen.days, *sides, strict=True) if _visibly_apart(b, c))
    return Series(metric=metric, days=seen.days, baseline=sides[0], candidate=sides[1], changed=changed)


def _visibly_apart(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return not math.isclose(before, after, rel_tol=1e-9)


def _plotted(value: Decimal | None) -> float | None:
    return float(value) if value is not None and value.is_finite() else None
