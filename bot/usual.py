"""Sanity: what the limits of the team say, and what production usually holds; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from bot import checks
from bot.columns import ScopedColumn
from bot.model import Finding, Verdict
from bot.outliers import decimal
from bot.scope import Scope

Row = Mapping[str, Any]
Sides = Mapping[str, Row]
Limits = Mapping[str, Mapping[str, float]]  # min and max, by column

_FAR = 100.0  # times what is usual
_GREATEST = 1e308
_QUANTILE = 0.999
_ENOUGH = 200_000  # about so many rows say what is usual; of more a sample of keys is read


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """One metric of one side: values far from the reference magnitude (text), of each sign, and the largest (text).

    `known`: that nothing is far says something; else there are values, and nothing of production to hold them against.
    """

    known: bool
    far: int
    negative: int
    positive: int
    reference: str
    largest: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What is usual. `sure`: from values that stay as they are, else the largest of production is all there is; 0: nothing is."""

    magnitude: float
    sure: bool


References = Mapping[int, Reference]  # by the index of the metric


def limited(scope: Scope) -> tuple[ScopedColumn, ...]:
    """Columns with a limit of the team's."""
    return tuple(c for c in scope.values if c.numeric and scope.limits.get(c.name))


def limit_binds(scope: Scope) -> dict[str, object]:
    return {f"{end}_{c.index}": scope.limits[c.name].get(end) for c in limited(scope) for end in ("min", "max")}


def strange(scope: Scope, sides: Sides) -> list[ScopedColumn]:
    """Floats that hold NaN or infinity somewhere, by their extremes: NaN is greater than every number."""
    return [
        c
        for c in scope.floats
        if not all(_finite(row.get(f"{end}{c.index}")) for row in sides.values() for end in ("low", "high"))
    ]


def _finite(text: object) -> bool:
    value = decimal(text)
    return value is None or value.is_finite()


def measured(scope: Scope) -> tuple[ScopedColumn, ...]:
    """Metrics without a limit: judged by what production usually holds."""
    return tuple(c for c in scope.metrics if not scope.limits.get(c.name))


def sample(scope: Scope, sides: Sides) -> int:
    """One bucket, or one key, in so many says what is usual; a power of two, which a bucket's low bits tell."""
    rows = checks.count(sides["baseline"], "row_count")
    return 2 ** round(math.log2(rows / _ENOUGH)) if scope.keys and rows > _ENOUGH else 1


def quantile(sides: Sides) -> float:
    """In a small table one bad value must not be its own measure."""
    return min(_QUANTILE, 1 - 2 / max(checks.count(sides["baseline"], "row_count"), 4))


def binds(sides: Sides) -> dict[str, object]:
    return {"usual": quantile(sides)}


def references(metrics: Sequence[ScopedColumn], rows: Sequence[Row], production: Row) -> dict[int, Reference]:
    """The reference of each metric. `production`: its row of checks/glance.

    A quantile of zero tells nothing about a column of which few values are not zero: the largest of production stands for it.
    """
    text = next((str(row["text"]) for row in rows if row["part"] == "usual"), "")
    parts = [float(part or "nan") for part in text.split(",")] if metrics else []
    return {m.index: _reference(part, _largest(production, m)) for m, part in zip(metrics, parts, strict=True)}


def _reference(quantile: float, largest: str | None) -> Reference:
    if math.isfinite(quantile) and quantile:
        return Reference(magnitude=quantile, sure=True)
    most = float(largest or 0)
    most = most if math.isfinite(most) else 0.0
    return Reference(magnitude=most, sure=quantile == 0 and most > 0)


def suspicious(metrics: Sequence[ScopedColumn], sides: Sides, usual: References) -> list[ScopedColumn]:
    """Metrics with a value that may be far from usual or of a new sign, by their extremes alone."""
    return [m for m in metrics if _may_be_far(m, sides, usual[m.index].magnitude) or _may_be_new(m, sides)]


def _may_be_far(metric: ScopedColumn, sides: Sides, reference: float) -> bool:
    if not reference:
        return False
    ends = [decimal(row.get(f"{end}{metric.index}")) for row in sides.values() for end in ("low", "high")]
    return any(end is not None and not abs(float(end)) <= _threshold(reference) for end in ends)


def _threshold(reference: float) -> float:
    """Where far begins: finite, so that infinity is far from everything."""
    return min(_FAR * reference, _GREATEST)


def _may_be_new(metric: ScopedColumn, sides: Sides) -> bool:
    (low, high), (new_low, new_high) = (
        [_sign(side.get(f"{end}{metric.index}")) for end in ("low", "high")]
        for side in (sides["baseline"], sides["candidate"])
    )
    return (low >= 0 < high and new_low < 0) or (high <= 0 > low and new_high > 0)


def _sign(text: object) -> int:
    value = decimal(text)
    return 0 if value is None or value == 0 else 1 if value.is_nan() or value > 0 else -1


def far_binds(metrics: Sequence[ScopedColumn], usual: References) -> dict[str, object]:
    """Where far begins; without a reference nowhere."""
    return {f"far_{m.index}": _threshold(usual[m.index].magnitude or _GREATEST) for m in metrics}


def findings(
    scope: Scope,
    sides: Sides,
    metrics: Sequence[ScopedColumn],
    usual: References,
    far: Mapping[str, Row],
    unseen: Mapping[str, object],
) -> list[Finding]:
    """The limits where there are any, and the default check of the other metrics. `far`: what was counted, if anything.

    `unseen`: numbers of the rows of production that were not paired; what is usual comes from the others.
    """
    found = []
    within = limited(scope)
    unknown = [name for name in scope.limits if name not in [c.name for c in within]]
    if within or unknown:
        found.append(limits(within, scope.limits, sides, unknown))
    if metrics:
        read = {side: [_read(m, usual, far.get(side, {}), sides[side]) for m in metrics] for side in sides}
        default = judged(metrics, read, quantile(sides), _FAR, sample(scope, sides))
        found.append(_partly(default, unseen) if unseen else default)
    return found


def _partly(found: Finding, unseen: Mapping[str, object]) -> Finding:
    """Which values stay as they are is not known of rows that were not paired: then nothing far is no pass."""
    verdict = Verdict.UNKNOWN if found.verdict is Verdict.PASS else found.verdict
    return replace(found, verdict=verdict, numbers=found.numbers | dict(unseen))


def _read(metric: ScopedColumn, usual: References, far: Row, row: Row) -> Usual:
    i = metric.index
    reference = usual[i]
    holds = any(_sign(row.get(f"{end}{i}")) for end in ("low", "high"))
    return Usual(
        known=reference.sure or not holds,
        far=checks.count(far, f"o{i}") if reference.magnitude else 0,
        negative=checks.count(far, f"neg{i}"),
        positive=checks.count(far, f"pos{i}"),
        reference=repr(reference.magnitude) if reference.magnitude else "",
        largest=_largest(row, metric),
    )


def _largest(row: Row, metric: ScopedColumn) -> str | None:
    """The largest magnitude, as text, which NaN hides from the extremes; None where there is no other value."""
    ends = [decimal(row.get(f"{end}{metric.index}")) for end in ("low", "high", "most")]
    sizes: list[Decimal] = [abs(end) for end in ends if end is not None and not end.is_nan()]
    return str(max(sizes)) if sizes else None


def limits(limited: Sequence[ScopedColumn], given: Limits, sides: Sides, unknown: Sequence[str] = ()) -> Finding:
    """The team's own limits: no row of the candidate outside. `unknown`: names with a limit that are no number here."""
    after = {c.name: checks.count(sides["candidate"], f"o{c.index}") for c in limited}
    before = {c.name: checks.count(sides["baseline"], f"o{c.index}") for c in limited}
    bad = [name for name, rows in after.items() if rows]
    numbers = {
        "rows_outside": sum(after.values()),
        "rows_outside_before": sum(before.values()),
        "columns": [c.name for c in limited],
        "columns_outside": bad,
        "columns_unknown": list(unknown),
        "limits": [f"{n}: {_limit_text(given[n])}" for n in after],
    }
    examples = [
        {"column": c.name, "side": side, "least": row.get(f"low{c.index}"), "most": row.get(f"high{c.index}")}
        for c in limited
        for side, row in sides.items()
    ]
    verdict = Verdict.FAIL if bad else Verdict.WARN if unknown else Verdict.PASS
    return checks.finding("sanity", verdict, numbers, waivable=True, examples=examples)


def _limit_text(given: Mapping[str, float]) -> str:
    return " to ".join(str(given.get(end, "any")) for end in ("min", "max"))


def judged(
    metrics: Sequence[ScopedColumn],
    sides: Mapping[str, Sequence[Usual]],
    quantile: float,
    times: float,
    sample: int = 1,
) -> Finding:
    """Far from what production usually holds, or of a sign it never had: a warning, present before or not.

    What nothing of production can be held against is unknown, which blocks as little.
    """
    base, cand = sides["baseline"], sides["candidate"]
    signs = [_new_sign(b, c) for b, c in zip(base, cand, strict=True)]
    far = [i for i in range(len(metrics)) if cand[i].far or signs[i]]
    unknown = [m.name for i, m in enumerate(metrics) if i not in far and not cand[i].known]
    numbers = {
        "values_far": sum(u.far for u in cand),
        "values_far_before": sum(u.far for u in base),
        "new_sign": sum(signs),
        "columns": [metrics[i].name for i in far],
        "columns_checked": len(metrics) - len(unknown),
        "unknown": unknown,
        "quantile": quantile,
        "times": times,
        "sample": sample,
    }
    examples = [
        {
            "column": metrics[i].name,
            "usual": cand[i].reference or None,
            "largest": cand[i].largest,
            "largest_before": base[i].largest,
        }
        for i in far[:10]
    ]
    verdict = Verdict.WARN if far else Verdict.UNKNOWN if unknown else Verdict.PASS
    found = checks.finding("sanity", verdict, numbers, name="sanity:usual", examples=examples)
    return replace(found, blocks=False)


def _new_sign(before: Usual, after: Usual) -> int:
    if not before.negative and before.positive:
        return after.negative
    return after.positive if not before.positive and before.negative else 0
