"""The two refreshes of the incident as people do them."""

from __future__ import annotations

from pathlib import Path

from sandbox.people import Incident
from tests.stories import acts
from tests.stories.conftest import EZ, FACT, Stage
from tests.stories.moments import EZ_ASKED

FACT_VALUE = f"SELECT daily_volume FROM {FACT} WHERE date = '2026-04-08'"

THREADS = Path(__file__).parent / "threads"  # a whole thread as it is read at its end


def as_it_ends(stage: Stage, incident: Incident) -> str:
    """Once every message has its last form: nothing is left to cancel or to approve."""
    incident.wait_card("done")
    incident.wait_button("undo")
    stage.slack.wait(lambda: not incident.buttons() & {"cancel", "approve"}, what="the last updates")
    return acts.read_out(incident)


def test_a_full_refresh_is_approved_by_somebody_else_and_repairs_production(stage: Stage) -> None:
    assert stage.value(FACT_VALUE) == 11_290_000_000_000_000
    incident = stage.asks("fact_ethereum_daily_dex_volumes at=2026-04-08 warehouse=ANALYTICS_XL")
    card = incident.wait_card("waiting for approval")
    assert "11,290,000,000,000,000 -> 1,676,204,911" in card
    stage.explains(incident)
    refused = incident.answered("alice", lambda: incident.click("alice", "approve"))
    assert "someone else approves it (four eyes)" in refused
    stage.approves(incident, FACT)
    assert as_it_ends(stage, incident) == (THREADS / "full_refresh.txt").read_text(encoding="utf-8")
    assert float(str(stage.value(FACT_VALUE))) == 1_676_204_911.20
    builds = [
        s for s in stage.world.snowflake.log if s.user == "REFRESH_BUILDER_SVC" and "create or replace" in s.sql.lower()
    ]
    assert "ANALYTICS_XL" in {s.warehouse for s in builds}


def test_a_backfill_of_two_columns_changes_nothing_else(stage: Stage) -> None:
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET daily_volume = 1676204911.20 WHERE date = '2026-04-08'")
    incident = stage.asks(EZ_ASKED)
    card = incident.wait_card("waiting for approval")
    assert "Exposures: dashboard `ethereum_page` (Frontend)." in card
    assert len(incident.replies) == 3
    stage.explains(incident)
    stage.approves(incident, EZ)
    assert as_it_ends(stage, incident) == (THREADS / "backfill.txt").read_text(encoding="utf-8")
