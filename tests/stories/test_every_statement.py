"""Every statement after the build fails once, or its answer is lost once: one replacement at most, and a way on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from bot.model import ENDS, State
from sandbox.world import World
from tests.stories.acts import REPLACED, WAITS, replacements, settle
from tests.stories.conftest import FACT, Parts, Stage, staged
from tests.stories.moments import Moment, Moments

Way = Literal["fail", "lost_reply"]
PARTS = 8  # each test takes every eighth case, so that several processes share the work


@pytest.fixture(scope="module")
def runs(project: Parts, moments: Moments, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The statements of an undisturbed run from each of the two moments, in order."""
    found = {}
    for name in ("built", "explained"):
        moment, path = moments.get(name), tmp_path_factory.mktemp("run")
        with staged(project, path, {}, moment) as stage:
            if name == "explained":
                stage.approves(stage.incident(), FACT)
            settle(stage, frozenset({State.AWAITING if name == "built" else State.DONE}))
            found[name] = [s.sql for s in stage.world.snowflake.log if s.tag.startswith("dbt-refresh:")]
    return found


@contextmanager
def disturbed(project: Parts, path: Path, moment: Moment, run: list[str], number: int, way: Way) -> Iterator[Stage]:
    """The statement with this number of the run goes wrong, however often its text came before."""
    sql = run[number]

    def disturb(world: World) -> None:
        world.snowflake.inject(f"^{re.escape(sql)}$", way, skip=run[:number].count(sql), message="out of order")

    path = path / f"{way}-{number}"
    path.mkdir()
    with staged(project, path, {}, moment, disturb) as stage:
        yield stage


@pytest.mark.parametrize("part", range(PARTS))
def test_a_statement_of_the_comparison_goes_wrong(
    project: Parts, moments: Moments, runs: dict[str, list[str]], tmp_path: Path, part: int
) -> None:
    """Every statement fails; of every eighth the answer is lost."""
    run = runs["built"]
    cases: list[tuple[int, Way]] = [(n, "fail") for n in range(len(run))]
    cases += [(n, "lost_reply") for n in range(0, len(run), 8)]
    for number, way in cases[part::PARTS]:
        with disturbed(project, tmp_path, moments.get("built"), run, number, way) as stage:
            end = settle(stage)
            assert end in (State.FAILED, State.AWAITING), run[number]
            stage.incident().wait_button("again" if end is State.FAILED else "explain")


@pytest.mark.parametrize("part", range(PARTS))
def test_a_statement_of_the_promotion_goes_wrong(
    project: Parts, moments: Moments, runs: dict[str, list[str]], tmp_path: Path, part: int
) -> None:
    """Every statement fails; of every write, and of every eighth read, the answer is lost."""
    run = runs["explained"]
    intent = next(n for n, sql in enumerate(run) if re.search(REPLACED, sql, re.IGNORECASE | re.DOTALL))
    writes = [n for n, sql in enumerate(run[:intent]) if sql.startswith("CREATE")]
    assert len(writes) == 1  # the backup
    cases: list[tuple[int, Way]] = [(n, "fail") for n in range(len(run))]
    cases += [(n, "lost_reply") for n in (*writes, intent, *range(0, len(run), 8))]
    for number, way in cases[part::PARTS]:
        with disturbed(project, tmp_path, moments.get("explained"), run, number, way) as stage:
            promote(stage, run[number])


def promote(stage: Stage, sql: str) -> None:
    """Bob approves; whatever becomes of it, production was replaced once at most, and the thread says what to do."""
    incident = stage.incident()
    stage.note_approval(FACT)
    incident.click("bob", "approve")
    end = settle(stage, WAITS - {State.AWAITING} | ENDS)
    replaced = replacements(stage)
    if end in (State.DONE, State.FAULTY):
        assert replaced == 1, sql
        incident.wait_button("undo")
    elif end is State.STALE:
        assert replaced == 0, sql
        incident.wait_button("rebuild")
    else:
        assert end is State.NEEDS_ATTENTION, sql
        assert replaced <= 1, sql
        incident.wait_button("not_happened")
    stage.approved[FACT] = replaced
    stage.approved = +stage.approved
