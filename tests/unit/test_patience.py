"""Waiting for a slow statement: the waiting step stays alive, and stops the statement when it may not wait any more."""

from __future__ import annotations

import threading

import pytest

from bot.errors import LostClaim
from bot.patience import patiently

TIMEOUT = 10.0


def test_the_step_is_kept_alive_while_the_work_runs() -> None:
    alive, go = threading.Semaphore(0), threading.Event()

    def work() -> str:
        assert alive.acquire(timeout=TIMEOUT)
        assert alive.acquire(timeout=TIMEOUT)
        go.set()
        return "rows"

    assert patiently(work, alive.release, lambda: None) == "rows"
    assert go.is_set()


def test_what_the_work_raises_is_raised() -> None:
    def work() -> None:
        raise TimeoutError("no answer")

    with pytest.raises(TimeoutError, match="no answer"):
        patiently(work, lambda: None, lambda: None)


def lost() -> None:
    raise LostClaim("moved on", "fence 2")


def test_a_step_that_has_lost_its_claim_begins_nothing() -> None:
    begun: list[bool] = []
    with pytest.raises(LostClaim):
        patiently(lambda: begun.append(True), lost, lambda: None)
    assert begun == []


def test_a_step_that_loses_its_claim_stops_the_work_and_does_not_wait_for_it() -> None:
    begun, stopped = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        stopped.wait(TIMEOUT)

    with pytest.raises(LostClaim):
        patiently(work, lambda: lost() if begun.is_set() else None, stopped.set)
    assert stopped.is_set()


def test_without_a_step_it_is_done_at_once_in_this_thread() -> None:
    assert patiently(threading.get_ident, None, lambda: None) == threading.get_ident()
