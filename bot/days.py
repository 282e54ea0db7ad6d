"""Days as the warehouse writes them: a table may hold years that Python has no date for; pure."""

from __future__ import annotations

import re
from datetime import date, timedelta

_DAY = re.compile(r"(-?\d+)-(\d\d)-(\d\d)")
_EPOCH = date(1970, 1, 1)


def day(text: object) -> date | None:
    """`2026-04-08` as a date; None for NULL. A year beyond 9999 or before 1 becomes the last or first day that there is."""
    if text is None or not (found := _DAY.match(str(text))):
        return None
    if not fits(text):
        return date.max if int(found[1]) > 0 else date.min
    return date(int(found[1]), int(found[2]), int(found[3]))


def fits(text: object) -> bool:
    """Whether Python has a date for a day that the warehouse wrote."""
    found = _DAY.match(str(text))
    return bool(found) and date.min.year <= int(found[1]) <= date.max.year


def numbered(days: int) -> date | None:
    """So many days after 1970-01-01; None where Python has no date for that."""
    try:
        return _EPOCH + timedelta(days=days)
    except OverflowError:
        return None
