"""A bot for small models and a stand-in for dbt, where a story is about something else and a build must cost little."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bench.scene import Scene
from bench.worker import with_the_stub
from bot import dbt_profile
from bot.service import Service
from bot.settings import Settings
from sandbox.people import Incident
from sandbox.slack import SlackControl


@contextmanager
def played(directory: Path, models: int) -> Iterator[Scene]:
    """Both sandboxes with so many small models; dbt is stood in for meanwhile."""
    scene = Scene(directory, models, f"sqlite:///{directory / 'refresh.db'}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt_profile, "environment", with_the_stub(dbt_profile.environment))
        scene.start()
        try:
            yield scene
        finally:
            scene.stop()


@contextmanager
def working(scene: Scene, **dbt: Any) -> Iterator[Service]:
    """The bot, which has read the project; `dbt` are settings."""
    settings = Settings.load(scene.environ)
    worker = settings.worker.model_copy(update={"retry_seconds": 0.05})
    warehouse = settings.warehouse.model_copy(update={"statement_timeout": timedelta(minutes=5)})  # some are held
    changes = {"dbt": settings.dbt.model_copy(update=dbt), "worker": worker, "warehouse": warehouse}
    bot = Service(settings.model_copy(update=changes), gap=0.0)
    try:
        bot.store.put_index(bot.services.project.index())
        bot.worker.start()
        bot.listen()
        scene.world.slack.control.wait_connected()
        yield bot
    finally:
        bot.stop(drain_seconds=5.0)


def typed(slack: SlackControl, person: str, text: str) -> str:
    """Type a command and return the private answer."""
    return Incident(slack, "R0").answered(person, lambda: slack.command(person, text))
