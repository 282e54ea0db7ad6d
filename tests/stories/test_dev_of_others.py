"""Another session of the builder in the same dev schema: what it writes never becomes a candidate."""

from __future__ import annotations

from tests.stories import acts
from tests.stories.conftest import FACT, Stage

ASKED = "fact_ethereum_daily_dex_volumes at=2026-04-08"
DEV = "DEV.DEV_REFRESH_BOT.FACT_ETHEREUM_DAILY_DEX_VOLUMES"
TESTED = "where daily_volume is null"  # a test of dbt's, after the model was built


def test_what_somebody_else_put_into_dev_is_not_taken(stage: Stage) -> None:
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET trades = trades + 1 WHERE date = '2026-04-01'")
    for number, swap in enumerate(
        (f"CREATE OR REPLACE TRANSIENT TABLE {DEV} AS SELECT * FROM {FACT}", f"UPDATE {DEV} SET trades = 0"), start=1
    ):
        stage.world.snowflake.inject(TESTED, "slow", seconds=3)
        incident = stage.asks(ASKED, ref=f"R{number}")
        stage.running(TESTED)
        stage.as_builder(swap)
        incident.wait_card("failed")
        incident.wait_reply(f"Somebody else wrote to `{DEV}` while it was built")
        assert not [s for s in stage.world.snowflake.log if "__CANDIDATE_" in s.sql]


def test_another_installation_that_builds_there_keeps_this_one_out_until_it_has_ended(stage: Stage) -> None:
    stage.as_builder(
        "CREATE SCHEMA DEV.DEV_REFRESH_BOT",
        f"CREATE TRANSIENT TABLE {DEV}__BUILDING (HELD BOOLEAN) COMMENT = 'feedbeef:R7'",
    )
    incident = stage.asks(ASKED)
    incident.wait_card("failed")
    incident.wait_reply(f"Another installation (`feedbeef`, `R7`) builds in `{DEV}` now")
    stage.as_builder(f"DROP TABLE {DEV}__BUILDING", f"CREATE TRANSIENT TABLE {DEV} AS SELECT 1 AS one")
    acts.waiting(stage, ASKED, ref="R2")
    assert not [s for s in stage.world.snowflake.log if s.error and s.user != "REFRESH_BUILDER_SVC"]
