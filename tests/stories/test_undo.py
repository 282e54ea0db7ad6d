"""The way back: undo, what refuses it, a faulty production, the hold, and what is kept or dropped afterwards."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from bot.model import State
from sandbox.people import Incident, text_of
from tests.stories.acts import audited, fills, opens, state, thaws, undoes
from tests.stories.conftest import FACT, Stage
from tests.stories.moments import FACT_ASKED

BAD, TRUE = 11_290_000_000_000_000, 1_676_204_911.20
NEW_DAY = f"INSERT INTO {FACT} (date, daily_volume, trades) VALUES ('2026-04-22', 1700000000, 410000)"
REPLACED = "create or replace .* clone"
LOOKED = r"QUERY_HISTORY\("


def value(stage: Stage) -> float:
    return float(str(stage.value(f"SELECT daily_volume FROM {FACT} WHERE date = '2026-04-08'")))


def tables(stage: Stage, database: str) -> set[str]:
    """What lies in the dev or the backup schema."""
    with stage.world.snowflake.admin() as connection, connection.cursor() as cursor:
        cursor.execute(
            f"SELECT TABLE_NAME FROM {database}.INFORMATION_SCHEMA.TABLES "
            "WHERE TABLE_SCHEMA IN ('DEV_REFRESH_BOT', 'REFRESH_BACKUPS')"
        )
        return {row[0] for row in cursor.fetchall()}  # type: ignore[index]


@pytest.mark.moment("done")
def test_undo_brings_the_backup_back_and_holds_the_model(stage: Stage) -> None:
    incident = stage.incident()
    assert value(stage) == TRUE
    refused = incident.answered("dave", lambda: undoes(stage, incident, "dave"))
    assert "you may not undo it" in refused
    stage.note_approval(FACT)
    undoes(stage, incident, "alice")  # the asker is an approver, and an undo needs no four eyes
    incident.wait_card("undone by <@U0ALICE>")
    assert "*Undone by <@U0ALICE>" in text_of(incident.wait_reply("“the day is still wrong.”"))
    assert value(stage) == BAD
    assert "undo" not in incident.buttons()
    card = incident.wait_card("undone by")
    assert "Production is as it was before the promotion" in card
    assert "1,676,204,911" not in card
    told = stage.told("carol", FACT_ASKED)
    assert "is on hold by <@U0ALICE>" in told
    assert "the day is still wrong" in told
    stage.slack.command("dave", "unhold fact_ethereum_daily_dex_volumes")
    stage.slack.wait(lambda: any("you may not lift a hold" in text_of(m) for m in stage.slack.private("dave")))
    stage.slack.command("bob", 'unhold fact_ethereum_daily_dex_volumes reason="Dune is corrected"')
    stage.slack.wait(lambda: any("is lifted" in text_of(m) for m in stage.slack.private("bob")))
    lines = audited(stage, "undone by <@U0ALICE>, “the day is still wrong”", "lifted by <@U0BOB>, “Dune is corrected”")
    assert [line.split("*R1* ")[-1].split(" ")[0] for line in lines[:4]] == ["started", "replaced", "finished", "undid"]
    assert "*R2* is on its way" in stage.told("carol", FACT_ASKED)


@pytest.mark.moment("done")
def test_an_undo_that_ran_and_is_answered_with_an_error_is_undone(stage: Stage) -> None:
    """Else production would be called as promoted, without the hold."""
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "poll")
    stage.world.snowflake.inject(REPLACED, "misreport", code="390111")
    stage.note_approval(FACT)
    undoes(stage, incident)
    incident.wait_card("undone by <@U0BOB>")
    assert value(stage) == BAD
    assert "is on hold by <@U0BOB>" in stage.told("carol", FACT_ASKED)


@pytest.mark.moment("done")
def test_undo_is_refused_when_production_moved_on(stage: Stage) -> None:
    incident = stage.incident()
    stage.nightly_writes(FACT, NEW_DAY)
    undoes(stage, incident)
    refused = text_of(incident.wait_reply("*Not undone.*"))
    assert "3,032 rows then, 3,033 now" in refused
    assert "Undo anyway" not in refused  # only for a faulty production
    stage.slack.wait(lambda: stage.bot.store.get(1).state is State.DONE)  # type: ignore[union-attr]
    assert value(stage) == TRUE


@pytest.mark.moment("done")
def test_undo_is_refused_when_production_moves_while_it_looks(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject("^SHOW STREAMS", "hang", after=True)
    undoes(stage, incident)
    looks = stage.running("^SHOW STREAMS")
    assert ":undo:" in looks.tag
    stage.nightly_writes(FACT, NEW_DAY)
    stage.release(looks)
    assert "3,032 rows then, 3,033 now" in text_of(incident.wait_reply("*Not undone.*"))
    incident.wait_card("done")
    assert value(stage) == TRUE


@pytest.mark.moment("done")
def test_undo_is_refused_when_it_would_break_what_came_to_read_production(stage: Stage) -> None:
    incident = stage.incident()
    stream = {"name": "SINCE", "database_name": "RAW", "schema_name": "DUNE", "table_name": FACT}
    stage.world.snowflake.record_show("STREAMS", stream)
    undoes(stage, incident)
    assert "Prod has other streams than when R1 was promoted" in text_of(incident.wait_reply("*Not undone.*"))
    incident.wait_card("done")
    assert value(stage) == TRUE


@pytest.mark.moment("done")
def test_an_undo_says_what_it_could_not_see(stage: Stage) -> None:
    """Wrong numbers in production do not wait for a right that is missing."""
    incident = stage.incident()
    stage.world.snowflake.inject("^SHOW STREAMS", "fail", code="003001", message="Insufficient privileges", times=99)
    stage.note_approval(FACT)
    undoes(stage, incident)
    assert "the table's streams could be seen, before the undo they could not" in text_of(
        incident.wait_reply("*Undone by")
    )
    incident.wait_card("undone by <@U0BOB>")
    assert value(stage) == BAD


@pytest.mark.moment("done")
def test_undo_is_refused_when_somebody_wrote_to_the_backup(stage: Stage) -> None:
    (name,) = tables(stage, "ANALYTICS")
    stage.as_admin(f"UPDATE ANALYTICS.REFRESH_BACKUPS.{name} SET trades = 1 WHERE date = '2026-04-21'")
    incident = stage.incident()
    undoes(stage, incident)
    assert "is not what was taken before the promotion" in text_of(incident.wait_reply("*Not undone.*"))
    incident.wait_card("done")
    assert value(stage) == TRUE


def instants(stage: Stage) -> tuple[int, int, int]:
    """Where in Snowflake's log the undo was sent, its backup was renamed, and the history was looked at."""
    log = stage.world.snowflake.log
    sent = next(i for i, s in enumerate(log) if ":undo:" in s.tag and re.search(REPLACED, s.sql, re.I | re.S))
    fence = next(i for i, s in enumerate(log) if s.tag.endswith(":fence") and "RENAME TO" in s.sql)
    look = next(i for i, s in enumerate(log) if s.tag.endswith(":look") and "QUERY_HISTORY" in s.sql)
    return sent, fence, look


@pytest.mark.moment("done")
def test_an_undo_whose_answer_is_lost_is_fenced_and_looked_up(stage: Stage) -> None:
    incident = stage.incident()
    backups = tables(stage, "ANALYTICS")
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    stage.note_approval(FACT)
    undoes(stage, incident)
    incident.wait_card("undone by <@U0BOB>")
    assert value(stage) == BAD
    sent, fence, look = instants(stage)
    assert sent < fence < look
    renamed = tables(stage, "ANALYTICS")
    assert len(renamed) == len(backups) == 1
    assert renamed != backups  # what comes late finds nothing under the name that it was sent with
    stage.clock.advance(days=8)
    stage.forget_backups()
    stage.bot.timers.clean_up()
    assert tables(stage, "ANALYTICS") == set()


@pytest.mark.moment("done")
def test_an_undo_that_never_came_is_settled_by_a_person_and_can_be_asked_again(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "slow", seconds=8.0)
    stage.note_approval(FACT)
    undoes(stage, incident)
    late = stage.running(REPLACED)
    stage.restart()
    incident.wait_card("needs a person")
    assert "does not exist" in late.error  # it did come, after the fence
    asked = text_of(incident.wait_reply("*Needs a person.*"))
    assert "*It did not*: the refresh is as it was before the undo." in asked
    assert "Prod is unchanged since." in asked
    stage.clock.advance(days=1)  # it cannot come any more now, which only `recovery = "auto"` takes for a leave
    seen = len(stage.bot.store.trail(1))
    incident.click("carol", "look")
    stage.slack.wait(lambda: trail(stage)[seen:] == ["look again", "needs attention"], what="another look")
    assert trail(stage).count("undo intended") == 1
    incident.wait_button("not_happened")
    assert fills(stage, incident, "carol", "not_happened", reason="The day is still repaired").ok
    incident.wait_reply("it did not happen.* “The day is still repaired”")
    incident.wait_reply("*Not undone.*")
    incident.wait_card("done")
    assert value(stage) == TRUE
    undoes(stage, incident)  # from the backup under its new name
    incident.wait_card("undone by <@U0BOB>")
    assert value(stage) == BAD


@pytest.mark.moment("done")
def test_nobody_says_that_an_undo_did_not_happen_where_the_history_shows_that_it_did(stage: Stage) -> None:
    """The looks failed, so a person is asked; by then Snowflake answers again, and the hold is not lost."""
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    stage.world.snowflake.inject(LOOKED, "fail", message="out of order", times=5)
    stage.note_approval(FACT)
    undoes(stage, incident)
    incident.wait_card("needs a person")
    incident.wait_button("not_happened")
    stage.world.snowflake.clear_faults()

    def says_no() -> None:
        assert fills(stage, incident, "carol", "not_happened", reason="I saw nothing").ok

    assert "shows that the statement succeeded" in incident.answered("carol", says_no)
    assert state(stage) is State.NEEDS_ATTENTION
    incident.click("carol", "look")
    incident.wait_card("undone by <@U0BOB>")
    assert stage.bot.store.holds()
    assert value(stage) == BAD


@pytest.mark.moment("done")
def test_a_backup_that_was_renamed_by_a_fence_nobody_recorded_is_found_by_its_content(stage: Stage) -> None:
    (backup,) = (
        o.relation for o in stage.bot.store.objects(1) if o.kind == "backup" and "__BACKUP_" in o.relation.name
    )
    renamed = backup.renamed(f"{backup.name}9")
    stage.bot.store.record_object(renamed, "backup", 1, stage.clock() + timedelta(days=1))
    stage.as_admin(f"ALTER TABLE {backup.sql} RENAME TO {renamed.sql}")
    stage.note_approval(FACT)
    incident = stage.incident()
    undoes(stage, incident)
    incident.wait_card("undone by <@U0BOB>")
    assert value(stage) == BAD


@pytest.mark.moment("done")
@pytest.mark.settings(policy={"recovery": "auto"})
def test_an_undo_that_is_proven_absent_is_sent_again_where_the_policy_says_so(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "slow", seconds=8.0)
    stage.note_approval(FACT)
    undoes(stage, incident)
    stage.running(REPLACED)
    stage.restart()
    stage.clock.advance(days=1)
    incident.wait_card("undone by <@U0BOB>")
    assert value(stage) == BAD
    assert trail(stage).count("undo intended") == 2


def trail(stage: Stage) -> list[str]:
    return [line.event for line in stage.bot.store.trail(1)]


def make_faulty(stage: Stage) -> Incident:
    """Somebody takes the dashboards' right away while production is being replaced."""
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "hang", after=True)
    stage.approves(incident, FACT)
    replaced = stage.running(REPLACED)
    stage.value(f"REVOKE SELECT ON TABLE {FACT} FROM ROLE DASHBOARD")
    stage.value(f"SELECT SYSTEM$CANCEL_QUERY('{replaced.query_id}')")  # too late to undo anything: its answer comes
    incident.wait_card("promoted, but verification failed")
    incident.wait_reply("*Promoted, but verification failed.*")
    return incident


@pytest.mark.moment("explained")
def test_a_faulty_production_is_undone_although_it_moved_on(stage: Stage) -> None:
    stage.value(f"GRANT SELECT ON TABLE {FACT} TO ROLE DASHBOARD")
    incident = make_faulty(stage)
    assert "grants: was" in text_of(incident.wait_button("undo"))
    stage.nightly_writes(FACT, NEW_DAY)
    undoes(stage, incident)
    refused = text_of(incident.wait_reply("*Not undone.*"))
    assert "3,032 rows then, 3,033 now" in refused
    assert "An undo would lose 1 row that somebody else wrote." in refused
    assert "*Undo anyway*" in refused
    assert "Undo anyway: lose 1 row" in str(incident.wait_button("undo_forced")["blocks"])
    wrong = fills(stage, incident, "bob", "undo_forced", name="something else", reason="bad grants")
    assert not wrong.ok
    modal = stage.slack.modal("bob")
    assert modal is not None
    assert modal["errors"] == {"name": "This is not the model's name."}
    assert "lose 1 row that somebody else wrote" in str(modal["blocks"])
    stage.note_approval(FACT)
    answers = {"name": "fact_ethereum_daily_dex_volumes", "reason": "bad grants"}
    assert stage.slack.submit("bob", "undo_forced", answers).ok
    incident.wait_card("undone by <@U0BOB>")
    incident.wait_reply("*1 row that others wrote was lost by this.*")
    assert value(stage) == BAD
    assert stage.value(f"SELECT COUNT(*) FROM {FACT}") == 3_032


TWO_DAYS = f"INSERT INTO {FACT} (date, daily_volume, trades) VALUES ('2026-04-22', 17, 41), ('2026-04-23', 18, 42)"
A_THIRD = f"INSERT INTO {FACT} (date, daily_volume, trades) VALUES ('2026-04-24', 19, 43)"


@pytest.mark.moment("explained")
def test_rows_that_others_wrote_before_a_doubt_was_settled_are_never_lost_without_their_count(stage: Stage) -> None:
    """They came before the bot could look, so that production was never seen without them."""
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    stage.world.snowflake.inject(r"QUERY_HISTORY\(", "fail", message="out of order", times=5)
    stage.approves(incident, FACT)
    incident.wait_card("needs a person")
    incident.wait_button("happened")
    stage.nightly_writes(FACT, TWO_DAYS)
    assert fills(stage, incident, "carol", "happened", reason="the day is repaired").ok
    incident.wait_card("promoted, but verification failed")
    asked = text_of(incident.wait_button("undo_forced"))
    assert "Notified: " in asked
    assert "<@U0ALICE>" in asked.split("Notified: ")[1]
    assert "Undo anyway: lose 2 rows" in str(incident.wait_button("undo_forced")["blocks"])
    undoes(stage, incident)
    refused = text_of(incident.wait_reply("*Not undone.*"))
    assert "3,032 rows then, 3,034 now. An undo would lose 2 rows that somebody else wrote." in refused
    assert stage.value(f"SELECT COUNT(*) FROM {FACT}") == 3_034
    incident.wait_card("promoted, but verification failed")

    answers = {"name": "fact_ethereum_daily_dex_volumes", "reason": "wrong day"}
    opens(stage, incident, "bob", "undo_forced")
    stage.nightly_writes(FACT, A_THIRD)  # between what bob reads and what is sent
    assert stage.slack.submit("bob", "undo_forced", answers).ok
    assert "lose 3 rows that somebody else wrote" in text_of(incident.wait_reply("The button named 2 rows."))
    assert stage.value(f"SELECT COUNT(*) FROM {FACT}") == 3_035
    stage.slack.wait(lambda: "lose 3 rows" in str(incident.wait_button("undo_forced")["blocks"]), what="the new number")

    stage.note_approval(FACT)
    assert fills(stage, incident, "bob", "undo_forced", **answers).ok
    incident.wait_card("undone by <@U0BOB>")
    assert (value(stage), stage.value(f"SELECT COUNT(*) FROM {FACT}")) == (BAD, 3_032)
    offered = text_of(incident.wait_reply("*3 rows that others wrote were lost by this.*"))
    (kept,) = (o for o in stage.bot.store.objects(1) if str(o.relation) in offered)
    assert kept.keep_until is not None
    assert stage.value(f"SELECT COUNT(*) FROM {kept.relation.sql}") == 3_035
    stage.as_admin(offered.split("```")[1])
    assert (value(stage), stage.value(f"SELECT COUNT(*) FROM {FACT}")) == (BAD, 3_035)
    told = audited(stage, "3 rows of others taken along")
    does = [re.sub(r"^\*R1\* (\w+).*", r"\1", line) for line in told]
    assert does == ["started", "needs", "replaced", "failed", "undid"]


@pytest.mark.moment("explained")
@pytest.mark.parametrize("moved", [False, True])
def test_what_could_not_be_verified_is_undone_unless_it_moved_on(stage: Stage, moved: bool) -> None:
    incident = stage.incident()
    read = r'hash_agg.*from "ANALYTICS"."PROD"."FACT_ETH'
    stage.world.snowflake.inject(read, "fail", message="out of order", skip=1, times=9)  # the first is for the backup
    stage.approves(incident, FACT)
    incident.wait_card("promoted, but not verified")
    incident.wait_button("undo")
    stage.world.snowflake.clear_faults()
    if moved:
        stage.nightly_writes(FACT, f"UPDATE {FACT} SET trades = 1 WHERE date = '2026-04-21'")
        undoes(stage, incident)
        refused = text_of(incident.wait_reply("*Not undone.*"))
        assert "still 3,032 rows, with other values" in refused
    else:
        stage.note_approval(FACT)
        undoes(stage, incident)
        incident.wait_card("undone by <@U0BOB>")
        assert value(stage) == BAD


@pytest.mark.moment("explained")
def test_a_faulty_production_is_accepted_with_a_reason(stage: Stage) -> None:
    stage.value(f"GRANT SELECT ON TABLE {FACT} TO ROLE DASHBOARD")
    incident = make_faulty(stage)
    assert "someone else accepts it (four eyes)" in incident.answered(
        "alice", lambda: fills(stage, incident, "alice", "accept", reason="fine")
    )
    assert fills(stage, incident, "carol", "accept", reason="The dashboards read a view").ok
    incident.wait_card("done")
    incident.wait_reply("*Accepted by <@U0CAROL>")
    assert stage.bot.store.live() == []


@pytest.mark.moment("done")
def test_dev_is_dropped_on_a_click_and_the_backup_stays(stage: Stage) -> None:
    incident = stage.incident()
    assert len(tables(stage, "DEV")) == 2
    assert "Only <@U0ALICE>" in incident.answered("dave", lambda: incident.click("dave", "drop_dev"))
    thaws(stage, "drop_dev")
    assert len(tables(stage, "DEV")) == 2
    assert "2 tables dropped in dev" in incident.answered("alice", lambda: incident.click("alice", "drop_dev"))
    assert tables(stage, "DEV") == set()
    assert len(tables(stage, "ANALYTICS")) == 1


@pytest.mark.moment("done")
def test_the_janitor_drops_what_the_bot_recorded_when_its_time_is_over_and_nothing_else(stage: Stage) -> None:
    incident = stage.incident()
    recorded = tables(stage, "DEV") | tables(stage, "ANALYTICS")
    baseline = next(n for n in recorded if "__BASELINE_" in n)
    backup = next(n for n in recorded if "__BACKUP_" in n)
    lookalikes = {f"{baseline}0", f"{backup}0"}
    stage.nightly.add(f"ANALYTICS.REFRESH_BACKUPS.{backup}0")
    stage.value(f"CREATE TRANSIENT TABLE DEV.DEV_REFRESH_BOT.{baseline}0 AS SELECT 1 AS one")
    stage.value(f"CREATE TRANSIENT TABLE ANALYTICS.REFRESH_BACKUPS.{backup}0 AS SELECT 1 AS one")
    assert "are kept until" in incident.answered("bob", lambda: incident.click("bob", "keep_dev"))
    stage.clock.advance(days=4)
    stage.bot.timers.clean_up()
    assert tables(stage, "DEV") | tables(stage, "ANALYTICS") == recorded | lookalikes
    stage.clock.advance(days=4)
    stage.forget_backups()
    stage.bot.timers.clean_up()
    assert tables(stage, "DEV") | tables(stage, "ANALYTICS") == lookalikes
    stage.bot.timers.clean_up()
    refused = incident.wait_button("undo")
    undoes(stage, incident)
    incident.wait_reply("*Not undone.*")
    assert refused
