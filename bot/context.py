"""What a message needs to know beside the refresh it is about; a value, so that rendering stays pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.model import Series
from bot.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Made for each rendering; whatever is not known is left out of the message."""

    settings: Settings
    now: datetime
    approvers: tuple[str, ...] = ()  # user ids of those who could approve this refresh now
    written: tuple[datetime, ...] = ()  # when prod was seen to change, oldest first: "usually nightly"
    dev_left: bool = True  # baseline and candidate are still there
    picture: Callable[[Series, str], bytes] | None = None  # series and title -> PNG; None: no picture
