"""Whether a dbt child gets on with its work: it computes, or waits for the warehouse; runs inside the dbt children only.

A child that does neither is stuck, on a lock or a thread that nobody will ever let go of or run.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import FrameType

_COMPUTED = 0.002  # seconds of processor time between two looks; hearing the parent takes a tenth of it
_WAREHOUSE = ("/snowflake/connector/", "/dbt/adapters/base/connections.py")  # both have time limits of their own
_TIMER = "/snowflake/connector/time_util.py"  # the thread that keeps a session alive, which always waits


class Heartbeat:
    """One look at the process each time it is asked, by the one thread that asks."""

    def __init__(self) -> None:
        self._computed = self._by_others()

    def at_work(self) -> bool:
        """Whether any other thread has computed since the last look, or is in a call to the warehouse now."""
        before, self._computed = self._computed, self._by_others()
        return self._computed - before > _COMPUTED or any(
            _asks_the_warehouse(f) for f in sys._current_frames().values()
        )

    @staticmethod
    def _by_others() -> float:
        return time.process_time() - time.thread_time()


def _asks_the_warehouse(frame: FrameType) -> bool:
    files = [*_files(frame)]
    return any(place in file for file in files for place in _WAREHOUSE) and not any(_TIMER in file for file in files)


def _files(frame: FrameType | None) -> Iterator[str]:
    while frame is not None:
        yield frame.f_code.co_filename
        frame = frame.f_back
