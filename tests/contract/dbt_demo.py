"""The demo world with its dbt project, for the contract tests that run real dbt on the sandbox."""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization as keys

from bot import planning
from bot.dbt_build import DbtChild
from bot.dbt_project import Project
from bot.index import Index
from bot.settings import Settings
from sandbox.snowflake import SnowflakeSandbox
from sandbox.world import ROOT, World

PROJECT = ROOT / "sandbox" / "project"
FACT = "model.onchain.fact_ethereum_daily_dex_volumes"
EZ = "model.onchain.ez_ethereum_metrics"


@dataclass(frozen=True, kw_only=True)
class Demo:
    world: World
    settings: Settings
    project: Project
    index: Index
    saved: Any

    @property
    def snowflake(self) -> SnowflakeSandbox:
        return self.world.snowflake

    def child(self, unique_id: str, workdir: Path, **more: Any) -> DbtChild:
        settings = more.pop("settings", self.settings)
        warm = self.project.now[1] if settings is self.settings else None  # else it is another project
        defaults = {"vars": {}, "env_user": "ALICE", "tag": "dbt-refresh:test", "warm": warm}
        defaults["production"] = planning.production_places(self.index)
        name = unique_id.rsplit(".", 1)[1]
        return DbtChild(
            settings,
            unique_id=unique_id,
            name=name,
            workdir=workdir,
            state_dir=self.project.state_dir,
            **defaults | more,
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.snowflake.admin() as connection, connection.cursor() as cursor:
            return cursor.execute(sql).fetchall()

    def as_nightly(self, *statements: str) -> None:
        with self.snowflake.connect("DBT_NIGHTLY", "nightly") as connection, connection.cursor() as cursor:
            for sql in statements:
                cursor.execute(sql)

    def as_builder(self, *statements: str) -> None:
        key = keys.load_pem_private_key(self.world.key_file("builder").read_bytes(), None)
        der = key.private_bytes(keys.Encoding.DER, keys.PrivateFormat.PKCS8, keys.NoEncryption())
        with (
            self.snowflake.connect("REFRESH_BUILDER_SVC", private_key=der, warehouse="ETHEREUM") as connection,
            connection.cursor() as cursor,
        ):
            for sql in statements:
                cursor.execute(sql)


@cache
def read_once() -> tuple[Project, Index]:
    """The demo project as indexed, and warm; once for all test files of this process, since dbt takes seconds to start."""
    directory = Path(tempfile.mkdtemp(prefix="dbt-refresh-test-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    project = Project(unreachable(directory), directory / "work", warm=True)
    atexit.register(project.stop)
    return project, project.index()


def deployed() -> str:
    """`[dbt] state` with production's manifest, which dbt then need not be asked for."""
    return str(read_once()[0].state_dir)


def unreachable(directory: Path, **dbt: Any) -> Settings:
    """The demo's settings, for a warehouse that nobody ever reaches."""
    text = (ROOT / "sandbox" / "refresh.toml").read_text(encoding="utf-8")
    known = {"<PROJECT_DIR>": str(PROJECT), "<HOST>": "127.0.0.1", "<PORT>": "1", "<DATA_DIR>": str(directory)}
    for placeholder, value in known.items():
        text = text.replace(placeholder, value)
    (directory / "refresh.toml").write_text(text, encoding="utf-8")
    settings = Settings.load({"REFRESH_CONFIG": str(directory / "refresh.toml")})
    return settings.model_copy(update={"dbt": settings.dbt.model_copy(update=dbt)})


@contextmanager
def demo(directory: Path) -> Iterator[Demo]:
    """Both sandboxes started and set up, and the index of the project."""
    world = World(directory)
    world.start()
    try:
        settings = Settings.load(world.environ())
        project, index = read_once()
        yield Demo(world=world, settings=settings, project=project, index=index, saved=world.snowflake.save())
    finally:
        world.stop()


def changed_project(settings: Settings, directory: Path, **files: str) -> Settings:
    """Settings for a copy of the demo project with other contents; a key is a path with __ for its slashes."""
    shutil.copytree(PROJECT, directory)
    for name, content in files.items():
        path = next(directory.rglob(name.replace("__", "/") + ".*"))
        path.write_text(content, encoding="utf-8")
    return settings.model_copy(
        update={"dbt": settings.dbt.model_copy(update={"project_dir": directory, "profiles_dir": directory})}
    )


def git(where: Path, *arguments: str) -> str:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    done = subprocess.run(
        ["git", *who, *arguments], cwd=where, check=True, capture_output=True, text=True, env={**os.environ, **own}
    )
    return done.stdout.strip()


def contents(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


BEFORE = contents(PROJECT)  # before dbt has seen it
