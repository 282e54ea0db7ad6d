"""Jobs that wait for the host's clock, after it was set back."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

from bot.worker import _Scheduler


def test_a_job_does_not_wait_for_an_hour_that_the_clock_was_set_back() -> None:
    """Right after the step each job is due an hour and its own pause from now."""
    ran = threading.Event()
    scheduler = _Scheduler(timezone=UTC)
    scheduler.add_job(ran.set, "interval", seconds=30, next_run_time=datetime.now(UTC) + timedelta(hours=1))
    scheduler.start()
    try:
        assert ran.wait(5)
    finally:
        scheduler.shutdown(wait=False)


def test_a_job_waits_for_its_own_pause() -> None:
    ran = threading.Event()
    scheduler = _Scheduler(timezone=UTC)
    job = scheduler.add_job(ran.set, "interval", seconds=30)
    scheduler.start()
    try:
        scheduler.wakeup()
        assert job.next_run_time > datetime.now(UTC) + timedelta(seconds=20)
        assert not ran.is_set()
    finally:
        scheduler.shutdown(wait=False)
