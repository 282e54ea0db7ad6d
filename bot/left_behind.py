"""Left behind: the model's own SELECT over the window, evaluated once, against what the backfill rebuilt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot import checks, reads
from bot.columns import EXACT, NOISE, ScopedColumn, matched
from bot.model import Column, Finding, Relation
from bot.scope import Scope
from bot.session import ReadFailed, Session, SqlError

_HEAD = ("rows", "only_candidate", "only_model", "repeated")


@dataclass(frozen=True, kw_only=True)
class Model:
    """The SELECT that dbt compiled for this build, and the relation it knew as its own."""

    sql: str
    own: Relation
    frozen: Relation  # the baseline: what it read there when it was built


def check(session: Session, scope: Scope, model: Model, types: Mapping[str, Column]) -> Finding:
    """Columns and keys that the backfill did not take along. What cannot be evaluated is `unknown`, with the reason."""
    if not scope.unique or scope.date is None:
        return checks.left_behind_unknown("no key" if not scope.unique else "no date")
    sql = model.sql.strip().rstrip(";")
    if not sql:
        return checks.left_behind_unknown("not compiled")
    frozen = reads.replaced(sql, model.own, model.frozen)
    if frozen is None:
        return checks.left_behind_unknown("not readable")
    try:
        return _compared(session, scope, frozen, types)
    except (SqlError, ReadFailed) as error:
        return checks.left_behind_unknown(f"Snowflake refused it ({error.code})")


def _compared(session: Session, scope: Scope, sql: str, types: Mapping[str, Column]) -> Finding:
    returned = session.result_columns("checks/spot_columns", analysis=sql)
    offered = (*scope.columns, *scope.appended)
    found = matched(tuple(returned), [c.name for c in offered])
    shared = [c for c in offered if c.name in found and not c.clock]
    if scope.date is None or not all(k in shared for k in (*scope.keys, scope.date)):
        return checks.left_behind_unknown("no key")
    tolerances = {c.index: c.tolerance or NOISE for c in shared if c.float_ and not c.key}
    binds = scope.binds | {f"rel_{i}": t.relative for i, t in tolerances.items()}
    binds |= {f"abs_{i}": t.absolute for i, t in tolerances.items()}
    rows = session.rows(
        "checks/left_behind",
        binds,
        scope=scope,
        model=sql,
        shared=shared,
        tolerances={i for i, t in tolerances.items() if t is not EXACT},
        types={c.index: types[c.name].type for c in shared},
    )
    values = [c for c in shared if not c.key]
    counts = next(row["before_text"] for row in rows if row["part"] == "counts").split(",")
    numbers = dict(zip((*_HEAD, *(c.index for c in values)), map(int, counts), strict=True))
    return checks.left_behind(
        scope, values, numbers, [_example(scope, row) for row in rows if row["part"] == "example"]
    )


def _example(scope: Scope, row: Mapping[str, Any]) -> dict[str, object]:
    named: dict[str, object] = {key.name: row[f"k{i}"] for i, key in enumerate(scope.keys)}
    columns: dict[int, ScopedColumn] = {c.index: c for c in (*scope.columns, *scope.appended)}
    column = columns.get(int(row["i"]))
    return named | {
        "column": column.name if column else "",
        "dev": checks.short(row["before_text"]),
        "model": checks.short(row["after_text"]),
    }
