"""When dbt, Slack, Snowflake or the bot itself fails: never two replacements, never one without approval, and a way on."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from bot.model import State
from sandbox.people import Incident, text_of
from tests.stories.acts import REPLACED, replacements, settle, state, thaws
from tests.stories.conftest import FACT, Stage
from tests.stories.moments import FACT_ASKED

BUILDING = "create or replace .*dev_refresh_bot.*fact_ethereum_daily"
READ = r'hash_agg.*from "ANALYTICS"."PROD"."FACT_ETH'


def said_twice(incident: Incident) -> list[str]:
    return [text for text, count in Counter(incident.replies).items() if count > 1]


def test_a_build_that_fails_says_why_and_can_be_tried_again(stage: Stage) -> None:
    message = "Numeric value 'SECRET-17' is not recognized\nRow Values: ['alice@example.com', 42]"
    stage.world.snowflake.inject(BUILDING, "fail", code="100038", message=message)
    incident = stage.asks(FACT_ASKED)
    incident.wait_card("failed")
    failed = text_of(incident.wait_reply("*Failed.*"))
    assert "Numeric value '...' is not recognized" in failed
    assert "Production was not touched." in failed
    everything = " ".join(str(m) for m in incident.thread)
    assert "SECRET-17" not in everything
    assert "alice@example.com" not in everything
    shown = next(f for m in incident.thread for f in m.get("files", []) if "compiled" in f["name"])
    assert "select" in stage.slack.file(shown["id"]).decode().lower()
    stage.world.snowflake.inject(BUILDING, "hang")
    assert "*R2* is on its way" in incident.answered("carol", lambda: incident.click("carol", "again"))
    stage.running(BUILDING)
    second = Incident(stage.slack, "R2")
    second.click("carol", "cancel")
    second.wait_card("Cancelled by <@U0CAROL>")


@pytest.mark.moment("explained")
def test_slack_down_for_a_while_loses_and_doubles_nothing(stage: Stage) -> None:
    incident = stage.incident()
    stage.slack.fault("outage", "chat.*")
    stage.approves(incident, FACT)
    stage.slack.wait(lambda: state(stage) is State.DONE, 30, "done while Slack is down")
    assert len(incident.replies) == 3
    stage.slack.clear_faults()
    incident.wait_card("done")
    incident.wait_reply("*Approved by <@U0BOB>")
    assert len(incident.replies) == 4
    assert said_twice(incident) == []


@pytest.mark.moment("built")
def test_lost_replies_of_slack_double_nothing(stage: Stage) -> None:
    incident = stage.incident()
    stage.slack.fault("lost_reply", "files.completeUploadExternal")
    stage.slack.fault("lost_reply", "chat.postMessage")
    stage.slack.fault("lost_reply", "chat.update")
    incident.wait_button("explain")
    stage.explains(incident)
    stage.slack.fault("lost_reply", "chat.postMessage", times=2)
    stage.approves(incident, FACT)
    incident.wait_card("done")
    incident.wait_button("undo")
    stage.slack.wait(lambda: any("finished" in text_of(m) for m in stage.slack.channel("C0AUDIT")))
    assert said_twice(incident) == []
    assert len(incident.replies) == 4
    assert len(stage.slack.channel("C0AUDIT")) == 3  # started, replaced, finished


def test_a_restart_while_building_goes_on_with_the_same_refresh(stage: Stage) -> None:
    stage.world.snowflake.inject(BUILDING, "hang")
    incident = stage.asks(FACT_ASKED)
    stage.running(BUILDING)
    stage.restart()
    incident.wait_card("waiting for approval")
    assert stage.idle()  # what the first process had sent was stopped
    stage.restart()
    stage.explains(incident)
    stage.approves(incident, FACT)
    incident.wait_card("done")
    assert len(stage.slack.channel("C0INCIDENTS")) == 1
    assert said_twice(incident) == []
    assert len(stage.bot.store.recent()) == 1


@pytest.mark.moment("awaiting")
def test_two_refreshes_of_one_table_never_run_at_once(stage: Stage) -> None:
    card = stage.incident().card
    told = stage.told("carol", f"{FACT_ASKED} warehouse=ANALYTICS_XL")
    assert told.startswith("R1 already refreshes this table (waiting for approval, asked by <@U0ALICE> ")
    assert card is not None
    assert card["ts"].replace(".", "") in told
    assert len(stage.bot.store.recent()) == 1


@pytest.mark.moment("done")
def test_a_model_on_hold_is_not_refreshed_until_an_approver_lifts_it(stage: Stage) -> None:
    def hears(user: str, words: str, command: str) -> None:
        stage.slack.command(user, command)
        stage.slack.wait(lambda: any(words in text_of(m) for m in stage.slack.private(user)), what=words)

    hears("dave", "you may not hold a model", "hold fact_ethereum_daily_dex_volumes")
    hears("bob", "is on hold: nobody can refresh it", 'hold fact_ethereum_daily_dex_volumes reason="Dune is moving"')
    told = stage.told("alice", FACT_ASKED)
    assert "is on hold by <@U0BOB>" in told
    assert "Dune is moving" in told
    hears("carol", "is lifted", "unhold fact_ethereum_daily_dex_volumes")
    assert "*R2* is on its way" in stage.told("alice", FACT_ASKED)


@pytest.mark.moment("explained")
def test_a_promotion_whose_answer_is_lost_is_looked_up_and_verified(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    stage.approves(incident, FACT)
    incident.wait_card("done")
    incident.wait_reply("verified: pass")
    log = stage.world.snowflake.log
    sent = next(i for i, s in enumerate(log) if re.search(REPLACED, s.sql, re.I | re.S) and s.tag)
    fence = next(i for i, s in enumerate(log) if s.tag.endswith(":fence") and "RENAME TO" in s.sql)
    look = next(i for i, s in enumerate(log) if s.tag.endswith(":look") and "QUERY_HISTORY" in s.sql)
    assert sent < fence < look
    assert replacements(stage) == 1


@pytest.mark.moment("explained")
@pytest.mark.parametrize("code", ["390114", "000603"])
def test_a_promotion_that_ran_and_is_answered_with_an_error_is_verified(stage: Stage, code: str) -> None:
    """A token that expires while the answer is fetched, and an internal error: no word of a refusal."""
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "poll")
    stage.world.snowflake.inject(REPLACED, "misreport", code=code)
    stage.approves(incident, FACT)
    incident.wait_card("done")
    incident.wait_reply("verified: pass")
    assert not [reply for reply in incident.replies if "refused" in reply or "not replaced" in reply]
    assert "needs attention" not in [line.event for line in stage.bot.store.trail(1)]
    assert replacements(stage) == 1


@pytest.mark.moment("explained")
def test_a_promotion_that_snowflake_refuses_waits_for_a_person(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "fail", code="003001", message="Insufficient privileges on the schema")
    stage.note_approval(FACT)
    incident.click("bob", "approve")
    incident.wait_card("needs a person")
    asked = text_of(incident.wait_reply("*Needs a person.*"))
    assert "Insufficient privileges on the schema" in asked
    assert "not certain" not in asked
    incident.wait_button("not_happened")
    assert {"look", "happened"}.isdisjoint(incident.buttons())  # it is known
    (button,) = incident.wait_button("not_happened")["blocks"][-1]["elements"]
    assert button["text"]["text"] == "Go back"
    assert "*Go back*: the refresh is withdrawn, nothing more is sent." in asked
    incident.click("bob", "not_happened")
    stage.slack.wait(lambda: stage.slack.modal("bob"), what="the form")
    assert stage.slack.submit("bob", "not_happened", {"reason": "read the table"}).ok
    incident.wait_card("withdrawn")
    assert "it did not happen.* “read the table”" in text_of(incident.wait_reply("*<@U0BOB> "))
    assert "rebuild" in incident.wait_button("rebuild")["blocks"][-1]["elements"][-1]["action_id"]
    assert replacements(stage) == 0
    stage.approved.clear()


@pytest.mark.moment("explained")
@pytest.mark.parametrize("pressed", ["look", "happened"])
def test_a_promotion_that_could_not_be_looked_up_is_settled_by_a_person(stage: Stage, pressed: str) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    stage.world.snowflake.inject(r"QUERY_HISTORY\(", "fail", message="out of order", times=5)
    stage.approves(incident, FACT)
    incident.wait_card("needs a person")
    asked = text_of(incident.wait_reply("*Needs a person.*"))
    assert "could not be found out" in asked
    assert "*It happened*: the replacement is taken as done and production is verified." in asked
    assert "you may not settle what happened" in incident.answered("dave", lambda: incident.click("dave", "look"))
    incident.click("alice", pressed)  # the asker is an approver, and this needs no four eyes
    if pressed == "happened":
        stage.slack.wait(lambda: stage.slack.modal("alice"), what="the form")
        assert stage.slack.submit("alice", "happened", {"reason": "The day is repaired"}).ok
        incident.wait_reply("it happened.* “The day is repaired”")
    incident.wait_card("done")
    incident.wait_reply("verified: pass")
    assert replacements(stage) == 1
    assert {"look", "happened", "not_happened"}.isdisjoint(incident.buttons())


@pytest.mark.moment("explained")
@pytest.mark.settings(policy={"recovery": "auto"})
def test_a_look_that_the_history_does_not_reach_any_more_says_so_and_concludes_nothing(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    stage.world.snowflake.inject(r"QUERY_HISTORY\(", "fail", message="out of order", times=5)
    stage.approves(incident, FACT)
    incident.wait_card("needs a person")
    incident.wait_button("look")
    stage.clock.advance(days=7)
    asked = len(stage.world.snowflake.log)
    incident.click("alice", "look")
    said = text_of(incident.wait_reply("Snowflake's query history reaches back 7 days only"))
    assert "Prod was replaced or written since." in said
    incident.wait_card("needs a person")
    assert not [s for s in stage.world.snowflake.log[asked:] if "QUERY_HISTORY" in s.sql]
    assert {"look", "happened", "not_happened"} <= incident.buttons()
    assert replacements(stage) == 1


@pytest.mark.moment("explained")
def test_who_says_that_it_did_not_happen_is_heard_once_it_cannot_happen_any_more(stage: Stage) -> None:
    """The statement is still on its way when the worker gives up looking, so nothing has fenced it."""
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "slow", seconds=15.0)
    stage.world.snowflake.inject("rename to", "fail", message="out of order", times=99)
    stage.note_approval(FACT)
    incident.click("bob", "approve")
    late = stage.running(REPLACED)
    stage.restart()
    incident.wait_card("needs a person")
    refused = incident.answered("bob", lambda: says_no(stage, incident))
    assert "cannot be settled yet" in refused
    assert state(stage) is State.NEEDS_ATTENTION
    stage.world.snowflake.clear_faults()
    thaws(stage, "not_happened")
    assert not [s for s in stage.world.snowflake.log if "_CLICK99" in s.sql]
    assert "the statement still runs" in incident.answered("bob", lambda: says_no(stage, incident))
    assert state(stage) is State.NEEDS_ATTENTION
    assert stage.idle()
    says_no(stage, incident)
    incident.wait_card("withdrawn")
    assert "<@U0BOB> says that the replacement did not happen" in text_of(incident.wait_reply("*Withdrawn.*"))
    assert "does not exist" in late.error  # it came after the fence, and found nothing to clone
    assert replacements(stage) == 0
    stage.approved.clear()


@pytest.mark.moment("explained")
def test_a_candidate_that_an_administrator_gave_away_settles_nothing(stage: Stage) -> None:
    """The fence cannot rename it, and the statement on its way still copies it."""
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "slow", seconds=8.0)
    stage.world.snowflake.inject(r"QUERY_HISTORY\(", "fail", message="out of order", times=5)
    stage.approves(incident, FACT)
    stage.running(REPLACED)
    refresh = stage.bot.store.get(1)
    assert refresh is not None
    assert refresh.candidate is not None
    candidate = refresh.candidate.relation
    stage.as_admin("CREATE ROLE AUDITOR", f"GRANT OWNERSHIP ON TABLE {candidate} TO ROLE AUDITOR COPY CURRENT GRANTS")
    stage.restart()
    incident.wait_card("needs a person")
    refused = incident.answered("bob", lambda: says_no(stage, incident))
    assert "cannot be settled yet" in refused
    assert "It belongs to `AUDITOR` now" in refused
    assert stage.idle()
    assert state(stage) is State.NEEDS_ATTENTION
    incident.click("bob", "look")
    incident.wait_card("done")
    incident.wait_reply("verified: pass")
    assert replacements(stage) == 1


def says_no(stage: Stage, incident: Incident) -> None:
    incident.wait_button("not_happened")
    incident.click("bob", "not_happened")
    stage.slack.wait(lambda: stage.slack.modal("bob"), what="the form")
    assert stage.slack.submit("bob", "not_happened", {"reason": "read the table"}).ok


@pytest.mark.moment("explained")
def test_a_backup_whose_answer_is_lost_is_no_doubt_about_production(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject("create transient table .*refresh_backups.* clone", "lost_reply")
    stage.approves(incident, FACT)
    settle(stage, frozenset({State.STALE, State.DONE}))
    assert state(stage) is State.DONE
    incident.wait_reply("verified: pass")
    assert replacements(stage) == 1


@pytest.mark.moment("explained")
def test_while_snowflake_stays_away_nobody_says_that_production_was_not_touched(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "lost_reply")
    stage.world.snowflake.inject(r"QUERY_HISTORY\(", "lost_reply", times=5)
    stage.approves(incident, FACT)
    incident.wait_card("needs a person")
    asked = text_of(incident.wait_reply("*Needs a person.*"))
    assert "Snowflake does not answer" in asked
    assert "not touched" not in asked
    assert replacements(stage) == 1


@pytest.mark.moment("explained")
def test_a_promotion_that_could_not_be_verified_says_that_and_not_that_it_is_wrong(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(READ, "fail", message="out of order", skip=1, times=9)  # the first is for the backup
    stage.approves(incident, FACT)
    incident.wait_card("promoted, but not verified")
    told = text_of(incident.wait_reply("*Promoted, but not verified.*"))
    assert "could not be verified: A statement failed in Snowflake" in told
    assert "not touched" not in told
    incident.wait_button("undo")
    stage.world.snowflake.clear_faults()
    incident.click("alice", "look")
    incident.wait_card("done")
    incident.wait_reply("verified: pass")


@pytest.mark.moment("explained")
def test_a_verification_waits_longer_for_a_snowflake_that_is_away(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(READ, "lost_reply", skip=1, times=6)
    stage.approves(incident, FACT)
    incident.wait_card("done")
    incident.wait_reply("verified: pass")


@pytest.mark.moment("explained")
@pytest.mark.settings(policy={"recovery": "auto"})
def test_a_promotion_that_is_proven_absent_is_sent_again_where_the_policy_says_so(stage: Stage) -> None:
    """The first statement comes late: after the fence, so that it finds nothing to clone."""
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "slow", seconds=8.0)
    stage.approves(incident, FACT)
    late = stage.running(REPLACED)
    stage.restart()
    stage.clock.advance(hours=2)
    incident.wait_card("done")
    incident.wait_reply("verified: pass")
    assert late.error is not None
    assert replacements(stage) == 1
    assert [line.event for line in stage.bot.store.trail(1)].count("promotion intended") == 2


@pytest.mark.moment("explained")
def test_a_promotion_that_is_proven_absent_is_not_sent_again_unless_the_policy_says_so(stage: Stage) -> None:
    incident = stage.incident()
    stage.world.snowflake.inject(REPLACED, "hang")
    stage.note_approval(FACT)
    incident.click("bob", "approve")
    cancelled = stage.running(REPLACED)
    stage.clock.advance(days=1)
    stage.restart()
    stage.world.snowflake.wait(lambda log: any(s.tag.endswith(":fence") for s in log), what="the fence")
    stage.release(cancelled)
    incident.wait_card("needs a person")
    asked = text_of(incident.wait_reply("*Needs a person.*"))
    assert "has the statement: failed_with_error." in asked
    assert "Prod is unchanged since." in asked
    assert [line.event for line in stage.bot.store.trail(1)].count("promotion intended") == 1
    assert replacements(stage) == 0
    stage.approved.clear()
