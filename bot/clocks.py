"""Which columns say when a row was written, not what it says: found by what they do; pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from bot.scope import Scope

_NOW = {"SYSDATE", "GETDATE", "SYSTIMESTAMP", "LOCALTIMESTAMP", "CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME"}
_ZONE = timedelta(minutes=15)  # a timestamp without a zone may be written in any zone
_FARTHEST = timedelta(hours=14)
_SLACK = timedelta(seconds=2)


def written(sql: str) -> frozenset[str]:
    """Columns that the SQL fills with the current time and nothing else, by their alias in capitals.

    An alias that is anything else somewhere in the statement is left out: `COALESCE(old.at, CURRENT_TIMESTAMP) AS at`.
    """
    try:
        parsed = sqlglot.parse_one(sql, read="snowflake") if sql.strip() else None
    except SqlglotError:
        return frozenset()
    if parsed is None:
        return frozenset()
    found: set[str] = set()
    others: set[str] = set()
    for alias in parsed.find_all(exp.Alias):
        (found if _is_now(alias.this) else others).add(alias.alias.upper())
    return frozenset(found - others)


def _is_now(value: exp.Expr) -> bool:
    if value.find(exp.Column) or value.find(exp.Select):
        return False
    return any(_says_now(node) for node in value.walk())


def _says_now(node: exp.Expr) -> bool:
    if isinstance(node, exp.Anonymous):
        return node.name.upper() in _NOW
    return isinstance(node, exp.Func) and node.sql_name() in _NOW


def ticking(scope: Scope, row: Mapping[str, Any], started: datetime, seconds: float) -> tuple[str, ...]:
    """Timestamps that hold one value in all rebuilt rows, and that value lies inside the build. `row`: the candidate's glance."""
    return tuple(
        c.name
        for c in scope.undecided
        if int(row.get(f"u{c.index}") or 0) == int(row["window_rows"]) > 0
        and row[f"a{c.index}"] == row[f"z{c.index}"]
        and _inside(row[f"a{c.index}"], started, timedelta(seconds=seconds))
    )


def _inside(value: object, started: datetime, lasted: timedelta) -> bool:
    """Between start and end. Without a zone of its own the value may be off by a whole number of quarter hours."""
    if not isinstance(value, datetime):
        return False
    if value.tzinfo is not None:
        return started - _SLACK <= value <= started + lasted + _SLACK
    after = value - started.replace(tzinfo=None) + _SLACK
    if not -_FARTHEST <= after <= lasted + _FARTHEST:
        return False
    return after % _ZONE <= lasted + 2 * _SLACK
