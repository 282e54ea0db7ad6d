"""The decision table of a statement in doubt, every row of it: only agreement of history and production is proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from bot.recovery import Evidence, Fate, decide, latest_start
from bot.settings import WarehouseSection

NOTHING, DONE, FAILED, STILL = (), ("SUCCESS",), ("FAILED_WITH_ERROR",), ("RUNNING",)
UNHEARD = ("RESTARTED",)  # not among those that Snowflake's page of the function lists
WAITING = [("QUEUED",), ("BLOCKED",), ("RESUMING_WAREHOUSE",)]

# what the history shows, whether its page was full, whether prod moved, whether the statement's time is over -> fate
TABLE = [
    (STILL, False, False, False, Fate.RUNNING),
    (STILL, False, True, True, Fate.RUNNING),
    (STILL, True, True, True, Fate.RUNNING),
    *((status, False, False, False, Fate.RUNNING) for status in WAITING),
    (("FAILED_WITH_ERROR", "RUNNING"), False, False, False, Fate.RUNNING),
    (("SUCCESS", "RUNNING"), False, True, True, Fate.RUNNING),
    (DONE, False, True, False, Fate.HAPPENED),
    (DONE, False, True, True, Fate.HAPPENED),
    (DONE, True, True, False, Fate.HAPPENED),
    (("FAILED_WITH_ERROR", "SUCCESS"), False, True, False, Fate.HAPPENED),
    (DONE, False, False, False, Fate.UNCERTAIN),
    (DONE, False, False, True, Fate.UNCERTAIN),
    (NOTHING, False, False, True, Fate.NOT_SENT),
    (FAILED, False, False, True, Fate.NOT_SENT),
    (NOTHING, False, False, False, Fate.UNCERTAIN),
    (FAILED, False, False, False, Fate.UNCERTAIN),
    (NOTHING, True, False, True, Fate.UNCERTAIN),
    (FAILED, True, False, True, Fate.UNCERTAIN),
    (NOTHING, False, True, True, Fate.UNCERTAIN),
    (FAILED, False, True, True, Fate.UNCERTAIN),
    (NOTHING, False, True, False, Fate.UNCERTAIN),
    (NOTHING, True, True, True, Fate.UNCERTAIN),
    (("FAILED_WITH_INCIDENT",), False, False, True, Fate.NOT_SENT),
    (UNHEARD, False, False, True, Fate.UNCERTAIN),
    (UNHEARD, False, False, False, Fate.UNCERTAIN),
    (("FAILED_WITH_ERROR", *UNHEARD), False, False, True, Fate.UNCERTAIN),
]


def evidence(statuses: tuple[str, ...], full_page: bool, prod_moved: bool, settled: bool) -> Evidence:
    return Evidence(statuses=statuses, full_page=full_page, prod_moved=prod_moved, settled=settled)


@pytest.mark.parametrize(("statuses", "full_page", "prod_moved", "settled", "fate"), TABLE)
def test_each_row(statuses: tuple[str, ...], full_page: bool, prod_moved: bool, settled: bool, fate: Fate) -> None:
    assert decide(evidence(statuses, full_page, prod_moved, settled)) is fate


@pytest.mark.parametrize("statuses", [NOTHING, DONE, FAILED, STILL, UNHEARD])
@pytest.mark.parametrize(("full_page", "prod_moved", "settled"), list(product((False, True), repeat=3)))
def test_only_an_absence_that_time_alone_will_prove_is_too_early(
    statuses: tuple[str, ...], full_page: bool, prod_moved: bool, settled: bool
) -> None:
    absent = statuses in (NOTHING, FAILED) and not full_page and not prod_moved
    assert evidence(statuses, full_page, prod_moved, settled).too_early == (absent and not settled)


@pytest.mark.parametrize("seen", list(product((NOTHING, DONE, FAILED, STILL), *[(False, True)] * 3)))
def test_a_history_that_does_not_reach_back_proves_nothing(seen: tuple[tuple[str, ...], bool, bool, bool]) -> None:
    """Nothing is asked of it then, so it shows no statement: that is not "it was not sent"."""
    old = replace(evidence(*seen), statuses=NOTHING, too_old=True)
    assert decide(old) is Fate.UNCERTAIN
    assert not old.too_early


@pytest.mark.parametrize("seen", list(product((NOTHING, DONE, FAILED, STILL, UNHEARD), *[(False, True)] * 3)))
def test_what_it_never_says(seen: tuple[tuple[str, ...], bool, bool, bool]) -> None:
    """Never "happened" on an unmoved table, never "not sent" on a moved one, a full page or before its time."""
    statuses, full_page, prod_moved, settled = seen
    fate = decide(evidence(*seen))
    if fate is Fate.HAPPENED:
        assert prod_moved and "SUCCESS" in statuses
    if fate is Fate.NOT_SENT:
        assert settled and not full_page and not prod_moved and statuses in (NOTHING, FAILED)
    assert (fate is Fate.RUNNING) == ("RUNNING" in statuses)


@pytest.mark.parametrize(("timeout", "lag"), [(60, 0), (0, 5), (60, 5)])
def test_a_statement_is_absent_only_after_its_timeout_and_the_lag_of_the_history(timeout: int, lag: int) -> None:
    limits = WarehouseSection.model_construct(
        statement_timeout=timedelta(minutes=timeout), history_lag=timedelta(minutes=lag)
    )
    intended = datetime(2026, 4, 22, 14, 0, tzinfo=UTC)
    assert latest_start(intended, limits) == intended + timedelta(minutes=timeout + lag)
