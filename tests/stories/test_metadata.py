"""What hangs on production beside its rows: what a clone changes is said before the click, and is no fault after it."""

from __future__ import annotations

from tests.stories.conftest import FACT, Stage


def test_a_comment_that_goes_is_said_before_and_no_fault_after(stage: Stage) -> None:
    stage.nightly_writes(FACT, f"COMMENT ON TABLE {FACT} IS 'Written by hand'")
    incident = stage.asks("fact_ethereum_daily_dex_volumes at=2026-04-08")
    incident.wait_card("waiting for approval")
    assert any("comment would become the candidate's" in reply for reply in incident.replies)
    stage.explains(incident)
    stage.approves(incident, FACT)
    incident.wait_card("done")
