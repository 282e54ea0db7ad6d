"""Spot checks: what a dbt analysis reads from the source, joined to the candidate on the dates people care about."""

from __future__ import annotations

from collections.abc import Sequence

from bot import checks, reads
from bot.columns import EXACT, NOISE, ScopedColumn
from bot.model import Build, Finding, Plan, Relation
from bot.scope import Scope
from bot.session import ReadFailed, Session, SqlError


def check(session: Session, scope: Scope, plan: Plan, build: Build, name: str) -> Finding:
    """One configured analysis. What cannot be compared is `unknown`, with the reason; only a difference fails."""
    analysis = build.spot_checks.get(name, "").strip().rstrip(";")
    if not analysis:
        return checks.spot_missing("not compiled", name)
    read = reads.relations(analysis)
    own = {plan.prod.relation, plan.dev, scope.baseline, scope.candidate}
    if read is None:
        return checks.spot_missing("not readable", name)
    if read & own:
        return checks.spot_missing("reads the model itself", name)
    if any((r.database, r.schema) == (plan.dev.database, plan.dev.schema) for r in read):
        return checks.spot_missing("reads dev", name)
    try:
        return _compared(session, scope, plan, name, analysis, read)
    except (SqlError, ReadFailed) as error:
        return checks.spot_missing(f"Snowflake refused it ({error.code})", name)


def _compared(
    session: Session,
    scope: Scope,
    plan: Plan,
    name: str,
    analysis: str,
    read: frozenset[Relation],
) -> Finding:
    columns = session.result_columns("checks/spot_columns", analysis=analysis)
    offered = [c for column in columns if (c := scope.column(column))]
    floats = {c.index for c in offered if columns.get(c.name)}
    keys = _keys(scope, offered)
    metrics = [c for c in offered if c not in keys and c.numeric and c is not scope.date]
    if not keys or not metrics:
        return checks.spot_missing("no key" if not keys else "no metric", name)
    dated = scope.date is not None and scope.date in offered
    tolerances = {c.index: c.tolerance or (NOISE if c.index in floats else EXACT) for c in metrics}
    binds = scope.binds | {f"rel_{i}": t.relative for i, t in tolerances.items()}
    binds |= {f"abs_{i}": t.absolute for i, t in tolerances.items()}
    rows = session.rows(
        "checks/spot",
        binds,
        scope=scope,
        analysis=analysis,
        keys=keys,
        metrics=metrics,
        by_day=keys == [scope.date] and not _is_grain(scope, keys),
        dated=dated,
    )
    seen = {str(row["day"]) for row in rows}
    unseen = [day.isoformat() for day in scope.named if day.isoformat() not in seen] if dated else []
    same = {str(r) for r in read} <= {_canonical(parent) for parent in plan.parents}
    return checks.spot(name, rows, metrics, [k.name for k in keys], unseen=unseen, same_table=same)


def _keys(scope: Scope, offered: Sequence[ScopedColumn]) -> list[ScopedColumn]:
    """The grain where the analysis returns all of it, else the date column (values are then summed by day)."""
    if scope.keys and all(key in offered for key in scope.keys):
        return list(scope.keys)
    return [scope.date] if scope.date and scope.date in offered else []


def _is_grain(scope: Scope, keys: Sequence[ScopedColumn]) -> bool:
    return [k.name for k in keys] == [k.name for k in scope.keys]


def _canonical(parent: str) -> str:
    try:
        return str(Relation.parse(parent))
    except ValueError:
        return parent
