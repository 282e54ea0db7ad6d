"""Projects in the sandbox, parsed once and warm, and what plain dbt makes of the same; for tests that compare the two."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.dbt import plain_profiles
from bot import dbt_profile
from bot.dbt_build import DbtChild
from bot.dbt_project import Project
from bot.dbt_warm import Warm
from bot.index import Index
from bot.settings import Settings
from sandbox.world import World

# Only models of which none reads another share an invocation: what runs is resolved with everything else in production.
_DEFER = ("--defer", "--favor-state", "--state")
# dbt parse knows nothing of what defers, which comes last.
_COMPILE = """
import json, sys
from dbt.cli.main import dbtRunner

*given, names = sys.argv[1:]
parsed = dbtRunner().invoke(["parse", *given[:-4]])
assert parsed.success, parsed.exception
manifest, left, found = parsed.result, json.loads(names), {}

def parents(uid):
    direct = manifest.nodes[uid].depends_on_nodes if uid in manifest.nodes else []
    return {*direct}.union(*map(parents, direct))

while left:
    together = [uid for uid in left if not parents(uid) & {*left}]
    chosen = [part for uid in together for part in ("--select", "fqn:" + ".".join(manifest.nodes[uid].fqn))]
    done = dbtRunner(manifest).invoke(["compile", *given, *chosen])
    assert done.success, done.exception
    for node in (r.node for r in done.result.results if r.node.resource_type == "model"):
        config = node.config.to_dict()
        found[node.unique_id] = {"sql": node.compiled_code, "relation": node.relation_name, "config": config}
    left = [uid for uid in left if uid not in together]
with open(given[given.index("--target-path") + 1] + ".json", "w") as file:
    json.dump(found, file, default=str)
"""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One project in the sandbox, parsed once for nobody in particular."""

    settings: Settings
    project: Project
    index: Index
    directory: Path
    world: World

    @property
    def warm(self) -> Warm:
        warm = self.project.now[1]
        assert warm is not None
        return warm

    def child(self, unique_id: str, user: str, given: dict[str, Any], **more: Any) -> DbtChild:
        name = self.index.by_id[unique_id].name
        workdir = self.directory / f"{name}-{user}-{len(given)}"
        return DbtChild(
            self.settings,
            unique_id=unique_id,
            name=name,
            vars=given,
            env_user=user,
            state_dir=self.project.state_dir,
            workdir=workdir,
            **more if "warm" in more else {"warm": self.warm, **more},
        )


def place(world: World, project_dir: Path, directory: Path, **more: str) -> Place:
    settings = Settings.load(world.environ())
    dbt = {"project_dir": project_dir, "profiles_dir": project_dir, "env": {"DEV_USER": "{user}"}, **more}
    settings = settings.model_copy(update={"dbt": settings.dbt.model_copy(update=dbt)})
    project = Project(settings, directory / "work", warm=True)
    return Place(settings=settings, project=project, index=project.index(), directory=directory, world=world)


def plain_options(there: Place, given: dict[str, Any], directory: Path) -> list[str]:
    """What every command of plain dbt is given, with directories of its own."""
    profiles = plain_profiles(there.settings, directory / "profiles")
    options = ["--project-dir", str(there.settings.dbt.project_dir), "--profiles-dir", str(profiles), "--target", "dev"]
    options += ["--target-path", str(directory / "target"), "--log-path", str(directory / "log")]
    options += ["--vars", json.dumps(given)]
    return [*options, *_DEFER, str(there.project.state_dir)]


def plain_dbt(there: Place, user: str, given: dict[str, Any], directory: Path) -> dict[str, Any]:
    """Nodes of the manifest that the dbt command itself writes after compiling everything, parsed from scratch."""
    names = [e.unique_id for e in models(there)]
    environment = dbt_profile.environment(there.settings, user)
    options = ["--no-partial-parse", "--quiet", *plain_options(there, given, directory)]
    subprocess.run(
        [sys.executable, "-c", _COMPILE, *options, json.dumps(names)],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    return json.loads((directory / "target.json").read_text())


def models(there: Place) -> list[Any]:
    usual = [e for e in there.index.entries if e.enabled and e.language == "sql"]
    found = [e for e in usual if e.materialized in ("table", "incremental", "view")]
    rare = ("ez", "dim", "fact_shared")
    return found if len(found) < 30 else [e for n, e in enumerate(found) if n % 25 == 0 or e.name.startswith(rare)]


def by_children_and_by_plain_dbt(
    there: Place, user: str, given: dict[str, Any], directory: Path, **more: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is compiled of each model, and its relation and configuration: by a child each, and by plain dbt."""
    seen, wanted = {}, {}
    for uid, truth in plain_dbt(there, user, given, directory).items():
        with there.child(uid, user, given, **more) as child:
            compiled = child.compile()
        config = truth["config"]
        wanted[uid] = (
            truth["sql"],
            truth["relation"].replace('"', "").upper(),
            config["materialized"],
            tuple(config.get("merge_update_columns") or ()),
            tuple(config.get("merge_exclude_columns") or ()),
            config.get("transient"),
            config.get("snowflake_warehouse") or "",
        )
        seen[uid] = (
            compiled.sql,
            str(compiled.relation),
            compiled.materialized,
            compiled.update_columns or (),
            compiled.exclude_columns or (),
            compiled.transient,
            compiled.warehouse,
        )
    return seen, wanted


def statements(there: Place, prepare: str, run: Callable[[], None]) -> list[tuple[str, str]]:
    """What the builder sends and on which warehouse; in no order, since dbt runs tests side by side.

    Looks at what is there are left out: a child compiles first, and looks once more for that; the last look is the bot's.
    """
    snowflake = there.world.snowflake
    snowflake.run_script("DROP SCHEMA IF EXISTS DEV.DEV_YAN")
    login = {"private_key": there.world.private_key("builder"), "warehouse": "ETHEREUM"}
    with snowflake.connect("REFRESH_BUILDER_SVC", **login) as connection, connection.cursor() as one:
        one.execute("CREATE SCHEMA DEV.DEV_YAN")
        one.execute(prepare)
    before = len(snowflake.log)
    run()
    ours = [s for s in snowflake.log[before:] if s.user == "REFRESH_BUILDER_SVC"]
    return sorted((s.sql, s.warehouse) for s in ours if not s.sql.startswith("show ") and "LAST_CHANGE" not in s.sql)


def built_by_plain_dbt(
    there: Place, name: str, user: str, given: dict[str, Any], directory: Path, *, full_refresh: bool
) -> None:
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "build", "--quiet", "--select", name]
    command += [*plain_options(there, given, directory), *(["--full-refresh"] if full_refresh else [])]
    command += ["--indirect-selection", "buildable", "--cache-selected-only"]
    subprocess.run(command, check=True, env=dbt_profile.environment(there.settings, user), stdout=subprocess.DEVNULL)
