"""A repository that does not answer is asked again for a while; then the code that is there is built, and the plan says so."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

from bot.building import FETCHES
from bot.wording.plan import older_code
from sandbox.people import Incident
from tests.stories.small import played, typed, working

ENDED = "nothing would change"


def git(where: Path, *arguments: str) -> None:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=where, check=True, capture_output=True, env={**os.environ, **own})


def test_an_outage_of_the_repository(tmp_path: Path) -> None:
    with played(tmp_path, 2) as scene:
        repository, away = shutil.copytree(tmp_path / "chaos", tmp_path / "repository"), tmp_path / "away"
        git(repository, "init", "--quiet", "--initial-branch", "main")
        git(repository, "add", "-A")
        git(repository, "commit", "--quiet", "-m", "first")
        where = {"repository": str(repository), "project_dir": Path(), "profiles_dir": None}
        with working(scene, **where) as bot:
            slack, store = scene.world.slack.control, bot.store
            built = store.index()
            store.put_index(replace(built, code="fedcba9", fingerprint="of another worker, which is further"))
            repository.rename(away)
            typed(slack, "alice", scene.models[0])
            Incident(slack, "R1").wait_card(ENDED)
            outlasted = store.get(1)
            assert (outlasted.plan.code, outlasted.plan.dirty) == (built.code, False), (
                "what was built, not what is indexed"
            )
            assert outlasted.plan.notes == (older_code(),)
            assert int(outlasted.baseline.relation.name.rsplit("_", 1)[1]) >= FETCHES  # the number of the claim
            assert "cannot be fetched (branch `main`)" in typed(slack, "alice", f"plan {scene.models[1]}")

            typed(slack, "bob", scene.models[1])
            away.rename(repository)  # within the time that it is asked again
            Incident(slack, "R2").wait_card(ENDED)
            assert store.get(2).plan.notes == ()
            assert store.problem() == ""
