"""The gateways a step may use, put together once by the command line and handed down; nothing is global."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.chat import Chat
from bot.dbt_project import Project
from bot.record import Recorder
from bot.settings import Settings
from bot.store import Store
from bot.warehouse import Warehouse


@dataclass(frozen=True, kw_only=True)
class Services:
    settings: Settings
    store: Store
    chat: Chat
    warehouse: Warehouse
    project: Project
    record: Recorder
    clock: Callable[[], datetime]

    def expiry(self) -> datetime:
        """Until when people may decide on what waits for them from now on."""
        return self.clock() + self.settings.policy.expires_after

    def workdir(self, ref: str) -> Path:
        """Where a refresh's dbt child keeps its target and log: one directory a refresh, never shared."""
        return self.settings.worker.data_dir / "refreshes" / ref
