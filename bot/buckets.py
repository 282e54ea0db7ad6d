"""The cheap proof: into how many buckets the keys go, and what its result says about the join; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from bot.scope import Scope, Suspects

MOST = 50_000  # differing buckets that are worth naming one by one
_ROWS_IN_ONE = 32
_TOO_MANY = 1 / 3  # of the buckets: from here one plain join is cheaper
_EPOCH = date(1970, 1, 1)


def parted(scope: Scope, rows: int, days: int) -> Scope:
    """The scope with buckets of about 32 rows; by day where the key has one, and by the hash of its other columns.

    A recent change is then in the buckets of a few days, a scattered one in few of many.
    """
    wanted = rows / _ROWS_IN_ONE / (max(days, 1) if scope.by_day else 1)
    parts = 2 ** max(0, round(math.log2(wanted))) if wanted > 1 else 1
    if scope.by_day and scope.hashed_keys == scope.keys == (scope.date,):
        parts = 1
    return replace(scope, parts=min(parts, 2**24))


def differing(rows: Sequence[Mapping[str, Any]]) -> int:
    """How many buckets differ: 0 means that both tables hold the same rows, as far as 64-bit hashes can say."""
    return int(rows[0]["differing"])


def suspected(scope: Scope, rows: Sequence[Mapping[str, Any]], proof: str) -> Scope:
    """The scope whose join reads only what differs; as it was where too much differs for that to pay."""
    total, bad = int(rows[0]["buckets"]), differing(rows)
    if bad > MOST or bad > _TOO_MANY * total:
        return scope
    first = last = None
    if scope.by_day and bad:
        days = [int(r["bucket"]) // scope.parts for r in rows[1:]]
        if min(days) > -1_000_000:
            first, last = (_EPOCH + timedelta(days=d) for d in (min(days), max(days)))
    return replace(scope, suspects=Suspects(proof=proof, first=first, last=last))
