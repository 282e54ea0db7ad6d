"""The bot's database is put back from a copy: what happened since is found in Snowflake, shown, and taken over by a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from bot.__main__ import main
from bot.model import State
from sandbox.people import text_of
from tests.stories.acts import replacements, state, undoes
from tests.stories.conftest import FACT, Stage, start
from tests.stories.moments import FACT_ASKED, keep_database

MODEL = "fact_ethereum_daily_dex_volumes"
SAYS_WHO = ("--by", "Bob", "--reason", "Read the thread", "--yes")


def puts_back(stage: Stage, copy: Path) -> None:
    """Somebody restores the database, and the bot starts again on it."""
    stage.bot.stop(drain_seconds=5.0)
    stage.slack.wait(lambda: not stage.slack.connections(), what="the first process gone")
    path = Path(stage.settings.database_url.removeprefix("sqlite:///"))
    path.write_bytes(copy.read_bytes())
    for beside in ("-wal", "-shm"):
        path.with_name(path.name + beside).unlink(missing_ok=True)
    stage.bot = start(stage.settings, stage.parts, stage.clock)
    stage.slack.wait_connected()


def reconcile(stage: Stage, *words: str) -> tuple[int, str]:
    """The operator's command; its exit code and what it printed."""
    environ = stage.world.environ(DATABASE_URL=stage.settings.database_url)
    done = CliRunner().invoke(main, ["reconcile", *words], env=environ)
    return done.exit_code, done.stdout


def unknown(stage: Stage) -> list[dict[str, Any]]:
    code, told = reconcile(stage, "--json")
    found: list[dict[str, Any]] = json.loads(told)["unrecorded"]
    assert code == bool(found)
    return found


def undone(stage: Stage) -> None:
    incident = stage.incident()
    incident.wait_button("undo")
    stage.note_approval(FACT)
    undoes(stage, incident)
    incident.wait_card("undone by <@U0BOB>")


@pytest.mark.moment("explained")
def test_copied_while_approved_and_put_back_after_the_undo_nothing_is_promoted_again(
    stage: Stage, tmp_path: Path
) -> None:
    incident, copy = stage.incident(), tmp_path / "copy.db"
    stage.world.snowflake.inject("QUERY_HISTORY_BY_USER", "hang", after=True)
    stage.approves(incident, FACT)
    looks = stage.running("QUERY_HISTORY_BY_USER")
    keep_database(stage, copy)
    stage.release(looks)
    incident.wait_card("done")
    undone(stage)
    puts_back(stage, copy)
    incident.wait_card("withdrawn")
    said = text_of(incident.wait_reply("Snowflake shows what this bot's database does not know"))
    assert "R1 was promoted " in said and "R1 was undone " in said
    assert "`dbt-refresh reconcile`" in said
    assert replacements(stage) == 2
    assert [one["trace"] for one in unknown(stage)] == ["promotion", "undo"]
    assert "R1 was undone " in incident.answered("alice", lambda: incident.click("alice", "recheck"))
    code, told = reconcile(stage, "--confirm", "all", "--no-hold", *SAYS_WHO)
    assert code == 0, told
    assert "Taken over: 2 things." in told
    incident.click("alice", "recheck")
    incident.wait_button("approve")
    stage.approves(incident, FACT)
    incident.wait_card("done")
    incident.wait_reply("verified: pass")
    assert unknown(stage) == []


@pytest.mark.moment("done")
def test_a_hold_that_was_forgotten_with_its_undo_is_proposed_again(stage: Stage, tmp_path: Path) -> None:
    incident, copy = stage.incident(), tmp_path / "copy.db"
    promoted = incident.wait_button("undo")
    keep_database(stage, copy)
    undone(stage)
    puts_back(stage, copy)
    stage.presses("bob", promoted, "undo")  # on a screen that still shows it
    stage.slack.wait(lambda: stage.slack.modal("bob"), what="the form")
    assert stage.slack.submit("bob", "undo", {"reason": "the day is still wrong"}).ok
    refused = text_of(incident.wait_reply("*Not undone.*"))
    assert "R1 was undone " in refused
    assert state(stage) is State.DONE
    (lost,) = unknown(stage)
    assert (lost["trace"], lost["table"]) == ("undo", FACT)
    assert "R1 was undone " in stage.told("carol", FACT_ASKED)  # no request before a person has looked
    code, told = reconcile(stage, "--confirm", lost["key"])
    assert code == 1 and told == ""  # nobody says who
    code, told = reconcile(stage, "--confirm", lost["key"], *SAYS_WHO)
    assert code == 0, told
    assert f"On hold: model.onchain.{MODEL}" in told
    said = stage.told("carol", FACT_ASKED)
    assert f"`{MODEL}` is on hold" in said and "Read the thread (Bob, dbt-refresh reconcile)" in said
    assert "taken over by Bob, “Read the thread”" in stage.bot.store.trail(1)[-1].data
    assert replacements(stage) == 1  # the undo
