"""The proof of the proof: production cannot be written to past the promoter, and the judge of the stories sees who does."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import ProgrammingError

from tests.stories.conftest import FACT, Parts, Stage, staged

MINE = "DEV.DEV_REFRESH_BOT.MINE"
OTHER = "ANALYTICS.PROD.FACT_SOLANA_DAILY_DEX_VOLUMES"
REFUSED = {2003, 2043, 3001, 3003, 3013}  # not there or not authorized; insufficient privileges; role not granted
BYPASSES = [
    f"ALTER TABLE {MINE} RENAME TO {FACT}_2",
    f"ALTER TABLE {MINE} RENAME TO {FACT}",
    f"ALTER TABLE {FACT} SWAP WITH {MINE}",
    f"ALTER TABLE {FACT} RENAME TO DEV.DEV_REFRESH_BOT.TAKEN",
    f"CREATE OR REPLACE TRANSIENT TABLE {FACT} CLONE {MINE}",
    f"CREATE OR REPLACE TRANSIENT TABLE {FACT} AS SELECT * FROM {MINE}",
    f"CREATE TRANSIENT TABLE {FACT}_2 CLONE {MINE}",
    f"CREATE TRANSIENT TABLE ANALYTICS.REFRESH_BACKUPS.X CLONE {MINE}",
    f"INSERT INTO {FACT} SELECT * FROM {MINE}",
    f"UPDATE {FACT} SET daily_volume = 0",
    f"DELETE FROM {FACT}",
    f"MERGE INTO {FACT} t USING {MINE} s ON t.date = s.date WHEN MATCHED THEN UPDATE SET t.trades = s.trades",
    f"TRUNCATE TABLE {FACT}",
    f"DROP TABLE {FACT}",
    f"GRANT OWNERSHIP ON TABLE {FACT} TO ROLE REFRESH_BUILDER",
    f"GRANT INSERT ON TABLE {FACT} TO ROLE REFRESH_BUILDER",
    f"CREATE OR REPLACE VIEW {FACT} AS SELECT * FROM {MINE}",
    "CREATE SCHEMA ANALYTICS.MINE",
    "DROP SCHEMA ANALYTICS.PROD",
    "USE ROLE TRANSFORMER",
]


def connect(stage: Stage, user: str) -> SnowflakeConnection:
    """A session with the key that the bot itself uses."""
    role = {"builder": "REFRESH_BUILDER", "promoter": "TRANSFORMER"}[user]
    name = f"REFRESH_{user.upper()}_SVC"
    return stage.world.snowflake.connect(
        name, private_key=stage.world.private_key(user), role=role, warehouse="ETHEREUM"
    )


def test_the_builder_cannot_write_to_production_in_any_way(stage: Stage) -> None:
    refused: dict[str, int] = {}
    with connect(stage, "builder") as builder:
        builder.cursor().execute("CREATE SCHEMA DEV.DEV_REFRESH_BOT")
        builder.cursor().execute(f"CREATE TRANSIENT TABLE {MINE} AS SELECT * FROM {FACT}")
        for bypass in BYPASSES:
            with pytest.raises(ProgrammingError) as error:
                builder.cursor().execute(bypass)
            refused[bypass] = int(error.value.errno or 0)
    assert {bypass: code for bypass, code in refused.items() if code not in REFUSED} == {}
    stage.refused_on_purpose = {s.query_id for s in stage.world.snowflake.log if s.error}


def beside_the_bot(project: Parts, directory: Path, user: str, *statements: str, approvals: int = 0) -> None:
    """A story in which `user` writes without the bot, with so many approvals of something."""
    with staged(project, directory, {}) as stage:
        for _ in range(approvals):
            stage.note_approval(FACT)
        with stage.world.snowflake.admin() if user == "ADMIN" else connect(stage, user) as connection:
            for sql in statements:
                connection.cursor().execute(sql)


@pytest.mark.parametrize(
    ("user", "sql"),
    [
        ("ADMIN", f"UPDATE {FACT} SET daily_volume = 1 WHERE date = '2026-04-08'"),
        ("ADMIN", f"CREATE OR REPLACE TRANSIENT TABLE {FACT} CLONE {OTHER}"),
        ("ADMIN", "CREATE TABLE ANALYTICS.PROD.NEW_ONE AS SELECT 1 AS one"),
        ("ADMIN", f"DROP TABLE {FACT}"),
        ("promoter", f"UPDATE {FACT} SET trades = trades WHERE date = '2026-04-08'"),
        ("promoter", f"CREATE OR REPLACE TRANSIENT TABLE {FACT} CLONE {OTHER} COPY GRANTS"),
        ("promoter", "CREATE TABLE ANALYTICS.REFRESH_BACKUPS.B AS SELECT 1 AS one"),
    ],
)
def test_the_judge_sees_a_write_that_nobody_approved(project: Parts, tmp_path: Path, user: str, sql: str) -> None:
    with pytest.raises(AssertionError):
        beside_the_bot(project, tmp_path, user, sql)


def refused_attempt(project: Parts, directory: Path) -> None:
    with staged(project, directory, {}) as stage, connect(stage, "builder") as builder, suppress(ProgrammingError):
        builder.cursor().execute(f"DELETE FROM {FACT}")


def test_the_judge_sees_even_a_refused_attempt(project: Parts, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=f"DELETE FROM {FACT}"):
        refused_attempt(project, tmp_path)


TAGGED = "ALTER SESSION SET QUERY_TAG = 'dbt-refresh:x:R1:promote:y'"
REPLACE = f"CREATE OR REPLACE TRANSIENT TABLE {FACT} CLONE {OTHER} COPY GRANTS"


def test_the_judge_counts_replacements(project: Parts, tmp_path: Path) -> None:
    beside_the_bot(project, tmp_path, "promoter", TAGGED, REPLACE, approvals=1)
    (tmp_path / "again").mkdir()
    with pytest.raises(AssertionError):
        beside_the_bot(project, tmp_path / "again", "promoter", TAGGED, REPLACE, REPLACE, approvals=1)
