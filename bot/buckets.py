"""The cheap proof: into how many buckets the keys go, and what its result says about the join; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from bot import days
from bot.columns import base_type
from bot.scope import UNDATED, Scope, Suspects

MOST = 50_000  # differing buckets that are worth naming one by one
_ROWS_IN_ONE = 200
_TOO_MANY = 1 / 2  # of the rows: from here one plain join is cheaper


def parted(scope: Scope, rows: int, over: int) -> Scope:
    """The scope with buckets of about 200 rows; by day where there is one, and by the rest of the key.

    `over`: from the first to the last day. Fewer rows a bucket would cost the grouping more than they save the join.
    """
    only_a_day = scope.date is not None and scope.keys == (scope.date,) and base_type(scope.date.type) == "DATE"
    if not scope.keys or only_a_day:
        return replace(scope, parts=1)
    wanted = rows / _ROWS_IN_ONE / (max(over, 1) if scope.by_day else 1)
    parts = 2 ** max(0, round(math.log2(wanted))) if wanted > 1 else 1
    return replace(scope, parts=min(parts, 2**24))


def suspected(scope: Scope, rows: Sequence[Mapping[str, Any]], proof: str, total: int) -> Scope:
    """The scope whose join reads only what differs; as it was where too much differs for that to pay.

    `rows`: what checks/proof returned, the statement of which is `proof`; `total`: rows of both sides.
    """
    found = rows[0]
    ends = [_day(scope, found[name]) for name in ("least_bucket", "greatest_bucket")]
    scope = replace(scope, changed_from=ends[0])
    if int(found["differing"]) > MOST or int(found["rows_in"]) > _TOO_MANY * total:
        return scope
    first, last = ends if all(ends) else (None, None)
    return replace(scope, suspects=Suspects(proof=proof, rows=int(found["rows_in"]), first=first, last=last))


def _day(scope: Scope, bucket: object) -> date | None:
    """The day of a bucket; None where it has none, or none that Python knows."""
    if not scope.by_day or bucket is None:
        return None
    number = int(str(bucket)) // scope.parts
    return days.numbered(number) if number > UNDATED else None
