"""Findings of a full refresh in the thread: what fails keeps Approve shut until it is gone or waived (design section 4)."""

from __future__ import annotations

import pytest

from sandbox.incident import TRUE
from tests.stories import acts
from tests.stories.conftest import FACT, Stage

ASKED = "fact_ethereum_daily_dex_volumes at=2026-04-08"
SOURCE = "RAW.DUNE.DEX_VOLUMES"
DAY = "Chain = 'Ethereum' AND block_date = '2026-04-08'"
SOLANA = "ANALYTICS.PROD.FACT_SOLANA_DAILY_DEX_VOLUMES"


def test_lost_rows_and_a_lost_column_are_waived_by_approvers_and_by_nobody_else(stage: Stage) -> None:
    stage.nightly_writes(FACT, f"ALTER TABLE {FACT} ADD COLUMN note VARCHAR")
    stage.nightly_writes(
        FACT,
        f"INSERT INTO {FACT} (date, trades) SELECT DATEADD('day', -60, date), 1 FROM {FACT} WHERE date < '2018-02-11'",
    )
    incident = acts.waiting(stage, ASKED)
    said = acts.result(incident)
    assert acts.failed(incident) == [
        "*Parity: fail.* 3,032 rows where production has 3,072, less than 99 %; 40 keys of production would be removed.",
        "*Schema: fail.* The candidate loses note.",
    ]
    assert "Would change: `daily_volume` in 1 row; 40 rows lost." in acts.text_of(incident.card)
    assert "*Safety: warn.* Views read production: ANALYTICS.PROD.DEX_SHARE" in said
    assert "prod 2017-11-03 to 2026-04-21" in said
    assert "dev  2018-01-02 to 2026-04-21" in said
    waits = "waits for 1 explanation, and for parity, turned null, schema and outliers to be repaired or waived"
    assert waits in acts.opening(incident)
    unseen = "40 of 3,072 rows of production (1.3 %) have no counterpart in dev, so their values were not compared."
    assert f"*Turned null: unknown.* {unseen}" in said
    assert acts.offered(incident) == {"explain", "waive", "reject", "recheck", "rebuild"}

    form = acts.opens(stage, incident, "alice", "waive")
    assert acts.choices(form, "finding") == ["parity", "turned null", "schema", "outliers"]
    refused = incident.answered(
        "alice", lambda: stage.slack.submit("alice", "", {"finding": "parity", "reason": "mine"})
    )
    assert refused == "You asked for R1, so someone else waives a finding (four eyes). <@U0BOB> and <@U0CAROL> can."

    acts.waives(stage, incident, "parity", "the days before 2018 were a test")
    assert "approve" not in acts.offered(incident)
    acts.waives(stage, incident, "schema", "nobody reads note", person="carol")
    acts.waives(stage, incident, "turned null", "they are gone")
    acts.waives(stage, incident, "outliers", "they are gone")
    acts.explains(stage, incident)
    incident.wait_button("approve")
    assert acts.offered(incident) == {"explain", "approve", "reject"}
    share = "(40 of 3,072 rows of production, 1.3 %, not compared)"
    assert f"Waived by <@U0BOB>: parity {share}, “the days before 2018 were a test”." in acts.approval(incident)
    assert f"Waived by <@U0BOB>: turned null {share}, “they are gone”." in acts.approval(incident)
    assert "Waived by <@U0CAROL>: schema, “nobody reads note”." in acts.approval(incident)
    stage.approves(incident, FACT)
    incident.wait_card("done")
    assert stage.value(f"SELECT COUNT(*) FROM {FACT}") == 3032


def test_repeated_keys_are_never_waived_and_a_corrected_source_is_rebuilt(stage: Stage) -> None:
    stage.nightly_writes(SOURCE, f"UPDATE {SOURCE} SET volume_usd = 2000000000000 WHERE {DAY}")
    again = f"SELECT block_date, chain, volume_usd, trades, NULL FROM {SOURCE} WHERE {DAY.replace('04-08', '04-10')}"
    stage.nightly_writes(SOURCE, f"INSERT INTO {SOURCE} {again} UNION ALL SELECT NULL, 'Ethereum', 1, 1, NULL")
    incident = acts.waiting(stage, ASKED)
    said = acts.result(incident)
    grain, sanity, tests = acts.failed(incident)
    assert grain == "*Grain: fail.* 1 key (date) stands in 2 rows (prod: 0 in 0); 1 row without a key (prod: 0)."
    assert sanity == (
        "*Sanity: fail.* 1 row outside the limits in daily_volume (prod: 1); limits: daily_volume 0 to 1,000,000,000,000."
    )
    assert tests.startswith("*Tests: fail.* 1 of 3 pass; ")
    assert "*Parity: unknown.* Without a usable key it cannot be known whether rows are lost or changed" in said
    assert "Would change: 1 row only in prod; 3 rows only in dev." in acts.text_of(incident.card)
    assert acts.opening(incident).startswith("*Cannot be approved as it is*")
    assert "grain in the way, and nobody may waive that" in acts.opening(incident)
    form = acts.opens(stage, incident, "bob", "waive")
    assert "grain" not in acts.choices(form, "finding")
    assert {"sanity", "tests"} <= set(acts.choices(form, "finding"))
    stage.slack.close("bob")
    assert acts.offered(incident) == {"explain", "waive", "reject", "recheck", "rebuild"}

    stage.nightly_writes(SOURCE, f"DELETE FROM {SOURCE} WHERE loaded_at IS NULL")
    stage.nightly_writes(SOURCE, f"UPDATE {SOURCE} SET volume_usd = {TRUE} WHERE {DAY}")
    acts.again(stage, incident, "recheck")
    assert (
        "*Spot check: fail.* 1 of 1 value differs from spot_dex_volumes "
        "(2026-04-08 daily_volume: source 1,676,204,911.20, dev 2,000,000,000,000.00)."
    ) in acts.failed(incident)
    repaired = acts.again(stage, incident, "rebuild", "bob")
    assert acts.failed(incident) == []
    assert repaired.split("\n")[0].endswith("safety: *pass*.")
    acts.explains(stage, incident)
    incident.wait_button("approve")
    assert acts.offered(incident) == {"explain", "approve", "reject"}


def test_no_rows_at_all_is_a_failure_and_an_empty_source_proves_nothing(stage: Stage) -> None:
    stage.nightly_writes(SOURCE, f"DELETE FROM {SOURCE} WHERE chain = 'Ethereum'")
    incident = acts.waiting(stage, ASKED)
    said = acts.result(incident)
    assert acts.failed(incident) == ["*Parity: fail.* The candidate has no rows at all."]
    assert "prod 2018-01-02 to 2026-04-21" in said and "dev  no dates" in said
    assert "Would change: 3,032 rows lost." in acts.text_of(incident.card)
    assert "*Spot check: unknown.* spot_dex_volumes returned no rows for 2026-04-08, so nothing was compared." in said
    assert "approve" not in acts.offered(incident)


def test_a_source_that_is_still_wrong_changes_nothing_and_can_only_be_closed(stage: Stage) -> None:
    stage.nightly_writes(SOURCE, f"UPDATE {SOURCE} SET volume_usd = 11290000000000000 WHERE {DAY}")
    incident = stage.asks(ASKED)
    incident.wait_card("nothing would change")
    message = incident.wait_button("close")
    assert acts.text_of(message) == (
        "*Nothing would change.* The candidate equals production; 2026-04-08 still holds 11,290,000,000,000,000. "
        "The source has probably not been corrected yet.\nNotified: <@U0ALICE>."
    )
    assert acts.offered(incident) == {"close"}
    incident.click("alice", "close")
    incident.wait_card("cancelled")
    incident.wait_reply("Closed by <@U0ALICE>. Production was not touched.")
    assert acts.offered(incident) == set()


def test_far_values_only_warn_and_without_a_spot_check_somebody_says_what_was_compared(stage: Stage) -> None:
    """A model without any settings: grain from its uniqueness test, limits learnt from production."""
    for table, column, day, chain in (
        (SOURCE, "volume_usd", "block_date", " AND chain = 'Solana'"),
        (SOLANA, "daily_volume", "date", ""),
    ):
        stage.nightly_writes(table, f"UPDATE {table} SET {column} = {column} * 1000 WHERE {day} = '2026-03-05'{chain}")
    stage.nightly_writes(SOLANA, f"UPDATE {SOLANA} SET trades = trades * 2 WHERE date = '2026-03-09'")
    incident = acts.waiting(stage, "fact_solana_daily_dex_volumes")
    said = acts.result(incident)
    assert "*Sanity: warn.* 1 value over 100 times the usual" in said
    assert "prod has 1" in said
    assert "One row per `date` (the grain, from uniqueness test)" in incident.replies[0]
    assert (
        "*Spot check: unknown.* No spot check is configured, so nothing was compared with the source. "
        "Compare it by hand and record what was compared."
    ) in said
    assert "waits for 1 explanation, and for spot check to be repaired or waived" in acts.opening(incident)
    acts.waives(stage, incident, "spot check", "Dune's page says the same for 2026-03-09")
    acts.explains(stage, incident)
    incident.wait_button("approve")
    assert "*Sanity: warn.*" in acts.approval(incident)


@pytest.mark.settings(policy={"spot_check": "optional"})
def test_a_permanent_table_stays_permanent(stage: Stage) -> None:
    dim = "ANALYTICS.PROD.DIM_CHAINS"
    stage.nightly_writes(dim, f"UPDATE {dim} SET name = 'Ether' WHERE chain = 'ethereum'")
    incident = acts.waiting(stage, "dim_chains")
    assert "*Spot check: warn.* No spot check is configured" in acts.result(incident)
    assert f"CREATE OR REPLACE TABLE {dim} CLONE " in acts.statements(incident)
    assert acts.offered(incident) == {"approve", "reject"}
    stage.approves(incident, dim)
    incident.wait_card("done")
    kind = "SELECT is_transient FROM ANALYTICS.INFORMATION_SCHEMA.TABLES WHERE table_name = 'DIM_CHAINS'"
    assert stage.value(kind) == "NO"
