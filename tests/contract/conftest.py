"""Empty stores with a clock that the test moves, an empty local Slack, small Snowflakes as they were at the start, tables to compare."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.store import Store
from sandbox.slack import SlackSandbox
from sandbox.snowflake import Saved
from tests.contract import warehouses
from tests.contract.benches import Bench, bench_in
from tests.contract.comparisons import DirectSession
from tests.contract.databases import BACKENDS, Clock, store_on
from tests.contract.outboxes import Bot
from tests.contract.snowflake_world import World


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Store]:
    with store_on(request.param, tmp_path, clock) as opened:
        yield opened


@pytest.fixture(scope="module")
def session() -> Iterator[DirectSession]:
    made = DirectSession()
    yield made
    made.close()


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """One small Snowflake for all tests that compare on it; every comparison has two tables of its own."""
    with bench_in(tmp_path_factory.mktemp("keys")) as made:
        yield made


@pytest.fixture(scope="session")
def local_slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as started:
        yield started


@pytest.fixture
def slack(local_slack: SlackSandbox) -> SlackSandbox:
    """One local Slack for all tests, emptied."""
    local_slack.control.clear_faults()
    with local_slack.state.changing():
        local_slack.state.messages.clear()
        local_slack.state.ephemerals.clear()
        local_slack.state.traffic.clear()
        local_slack.state.modals.clear()
        local_slack.state.homes.clear()
    return local_slack


@pytest.fixture(params=BACKENDS)
def bot(request: pytest.FixtureRequest, tmp_path: Path, slack: SlackSandbox) -> Iterator[Bot]:
    clock = Clock(time.time())
    with store_on(request.param, tmp_path, clock) as store:
        yield Bot(store, clock, slack)


@pytest.fixture(scope="session")
def small_snowflake() -> Iterator[World]:
    world = World()
    yield world
    world.sandbox.stop()


@pytest.fixture(scope="module")
def people(small_snowflake: World) -> Iterator[World]:
    """Their sessions are new for each module: where a session was moved to, no statement takes it back from."""
    small_snowflake.restore()
    small_snowflake.log_in()
    yield small_snowflake
    small_snowflake.log_out()


@pytest.fixture
def world(people: World) -> World:
    """The small Snowflake, as it was at the start."""
    people.restore()
    return people


@pytest.fixture(scope="session")
def one_shop(
    tmp_path_factory: pytest.TempPathFactory, local_slack: SlackSandbox
) -> Iterator[tuple[warehouses.World, Saved]]:
    with warehouses.shop_world(tmp_path_factory.mktemp("keys")) as made:
        made.asks(local_slack)
        yield made, made.sandbox.save()


@pytest.fixture
def shop(one_shop: tuple[warehouses.World, Saved]) -> Iterator[warehouses.World]:
    """The shop, as it was at the start."""
    made, saved = one_shop
    yield made
    made.sandbox.clear_faults()
    made.sandbox.restore(saved)
