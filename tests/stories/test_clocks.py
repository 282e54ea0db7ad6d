"""A bot whose clock is wrong, or is set while it works: what is compared with Snowflake's times goes by Snowflake's clock."""

from __future__ import annotations

import pytest

from tests.stories.acts import REPLACED, replacements
from tests.stories.conftest import FACT, Stage


@pytest.mark.moment("explained")
@pytest.mark.parametrize("hours", [-1, 1])
def test_a_lost_answer_is_found_in_the_history_whatever_the_bots_clock_says(stage: Stage, hours: int) -> None:
    stage.clock.step(hours=hours)
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    incident = stage.incident()
    incident.wait_button("approve")
    stage.approves(incident, FACT)
    incident.wait_card("done")
    assert not any("Needs a person" in reply for reply in incident.replies)
    assert replacements(stage) == 1


@pytest.mark.moment("explained")
@pytest.mark.settings(policy={"recovery": "auto"})
def test_a_clock_that_is_set_between_the_statement_and_the_look_proves_nothing(stage: Stage) -> None:
    """An absent statement may still come for an hour: that hour is Snowflake's, not ours."""
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    stage.world.snowflake.inject(r"QUERY_HISTORY\(", "hang")
    incident = stage.incident()
    incident.wait_button("approve")
    stage.approves(incident, FACT)
    look = stage.running(r"QUERY_HISTORY\(")
    stage.clock.step(hours=2)
    stage.release(look)
    incident.wait_card("done")
    assert replacements(stage) == 1
