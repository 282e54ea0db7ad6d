"""What every test shares."""

from __future__ import annotations

import pytest

from bot import logs


@pytest.fixture(scope="session", autouse=True)
def _the_bots_own_log() -> None:
    """Lines as the bot writes them; structlog's default draws every traceback with all its local variables."""
    logs.configure(as_json=False)
