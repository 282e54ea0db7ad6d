"""The two refreshes of the incident as people do them."""

from __future__ import annotations

from tests.stories.conftest import EZ, FACT, Stage

FACT_VALUE = f"SELECT daily_volume FROM {FACT} WHERE date = '2026-04-08'"
EZ_VALUE = f"SELECT dex_volumes FROM {EZ} WHERE date = '2026-04-08'"


def test_a_full_refresh_is_approved_by_somebody_else_and_repairs_production(stage: Stage) -> None:
    assert stage.value(FACT_VALUE) == 11_290_000_000_000_000
    incident = stage.asks("fact_ethereum_daily_dex_volumes at=2026-04-08 warehouse=ANALYTICS_XL")
    card = incident.wait_card("waiting for approval")
    assert "11,290,000,000,000,000 -> 1,676,204,911" in card
    stage.explains(incident)
    refused = incident.answered("alice", lambda: incident.click("alice", "approve"))
    assert "someone else approves it (four eyes)" in refused
    stage.approves(incident, FACT)
    incident.wait_card("done")
    assert float(str(stage.value(FACT_VALUE))) == 1_676_204_911.20
    builds = [
        s for s in stage.world.snowflake.log if s.user == "REFRESH_BUILDER_SVC" and "create or replace" in s.sql.lower()
    ]
    assert "ANALYTICS_XL" in {s.warehouse for s in builds}


def test_a_backfill_of_two_columns_changes_nothing_else(stage: Stage) -> None:
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET daily_volume = 1676204911.20 WHERE date = '2026-04-08'")
    incident = stage.asks("ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes,total_economic_activity")
    card = incident.wait_card("waiting for approval")
    assert "Exposures: dashboard `ethereum_page` (Frontend)." in card
    assert len(incident.replies) == 3
    stage.explains(incident)
    stage.approves(incident, EZ)
    incident.wait_card("done")
    assert len(incident.replies) == 4
