"""Settings, models and an index of our own, for tests of what is planned from them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bot.index import Entry, Index
from bot.model import Mode, Relation, Request
from bot.settings import (
    DbtSection,
    PolicySection,
    Secrets,
    Settings,
    SlackSection,
    UserSection,
    WarehouseSection,
    WorkerSection,
)

TODAY = date(2026, 4, 22)
DAY = date(2026, 4, 8)
NOW = datetime(2026, 4, 22, tzinfo=UTC)
PROD = Relation("ETHEREUM", "PROD_CORE", "EZ_METRICS")
DEV = Relation("DEV", "DEV_REFRESH_BOT", "EZ_ETHEREUM_METRICS")
SOURCE = Relation("RAW", "DUNE", "DEX_VOLUMES")
FULL = Request(model="ez")
BACKFILL = Request(model="ez", mode=Mode.BACKFILL, since=DAY)


def settings(**changes: Any) -> Settings:
    warehouse = WarehouseSection(
        account="sandbox",
        builder=UserSection(user="B", role="REFRESH_BUILDER", warehouse="ETHEREUM"),
        promoter=UserSection(user="P", role="TRANSFORMER", warehouse="ETHEREUM"),
        prod_databases=("ANALYTICS", "ethereum"),
        warehouses=("ANALYTICS_XL",),
    )
    parts = {
        "secrets": Secrets(),
        "slack": SlackSection(),
        "policy": PolicySection(),
        "people": {},
        "dbt": DbtSection(project_dir=Path()),
        "warehouse": warehouse,
        "worker": WorkerSection(),
        "models": (),
    }
    return Settings(**(parts | changes))


def model(**changes: Any) -> Entry:
    """An incremental model that honours everything."""
    usual: dict[str, Any] = {
        "unique_id": "model.onchain.ez",
        "name": "ez",
        "package": "onchain",
        "materialized": "incremental",
        "prod": PROD,
        "dev": DEV,
        "unique_key": ("date",),
        "reads_date": True,
        "reads_columns": True,
        "parents": ("source.onchain.dune",),
    }
    return Entry(**(usual | changes))


def index_of(*entries: Entry) -> Index:
    return Index(
        code="3f9c2e1",
        dirty=False,
        made_at=NOW,
        project="onchain",
        entries=entries,
        exposures=(),
        sources={"source.onchain.dune": SOURCE},
        analyses={},
    )
