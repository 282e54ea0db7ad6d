"""Many ask at once: builds are bounded, everybody reads their place in the line, and the line is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from bench.scene import Scene
from bot.service import Service
from bot.wording.queue import others_wait, place
from sandbox.people import Incident
from sandbox.slack import SlackControl
from sandbox.snowflake import SnowflakeSandbox
from sandbox.snowflake.log import Statement
from tests.stories.small import played, typed, working

MANY, AT_ONCE = 20, 2
PEOPLE = ("alice", "bob", "carol")
LEFT = (1, 2, 3, 20)  # the others think better of it while they wait


def test_twenty_ask_at_once(tmp_path: Path) -> None:
    with played(tmp_path, MANY) as scene, working(scene) as bot:
        play(scene, bot)


def play(scene: Scene, bot: Service) -> None:
    assert bot.settings.worker.steps == AT_ONCE
    slack, snowflake, store = scene.world.slack.control, scene.world.snowflake, bot.store
    snowflake.inject("INFORMATION_SCHEMA.TABLES", "hang", times=AT_ONCE, after=True)
    for number in range(1, AT_ONCE + 1):
        ask(slack, scene, number)
    snowflake.wait(lambda log: len(held(log)) == AT_ONCE, what="two builds")

    told = [ask(slack, scene, number) for number in range(AT_ONCE + 1, MANY + 1)]
    assert all(text.endswith(f"in a moment.{others_wait(before)}") for before, text in enumerate(told))
    slack.wait(lambda: store.get(MANY).progress == place(MANY - AT_ONCE - 1), what="the last place")
    assert place(MANY - AT_ONCE - 1) in typed(slack, "alice", f"status R{MANY}")
    assert {ref(s) for s in snowflake.log if ref(s)} == {1, 2}  # nobody else has begun

    for number in {*range(1, MANY + 1)} - {*LEFT}:
        slack.command(PEOPLE[number % 3], f"cancel R{number}")
    slack.wait(lambda: [r.id for r in store.live()] == [*LEFT], what="the line without those who left")
    slack.wait(lambda: store.get(MANY).progress == place(1), what="the last place, closer by those")
    one, other = held(snowflake.log)
    let_go(snowflake, one)  # one place is free: for one after the other
    Incident(slack, f"R{MANY}").wait_card("nothing would change")
    let_go(snowflake, other)

    for number in LEFT:
        said = Incident(slack, f"R{number}").wait_card("nothing would change")
        assert scene.models[number - 1] in said.splitlines()[0]
    spans = {number: span(snowflake.log, number) for number in LEFT}
    begun = sorted(LEFT, key=lambda number: spans[number][0])
    assert ({*begun[:AT_ONCE]}, begun[AT_ONCE:]) == ({1, 2}, [3, 20])
    assert all(sum(since <= at <= ended for since, ended in spans.values()) <= AT_ONCE for at, _ in spans.values())


def ask(slack: SlackControl, scene: Scene, number: int) -> str:
    return typed(slack, PEOPLE[number % 3], scene.models[number - 1])


def let_go(snowflake: SnowflakeSandbox, statement: Statement) -> None:
    with snowflake.admin() as connection:
        connection.cursor().execute(f"SELECT SYSTEM$CANCEL_QUERY('{statement.query_id}')")


def held(log: Sequence[Statement]) -> list[Statement]:
    return [s for s in log if s.status == "RUNNING" and "INFORMATION_SCHEMA.TABLES" in s.sql]


def ref(statement: Statement) -> int:
    """The refresh that a statement was sent for, by its tag; 0 for none."""
    found = re.search(r":R(\d+):", statement.tag)
    return int(found[1]) if found else 0


def span(log: Sequence[Statement], number: int) -> tuple[datetime, datetime]:
    """From the first statement for a refresh to the end of its last, but for the timer's looks while it waits for a person."""
    sent = [s for s in log if ref(s) == number and not s.tag.endswith(":poll")]
    return sent[0].started, max(s.ended for s in sent if s.ended)
