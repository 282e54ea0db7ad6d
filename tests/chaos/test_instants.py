"""The instants around the one statement: whoever dies or freezes there, production is replaced once.

On PostgreSQL: on SQLite a process that freezes while it writes keeps the others waiting until it thaws.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench import readers
from bench.chaos import CHANNEL, Chaos, stage
from sandbox.people import Incident

pytestmark = [pytest.mark.xdist_group("chaos"), pytest.mark.timeout(600)]

INSTANTS = [
    "kill:promoting/commit promotion intended: after",
    "freeze:promoting/commit promotion intended: after",
    "kill:promoting/promote: create or: after",
    "freeze:promoting/promote: create or: after",
    "kill:promoting/commit promoted: before",
    "kill:verifying/commit verified: before",
]


@pytest.fixture(scope="module")
def chaos() -> Iterator[Chaos]:
    with stage("postgresql", refreshes=len(INSTANTS), seed=1, ways=("approve",)) as made:
        assert sum(people == 1 for people in made.scene.quorum.values()) >= len(INSTANTS)
        made.scene.world.slack.control.wait_connected(timeout=60)
        yield made


@pytest.mark.parametrize("order", INSTANTS)
def test_production_is_replaced_once(chaos: Chaos, order: str) -> None:
    slack = chaos.scene.world.slack.control
    models = [model for model, people in chaos.scene.quorum.items() if people == 1]  # bob decides alone
    model = models[INSTANTS.index(order)]
    first = chaos.workers.start(order)
    ref = chaos.ask_until_accepted(model)
    incident = Incident(slack, ref, CHANNEL)
    incident.wait_button("approve", 120)
    incident.click("bob", "approve")
    chaos.workers.wait_until_struck(first)
    second = chaos.workers.start()
    incident.wait_card("done", 120)
    chaos.workers.thaw(first)
    chaos.workers.end(first, second)
    assert readers.promotions(chaos.scene.world.snowflake)[ref] == 1
    (refresh,) = [r for r in chaos.seen() if r.ref == ref]
    assert set(refresh.topics().values()) == {1}
