"""Log lines: one each, with the refresh they belong to, and never a secret."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from bot import logs


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, configured = list(root.handlers), root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_names_its_refresh_wherever_it_comes_from() -> None:
    stream = io.StringIO()
    logs.configure(as_json=True, stream=stream)
    with structlog.contextvars.bound_contextvars(refresh="R42"):
        structlog.get_logger().info("build started", model="ez")
        logging.getLogger("library").warning("slow %s", "query")
    structlog.get_logger().debug("too small to say")
    first, second = lines(stream)
    assert (first["event"], first["model"], first["refresh"], first["level"]) == ("build started", "ez", "R42", "info")
    assert (second["event"], second["refresh"]) == ("slow query", "R42")


@pytest.mark.parametrize(
    "secret",
    [
        "xoxb-1234-abcd",
        "xapp-1-A0-99-ff",
        "postgresql://bot:hunter2@db/refresh",
        "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
    ],
)
def test_secrets_are_blanked_in_messages_facts_and_tracebacks(secret: str) -> None:
    stream = io.StringIO()
    logs.configure(as_json=True, stream=stream)
    log = structlog.get_logger()
    said = f"token {secret}"
    log.info(said, given=secret)
    try:
        raise ValueError(secret)
    except ValueError:
        log.exception("failed")
    for hidden in ("1234-abcd", "A0-99-ff", "hunter2", "MIIE"):
        assert hidden not in stream.getvalue()
    assert len(lines(stream)) == 2


def test_for_people_too() -> None:
    stream = io.StringIO()
    logs.configure(as_json=False, stream=stream)
    structlog.get_logger().warning("undeliverable", key="R1/3/plan")
    assert "undeliverable" in stream.getvalue()
    assert "key=R1/3/plan" in stream.getvalue()
