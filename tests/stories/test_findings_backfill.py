"""Findings of a backfill, and what production's surroundings forbid (design section 4: parity and safety)."""

from __future__ import annotations

import pytest

from sandbox.people import text_of
from tests.stories import acts
from tests.stories.conftest import EZ, FACT, Stage

BACKFILL = "ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes,total_economic_activity"
DEV = "DEV.DEV_REFRESH_BOT"
MERGING = "merge into .*dev_refresh_bot.*ez_ethereum"


def test_history_stays_as_it_is_and_nobody_may_waive_that(stage: Stage) -> None:
    """With a stale copy of the parent in the bot's dev schema, which must not be read."""
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET daily_volume = 1676204911.20 WHERE date = '2026-04-08'")
    stage.as_builder(
        f"CREATE SCHEMA {DEV}",
        f"CREATE TRANSIENT TABLE {DEV}.FACT_ETHEREUM_DAILY_DEX_VOLUMES AS SELECT date, 1 AS daily_volume, trades FROM {FACT}",
    )
    incident = acts.waiting(stage, BACKFILL)
    assert acts.failed(incident) == []
    assert "2026-04-08  dex_volumes\n11,290,000,000,000,000 -> 1,676,204,911\n" in acts.text_of(incident.card)
    assert "Asked for: changed. Anything else: 0 rows, 0 columns." in acts.text_of(incident.card)
    built = [s.sql for s in stage.world.snowflake.log if "fundamentals" in s.sql and "create" in s.sql.lower()]
    assert built
    assert all("analytics.prod.fact_ethereum_daily_dex_volumes" in sql.lower() for sql in built)
    assert not [sql for sql in built if "dev_refresh_bot.fact_" in sql.lower()]

    assert "waits for 2 explanations" in acts.opening(incident)
    groups = acts.choices(acts.opens(stage, incident, "alice", "explain"), "groups")
    acts.explains(stage, incident, "alice", groups[:1])
    assert "waits for 1 explanation" in acts.opening(incident)
    assert "approve" not in acts.offered(incident)
    acts.explains(stage, incident, "bob", groups[1:])
    incident.wait_button("approve")

    stage.nightly_writes(EZ, f"UPDATE {EZ} SET fees = fees + 1 WHERE date < '2018-01-14'")
    assert "still 3,032 rows, with other values." in acts.overtaken(stage, incident)
    assert acts.offered(incident) == {"recheck", "rebuild", "add_clocks"}
    acts.again(stage, incident, "recheck")
    assert acts.failed(incident) == [
        "*Parity: fail.* 12 rows before 2026-04-08 differ in fees: the backfill reached further than asked."
    ]
    assert acts.opening(incident).startswith(
        "*Cannot be approved as it is* · parity in the way, and nobody may waive that"
    )
    assert acts.offered(incident) == {"explain", "reject", "recheck", "rebuild", "add_clocks"}

    stage.nightly_writes(EZ, f"UPDATE {EZ} SET fees = fees - 1 WHERE date < '2018-01-14'")
    stage.nightly_writes(EZ, f"UPDATE {EZ} SET tvl = tvl + 1 WHERE date = '2026-04-10'")
    stage.nightly_writes(
        EZ, f"INSERT INTO {EZ} (date, chain) VALUES ('2017-12-31', 'ethereum'), ('2026-04-22', 'ethereum')"
    )
    acts.again(stage, incident, "recheck")
    assert acts.failed(incident) == [
        "*Parity: fail.* Before 2026-04-08 1 row is missing and 0 are new: the backfill reached further than asked; "
        "1 row of the window would be lost; 1 row of the window changed in tvl, which was to stay."
    ]
    assert acts.offered(incident) == {"explain", "reject", "recheck", "rebuild", "add_clocks"}

    stage.nightly_writes(EZ, f"DELETE FROM {EZ} WHERE price IS NULL")
    stage.nightly_writes(EZ, f"UPDATE {EZ} SET tvl = tvl - 1 WHERE date = '2026-04-10'")
    acts.again(stage, incident, "recheck")
    assert acts.failed(incident) == []
    incident.wait_button("approve")  # equal groups keep their explanations
    stage.approves(incident, EZ)
    incident.wait_card("done")


def test_what_a_replacement_would_break_is_in_the_way_until_it_is_gone(stage: Stage) -> None:
    """Streams, views, the owner and policies, seen by the role that owns production."""
    snowflake = stage.world.snowflake
    stream: dict[str, object] = {
        "name": "VOLUMES_CDC",
        "database_name": "RAW",
        "schema_name": "DUNE",
        "table_name": FACT,
    }
    snowflake.record_show("STREAMS", stream)
    snowflake.record_show("POLICY_REFERENCES", {"entity": FACT, "error": "Insufficient privileges"})
    stage.nightly_writes(FACT, f"ALTER TABLE {FACT} DROP COLUMN trades")
    incident = acts.waiting(stage, "fact_ethereum_daily_dex_volumes at=2026-04-08")
    said = acts.result(incident)
    assert "*Schema: warn.* The candidate adds trades." in said
    assert "*Safety: warn.* Views read production: ANALYTICS.PROD.DEX_SHARE" in said
    assert acts.failed(incident) == [
        "*Safety: fail.* Streams read production and would go stale: RAW.DUNE.VOLUMES_CDC.",
    ]
    assert "*Safety: unknown.* Whether production has policies is not visible with our rights." in said
    assert "safety (policies) and safety (streams) in the way, and nobody may waive that" in acts.opening(incident)
    assert acts.offered(incident) == {"explain", "reject", "recheck", "rebuild"}
    acts.explains(stage, incident)

    stream["table_name"] = "RAW.DUNE.DEX_VOLUMES"
    stage.as_admin(
        "CREATE ROLE LOADER",
        f"GRANT INSERT ON TABLE {FACT} TO ROLE LOADER",
        "GRANT ROLE LOADER TO ROLE REFRESH_BUILDER",
        f"GRANT OWNERSHIP ON TABLE {FACT} TO ROLE DASHBOARD COPY CURRENT GRANTS",
        f"GRANT SELECT ON TABLE {FACT} TO ROLE TRANSFORMER",
    )
    acts.again(stage, incident, "recheck")
    assert acts.failed(incident) == [
        "*Safety: fail.* Production is owned by DASHBOARD, not by TRANSFORMER, and would change its owner.",
        "*Safety: fail.* The role that dbt builds with, REFRESH_BUILDER, may write to production: "
        f"INSERT on TABLE {FACT} to ROLE LOADER. Revoke that and re-check.",
    ]

    stage.as_admin(
        f"GRANT OWNERSHIP ON TABLE {FACT} TO ROLE TRANSFORMER COPY CURRENT GRANTS",
        "REVOKE ROLE LOADER FROM ROLE REFRESH_BUILDER",
    )
    acts.again(stage, incident, "recheck")
    assert acts.failed(incident) == []
    assert "safety (policies) in the way, and nobody may waive that" in acts.opening(incident)
    assert "waive" not in acts.offered(incident)

    policy = stage.settings.policy.model_copy(update={"waive_unknown": True})
    stage.settings = stage.settings.model_copy(update={"policy": policy})
    stage.restart()
    acts.again(stage, incident, "recheck")
    acts.waives(stage, incident, "safety:policies", "the owner says there are none")
    incident.wait_button("approve")
    stage.approves(incident, FACT)
    incident.wait_card("done")
    assert text_of(incident.card).startswith("*R1 · fact_ethereum_daily_dex_volumes · full refresh · done*")


def test_columns_left_behind_are_in_the_way_and_taken_along_on_a_click(stage: Stage) -> None:
    """The storyboard's: the sum downstream of the named column would keep the bad value."""
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET daily_volume = 1676204911.20 WHERE date = '2026-04-08'")
    incident = acts.waiting(stage, "ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes")
    said = (
        "*Left behind: fail.* From 2026-04-08 on the model also changes total_economic_activity, "
        "which would keep the old value."
    )
    assert said in acts.failed(incident)
    assert "left behind and sanity to be repaired or waived" in acts.opening(incident)
    assert "approve" not in acts.offered(incident)
    assert "add_columns" in acts.offered(incident)
    assert "Only <@U0ALICE>" in incident.answered("dave", lambda: incident.click("dave", "add_columns"))
    acts.again(stage, incident, "add_columns")
    assert acts.failed(incident) == []
    incident.wait_card("Left behind: nothing.")
    assert "add_columns" not in acts.offered(incident)
    acts.explains(stage, incident)
    incident.wait_button("approve")
    stage.approves(incident, EZ)
    incident.wait_card("done")
    assert stage.value(f"SELECT total_economic_activity FROM {EZ} WHERE date = '2026-04-08'") < 10**10


def test_a_clock_that_would_keep_its_value_is_added_on_a_click(stage: Stage) -> None:
    """While it is built: the running build stops, and another begins with one column more."""
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET daily_volume = 1676204911.20 WHERE date = '2026-04-08'")
    stage.world.snowflake.inject(MERGING, "hang")
    incident = stage.asks(BACKFILL)
    plan = text_of(incident.wait_button("add_clocks"))
    assert "`modified_on` keeps prod's value, unless added to `columns=`." in plan
    assert "created_on" not in plan  # an ordinary run leaves it alone too
    stage.running(MERGING)
    seen = incident.wait_button("add_clocks")
    assert "Only <@U0ALICE>" in incident.answered("dave", lambda: incident.click("dave", "add_clocks"))
    incident.click("alice", "add_clocks")
    stage.slack.wait(lambda: "MODIFIED_ON" in stage.bot.store.get(1).request.columns, what="begun again")  # type: ignore[union-attr]
    told = incident.answered("bob", lambda: stage.presses("bob", seen, "add_clocks"))
    assert told == "R1 is built again with these columns already, so this changed nothing."
    incident.wait_reply("Only `dex_volumes`, `total_economic_activity` and `modified_on` will change")
    incident.wait_card("waiting for approval")
    incident.wait_button("explain")
    assert "add_clocks" not in incident.buttons()
    assert len(incident.replies) == 4  # both plans, the result, and what waits
    assert "Asked for: changed. Anything else: 0 rows, 0 columns." in text_of(incident.card)
    assert stage.idle()


@pytest.mark.moment("ez")
def test_a_clock_is_added_after_the_comparison_too(stage: Stage) -> None:
    incident = stage.incident()
    acts.again(stage, incident, "add_clocks", "bob")
    assert "add_clocks" not in incident.buttons()
    request = stage.bot.store.get(1).request  # type: ignore[union-attr]
    assert request.columns == ("dex_volumes", "total_economic_activity", "MODIFIED_ON")


@pytest.mark.moment("built")
def test_a_materialized_view_on_production_is_in_the_way(stage: Stage) -> None:
    stage.world.snowflake.show_as("ANALYTICS.PROD.DEX_SHARE", "MATERIALIZED")
    incident = stage.incident()
    incident.wait_button("reject")
    assert acts.failed(incident) == [
        "*Safety: fail.* Views read production: ANALYTICS.PROD.DEX_SHARE (materialized); materialized ones are "
        "suspended, others break if they use a lost column."
    ]
    assert "safety (views) in the way, and nobody may waive that" in acts.opening(incident)
    assert acts.offered(incident) == {"explain", "reject", "recheck", "rebuild"}
    stage.world.snowflake.show_as("ANALYTICS.PROD.DEX_SHARE", "")
    acts.again(stage, incident, "recheck")
    assert acts.failed(incident) == []


@pytest.mark.settings(policy={"waive_unknown": True})
@pytest.mark.moment("built")
def test_a_policy_on_what_the_model_reads_may_have_masked_the_build(stage: Stage) -> None:
    """The builder would compare masked with masked: somebody who knows the policy says so, and no value is shown."""
    policy: dict[str, object] = {
        "entity": "RAW.DUNE.DEX_VOLUMES",
        "POLICY_NAME": "REGION",
        "POLICY_KIND": "ROW_ACCESS_POLICY",
    }
    stage.world.snowflake.record_show("POLICY_REFERENCES", policy)
    stage.world.snowflake.filter_rows("RAW.DUNE.DEX_VOLUMES", "REFRESH_BUILDER", "lower(chain) <> 'solana'")
    incident = stage.incident()
    incident.wait_button("reject")
    said = acts.result(incident)
    assert "The role that dbt builds with does not see all that the model reads: RAW.DUNE.DEX_VOLUMES (" in said
    assert "What the model reads has policies (ROW_ACCESS_POLICY REGION of RAW.DUNE.DEX_VOLUMES)" in said
    assert "waits for 1 explanation, and for safety (policies) to be repaired or waived" in acts.opening(incident)
    seen = "\n".join([text_of(incident.card), *incident.replies])
    assert not [value for value in ("11,290,000", "1,676,204") if value in seen]
    assert acts.offered(incident) == {"explain", "waive", "reject", "recheck", "rebuild"}

    policy["entity"] = "RAW.DUNE.OTHER"
    stage.world.snowflake.filter_rows("RAW.DUNE.DEX_VOLUMES", "REFRESH_BUILDER", "")
    acts.again(stage, incident, "recheck")
    assert "*Safety: unknown.*" not in acts.result(incident)
    assert "11,290,000" in acts.result(incident)
