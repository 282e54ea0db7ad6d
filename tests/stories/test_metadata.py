"""What hangs on production beside its rows: what a clone changes is said before the click, and is no fault after it."""

from __future__ import annotations

from sandbox.people import text_of
from tests.stories import acts
from tests.stories.conftest import EZ, FACT, Stage
from tests.stories.moments import EZ_ASKED

OLD = "ANALYTICS.PROD.OLD"  # a view that was broken before anybody asked


def test_a_comment_that_goes_is_said_before_and_no_fault_after(stage: Stage) -> None:
    stage.nightly_writes(FACT, f"COMMENT ON TABLE {FACT} IS 'Written by hand'")
    stage.nightly_writes(FACT, f"COMMENT ON COLUMN {FACT}.daily_volume IS 'In dollars'")
    stage.nightly_writes(FACT, f"ALTER TABLE {FACT} SET DATA_RETENTION_TIME_IN_DAYS = 0")
    stage.nightly_writes(FACT, f"ALTER TABLE {FACT} ADD PRIMARY KEY (date) RELY")
    stage.nightly_writes(FACT, f"ALTER TABLE {FACT} ADD DATA METRIC FUNCTION SNOWFLAKE.CORE.FRESHNESS ON (date)")
    for sql in (
        "CREATE TABLE ANALYTICS.PROD.GONE (date DATE)",
        f"CREATE VIEW {OLD} AS SELECT f.date FROM {FACT} f JOIN ANALYTICS.PROD.GONE g ON f.date = g.date",
        "DROP TABLE ANALYTICS.PROD.GONE",
    ):
        stage.nightly_writes(OLD, sql)
    incident = stage.asks("fact_ethereum_daily_dex_volumes at=2026-04-08")
    incident.wait_card("waiting for approval")
    assert any(
        "comment, retention of Time Travel and column comments would become the candidate's" in reply
        for reply in incident.replies
    )
    said = "\n".join(incident.replies)
    assert 'Production would lose PRIMARY KEY ("DATE") RELY.' in said
    assert 'Data metric functions watch production and would be gone: SNOWFLAKE.CORE.FRESHNESS ON ("DATE").' in said
    stage.explains(incident)
    stage.approves(incident, FACT)
    incident.wait_card("done")
    promoted = text_of(incident.wait_button("undo"))
    assert "verified: views unknown" in promoted
    assert f"1 view on it still answers; not readable before either, so not checked: `{OLD}`" in promoted


def test_automatic_clustering_that_a_clone_suspends_is_resumed(stage: Stage) -> None:
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET daily_volume = 1676204911.20 WHERE date = '2026-04-08'")
    stage.nightly_writes(EZ, f"ALTER TABLE {EZ} CLUSTER BY (date)")
    stage.nightly_writes(EZ, f"ALTER TABLE {EZ} ADD PRIMARY KEY (date)")
    incident = acts.waiting(stage, EZ_ASKED)
    assert acts.failed(incident) == []
    assert "PRIMARY KEY" not in acts.result(incident)  # a backfill is made of a clone, which has it
    assert acts.statements(incident).endswith(f"ALTER TABLE {EZ} RESUME RECLUSTER;")
    stage.explains(incident)
    stage.approves(incident, EZ)
    incident.wait_card("done")
    clustered = "SELECT auto_clustering_on FROM ETHEREUM.INFORMATION_SCHEMA.TABLES WHERE table_name = 'EZ_METRICS'"
    assert stage.value(clustered) == "YES"
