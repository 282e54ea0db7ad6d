"""The README's SQL is least privilege: each privilege of each GRANT line is needed by what the bot really sends.

Needed means: Snowflake refuses a statement without it, or the bot says `unknown` of what it asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest
from snowflake.connector import DictCursor, SnowflakeConnection
from snowflake.connector.errors import DatabaseError

from bot import inspection
from sandbox.incident import seed
from sandbox.people import Incident
from sandbox.snowflake.catalog import Account
from sandbox.snowflake.log import Statement
from sandbox.snowflake.state import Saved
from sandbox.world import World, setup_sql
from tests.stories.acts import undoes
from tests.stories.conftest import EZ, FACT, Parts, Stage, staged
from tests.stories.moments import EZ_ASKED, FACT_ASKED

GRANTS = [line for line in setup_sql().splitlines() if line.startswith("GRANT ")]
ACCESS = {606, 2003, 2043, 3001, 3003, 3013, 390189, 250001}  # no warehouse, not there or not authorized, no such role
BOT = ("REFRESH_BUILDER_SVC", "REFRESH_PROMOTER_SVC")


@dataclass(frozen=True)
class Recorded:
    """What was sent in one happy run, and an account in which only the set-up SQL has not been run yet."""

    statements: tuple[Statement, ...]
    bare: Saved
    world: World


def nightly(stage: Stage, table: str) -> None:
    """The nightly dbt makes its tables anew, and grants on them are lost unless they are promised for the future."""
    stage.nightly_writes(table, f"CREATE OR REPLACE TRANSIENT TABLE {table} AS SELECT * FROM {table}")


def happy_run(stage: Stage) -> None:
    nightly(stage, FACT)
    fact = stage.asks(f"{FACT_ASKED} warehouse=ANALYTICS_XL")
    promoted(stage, fact, FACT)
    ez = stage.asks(EZ_ASKED, ref="R2")
    promoted(stage, ez, EZ, after_a_night=True)
    stage.note_approval(EZ)
    undoes(stage, ez)
    ez.wait_card("undone")
    assert "dropped in dev" in fact.answered("alice", lambda: fact.click("alice", "drop_dev"))


def promoted(stage: Stage, incident: Incident, table: str, *, after_a_night: bool = False) -> None:
    incident.wait_card("waiting for approval")
    stage.explains(incident)
    if after_a_night:  # the same rows in a new table, which is read before the click counts
        nightly(stage, table)
    stage.approves(incident, table)
    incident.wait_card("done")


@pytest.fixture(scope="module")
def recorded(project: Parts, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    world = project.world
    with staged(project, tmp_path_factory.mktemp("grants"), {}) as stage:
        happy_run(stage)
    users = (*BOT, "DBT_NIGHTLY")
    statements = thinned(s for s in world.snowflake.log if s.user in users and not s.error)
    world.snowflake.restore(Saved(Account(), {}))
    seed(world.snowflake)
    return Recorded(statements, world.snowflake.save(), world)


def thinned(sent: Iterable[Statement]) -> tuple[Statement, ...]:
    """Without repeated reads: what somebody could read they still can, until another makes the table anew."""
    kept, read = [], set()
    for statement in sent:
        reads = statement.sql.lstrip().upper().startswith(("SELECT", "WITH", "SHOW", "DESC"))
        key = (statement.user, statement.role, statement.warehouse, statement.sql)
        if reads and key in read:
            continue
        if reads:
            read.add(key)
        elif statement.user != BOT[0]:
            read.clear()
        kept.append(statement)
    return tuple(kept)


def replay(recorded: Recorded, script: str) -> str:
    """Set up by `script`, then send every statement again as who sent it; the first that is refused for want of a right."""
    snowflake = recorded.world.snowflake
    snowflake.restore(recorded.bare)
    recorded.world.set_up(script)
    sessions: dict[int, SnowflakeConnection] = {}
    try:
        for statement in recorded.statements:
            if "RESULT_SCAN" in statement.sql:
                continue  # reads the session's own last answer, by an id of the recorded run, and needs no right
            try:
                if statement.session_id not in sessions:
                    sessions[statement.session_id] = connect(recorded.world, statement)
                if missing := unseen(sessions[statement.session_id].cursor(DictCursor), statement):
                    return f"{statement.user}: policies are unknown without {missing}"
            except DatabaseError as error:
                if error.errno not in ACCESS:
                    raise
                return f"{statement.user}: {error.msg}"
    finally:
        for session in sessions.values():
            session.close()
    return ""


def unseen(cursor: DictCursor, statement: Statement) -> tuple[str, ...]:
    """Send it; the rights without which the bot would say `unknown`, where it asks for its own."""
    cursor.execute(statement.sql)
    if not statement.sql.startswith("SHOW GRANTS ON ACCOUNT") or statement.user != BOT[1]:
        return ()
    return inspection.missing_rights(cursor.fetchall(), statement.role)


def connect(world: World, statement: Statement) -> SnowflakeConnection:
    if statement.user == "DBT_NIGHTLY":
        return world.snowflake.connect("DBT_NIGHTLY", "nightly")
    key = world.private_key("builder" if statement.user == BOT[0] else "promoter")
    return world.snowflake.connect(
        statement.user, private_key=key, role=statement.role, warehouse=statement.warehouse or None
    )


def lesser() -> Iterator[tuple[str, str]]:
    """Every GRANT line taken away, and every CREATE privilege alone.

    USAGE beside another privilege stays untried: Snowflake's documents ask for it, Snowflake accepts any privilege.
    """
    script = setup_sql()
    for line in GRANTS:
        yield line, script.replace(line, "")
        for privilege in re.findall(r", (CREATE \w+)", line):
            yield f"{privilege} of {line}", script.replace(line, line.replace(f", {privilege}", ""))


def test_with_every_line_nothing_is_refused(recorded: Recorded) -> None:
    assert replay(recorded, setup_sql()) == ""
    assert {s.user for s in recorded.statements} == {*BOT, "DBT_NIGHTLY"}


@pytest.mark.parametrize(("without", "script"), [pytest.param(*case, id=case[0]) for case in lesser()])
def test_every_privilege_is_needed(recorded: Recorded, without: str, script: str) -> None:
    assert script != setup_sql()
    assert replay(recorded, script), f"nothing that the bot sends needs {without}"
