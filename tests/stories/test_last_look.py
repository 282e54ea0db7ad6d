"""Between an approval and the statement: whatever is no longer as approved is seen by the last look, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from bot.events import Explained
from sandbox.people import text_of
from tests.stories.conftest import FACT, Stage

NEW_DAY = f"INSERT INTO {FACT} (date, daily_volume, trades) VALUES ('2026-04-22', 1700000000, 410000)"
READ = r'hash_agg.*from "ANALYTICS"."PROD"."FACT_ETH'


def a_stream(stage: Stage) -> None:
    stream = {"name": "CDC", "database_name": "RAW", "schema_name": "DUNE", "table_name": FACT}
    stage.world.snowflake.record_show("STREAMS", stream)


def hidden_streams(stage: Stage) -> None:
    stage.world.snowflake.inject("^SHOW STREAMS", "fail", code="003001", message="Insufficient privileges", times=99)


def other_keys(stage: Stage) -> None:
    stage.nightly_writes(FACT, f"ALTER TABLE {FACT} CLUSTER BY (date)")
    stage.nightly_writes(FACT, f"ALTER TABLE {FACT} ADD PRIMARY KEY (date)")


def another_owner(stage: Stage) -> None:
    stage.nightly.add(FACT)
    stage.as_admin(
        f"GRANT OWNERSHIP ON TABLE {FACT} TO ROLE DASHBOARD COPY CURRENT GRANTS",
        f"GRANT SELECT ON TABLE {FACT} TO ROLE TRANSFORMER",
    )


def another_reason(stage: Stage) -> None:
    """Somebody else's hand in the bot's own database: what was explained is not what the digest was made of."""
    refresh = stage.bot.store.get(1)
    assert refresh is not None
    (first, *others) = refresh.explanations
    event = Explained(
        at=stage.clock(), by=first.by, groups=(first.group,), reason="expected", note="", digest=refresh.digest
    )
    changed = replace(refresh, explanations=(replace(first, reason="expected"), *others))
    assert stage.bot.store.commit(refresh, changed, event=event)


def a_table_by_that_name(stage: Stage) -> None:
    (backup,) = (o.relation for o in stage.bot.store.objects(1) if o.kind == "backup")
    stage.nightly_writes(str(backup), f"CREATE TRANSIENT TABLE {backup.sql} AS SELECT 1 AS one")


CHANGED: dict[str, tuple[Callable[[Stage], None], str]] = {
    "stream": (a_stream, "Prod's streams changed since it was compared."),
    "hidden": (hidden_streams, "Prod's streams could be seen when it was planned and cannot now"),
    "keys": (other_keys, "Prod's clustering key, automatic clustering and keys changed since it was compared."),
    "owner": (another_owner, "Prod's owner changed since it was compared."),
    "digest": (another_reason, "What was approved is not what would be sent now: the decisions no longer count."),
    "backup": (
        a_table_by_that_name,
        "A backup of that name exists already, and this bot's database does not know who took it",
    ),
}


@pytest.mark.moment("explained")
@pytest.mark.parametrize("what", CHANGED)
def test_what_is_not_as_approved_withdraws_although_every_row_is_equal(stage: Stage, what: str) -> None:
    change, why = CHANGED[what]
    incident = stage.incident()
    incident.wait_button("approve")
    change(stage)
    incident.click("bob", "approve")
    assert why in text_of(incident.wait_reply("*Withdrawn.*"))
    incident.wait_card("withdrawn")
    assert "approved" in [line.event for line in stage.bot.store.trail(1)]


@pytest.mark.moment("explained")
def test_a_row_that_comes_after_the_backup_withdraws(stage: Stage) -> None:
    incident = stage.incident()
    incident.wait_button("approve")
    stage.world.snowflake.inject(READ, "hang", after=True)  # the comparison with the backup, which is the same by then
    stage.first_approval = len(stage.world.snowflake.log)
    incident.click("bob", "approve")
    compared = stage.running(READ)
    stage.nightly_writes(FACT, NEW_DAY)
    stage.release(compared)
    assert "3,032 rows then, 3,033 now" in text_of(incident.wait_reply("*Withdrawn.*"))
    incident.wait_card("withdrawn")
