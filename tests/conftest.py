"""What every test shares."""

from __future__ import annotations

import pytest

from bot import arrow, logs


@pytest.fixture(scope="session", autouse=True)
def _the_bots_own_log() -> None:
    """Lines as the bot writes them; structlog's default draws every traceback with all its local variables."""
    logs.configure(as_json=False)


@pytest.fixture(scope="session", autouse=True)
def _first_results_at_once() -> None:
    """Tests read Snowflake's results in threads of their own, which the bot has not prepared."""
    arrow.prepare()
