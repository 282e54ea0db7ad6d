"""What `make demo ARGS=--rehearse` promises: it plays the incident, and its exit code is a judgement of production."""

from __future__ import annotations

from collections import Counter

import pytest

from sandbox.rehearsal import judge, rehearse
from tests.stories.conftest import EZ, FACT, Stage

OTHER = "ANALYTICS.PROD.FACT_SOLANA_DAILY_DEX_VOLUMES"
FROM_THE_START = {FACT: 0, EZ: 0}


def test_the_rehearsal_plays_the_incident_and_judges_production(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.approved, stage.first_approval = Counter({FACT: 1, EZ: 1}), 0
    assert rehearse(stage.world) == 0
    said = capsys.readouterr().out
    for table in (FACT, EZ):
        assert f"  {table}: 11,290,000,000,000,000.00" in said
        assert f"  {table}: 1,676,204,911.20" in said
    assert said.count("REFRESH_PROMOTER_SVC as TRANSFORMER  [dbt-refresh:") == 4
    assert "someone else approves it (four eyes)" in said

    assert judge(stage.world, stage.before, FROM_THE_START) == 0
    late = len(stage.world.snowflake.log)
    assert judge(stage.world, stage.before, {FACT: late, EZ: 0}) == 1
    assert "were sent before the approval" in capsys.readouterr().out
    stage.nightly_writes(FACT, f"UPDATE {FACT} SET trades = trades + 1 WHERE date = '2026-04-08'")
    assert judge(stage.world, stage.before, FROM_THE_START) == 1
    assert f"rows that are not those of the candidate: {[FACT]}" in capsys.readouterr().out
    stage.nightly_writes(OTHER, f"UPDATE {OTHER} SET trades = trades + 1 WHERE date = '2026-04-08'")
    assert judge(stage.world, stage.before, FROM_THE_START) == 1
    assert f"tables that changed: {sorted({FACT, EZ, OTHER})}" in capsys.readouterr().out
