"""What time does to one refresh never depends on another."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from bot.chat import Chat
from bot.context import Context
from bot.dbt_project import Project
from bot.model import Refresh, State
from bot.record import Recorder
from bot.services import Services
from bot.store import Store
from bot.timers import Timers
from bot.warehouse import Warehouse
from tests.contract.stores import bring, elsewhere
from tests.unit.samples import CONTEXT


def test_one_refresh_that_cannot_be_shown_does_not_keep_others_from_being_reminded_of(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken, fine = (bring(store, State.AWAITING, **elsewhere(name)) for name in ("broken", "fine"))
    later = fine.changed_at + timedelta(days=1)

    def context(refresh: Refresh) -> Context:
        if refresh.id == broken.id:
            raise ValueError("a row that nobody foresaw")
        return CONTEXT

    settings = CONTEXT.settings
    services = Services(
        settings=settings,
        store=store,
        chat=Chat(settings),
        warehouse=Warehouse(settings, "test"),
        project=Project(settings, tmp_path),
        record=Recorder(store, context),
        clock=lambda: later,
    )
    Timers(services, context).remind()
    reminded = {refresh.id: last for refresh, last in store.waiting()}
    assert reminded == {broken.id: None, fine.id: later}
    assert "could not remind" in caplog.text
    assert "a row that nobody foresaw" in caplog.text
