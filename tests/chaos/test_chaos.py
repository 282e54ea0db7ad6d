"""A short chaos with a fixed seed; `make chaos` plays the long one."""

from __future__ import annotations

import pytest

from bench.chaos import BROKEN, stage

pytestmark = pytest.mark.xdist_group("chaos")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_nothing_is_lost_doubled_or_stuck(database: str) -> None:
    with stage(database, refreshes=6, seed=7, workers=2, each=0.5, ways=("approve", "undo")) as chaos:
        chaos.run()
        found = chaos.report()
    assert found["refreshes"] == 6
    assert chaos.workers.kills + chaos.workers.freezes >= 2
    never = BROKEN
    assert {name: found[name] for name in never} == dict.fromkeys(never, 0)
