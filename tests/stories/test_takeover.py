"""A worker's machine is gone in the middle of a build: what dbt had sent from there still runs at Snowflake."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from snowflake.connector.errors import Error

from bot.events import CancelAsked
from bot.machine import step
from bot.model import State
from bot.store.refreshes import DEATHS
from sandbox.snowflake.log import Statement
from tests.stories.conftest import Stage, start
from tests.stories.moments import FACT_ASKED

BUILDING = "create or replace .*dev_refresh_bot.*fact_ethereum_daily"
ORPHAN = "CREATE TABLE DEV.DEV_REFRESH_BOT.ORPHAN AS SELECT 1 AS one"


@contextmanager
def left_building(stage: Stage, *first: str) -> Iterator[Statement]:
    """R1 as a dead worker leaves it: nobody drives it, and a statement of its dbt goes on. `first`: sent before that."""
    stage.world.snowflake.inject(BUILDING, "hang")
    stage.world.snowflake.inject("ORPHAN", "hang")
    stage.asks(FACT_ASKED)
    stage.running(BUILDING)
    tag = f"ALTER SESSION SET QUERY_TAG = 'dbt-refresh:{stage.bot.store.installation}:R1:build'"
    stage.bot.stop(drain_seconds=0.0)
    stage.idle()

    def send() -> None:
        with suppress(Error):  # once it is cancelled
            stage.as_builder(tag, "SELECT 1", *first, ORPHAN)

    dbt = threading.Thread(target=send)
    dbt.start()
    orphan = stage.running("ORPHAN")
    try:
        yield orphan
    finally:
        if orphan.ended is None:
            stage.release(orphan)
        dbt.join()


def goes_on(stage: Stage) -> None:
    stage.bot = start(stage.settings, stage.parts, stage.clock)
    stage.slack.wait_connected()


@pytest.mark.parametrize("first", [(), ("ALTER SESSION SET QUERY_TAG = 'the projects own'",)], ids=["ours", "theirs"])
def test_what_a_dead_workers_dbt_still_runs_is_stopped_before_the_next_build(
    stage: Stage, first: tuple[str, ...]
) -> None:
    """Also where the project gives its statements a query tag of its own."""
    with left_building(stage, *first) as orphan:
        goes_on(stage)
        stage.incident().wait_card("waiting for approval")
        assert "canceled" in (orphan.error or "")


def test_a_build_over_which_every_worker_dies_is_given_up_in_words(stage: Stage) -> None:
    """It would else take one worker after the other along, and what these do for others."""
    with left_building(stage) as orphan:
        store = stage.bot.store
        stage.slack.wait(lambda: store.claim("dies", 1, 60.0, {State.BUILDING}), what="the first process to let go")
        for _ in range(DEATHS - 1):
            assert store.claim("dies", 1, -1.0, {State.BUILDING})
        goes_on(stage)
        incident = stage.incident()
        incident.wait_card("failed")
        incident.wait_reply(f"{DEATHS} workers in a row stopped without a word while they worked on R1")
        assert "canceled" in (orphan.error or "")


def test_a_cancel_after_the_worker_died_stops_what_its_dbt_still_runs(stage: Stage) -> None:
    with left_building(stage) as orphan:
        store = stage.bot.store
        stage.slack.wait(lambda: store.claim("gone", 1, 0.0, {State.BUILDING}), what="the first process to let go")
        refresh = store.get(1)
        assert refresh is not None
        assert refresh.state is State.BUILDING
        asked = CancelAsked(at=stage.clock(), by=refresh.asker)
        assert store.commit(refresh, step(refresh, asked)[0], event=asked)
        goes_on(stage)
        stage.incident().wait_card("Cancelled by <@U0ALICE>")
        assert "canceled" in (orphan.error or "")
