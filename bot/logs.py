"""Log lines with structlog: an event name and its facts, the refresh they belong to, never rows and never secrets."""

from __future__ import annotations

import logging
import re
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor

_SECRET = re.compile(
    r"xox[a-z](?:\.xox[a-z])?-[\w-]+|xapp-[\w-]+|-----BEGIN [\s\S]+?-----END [A-Z ]+-----|(?<=://)[^/\s:]+:[^@\s]+(?=@)"
)
_LOUD = ("apscheduler", "snowflake", "slack_sdk", "slack_bolt", "alembic", "matplotlib", "urllib3")


def configure(*, as_json: bool, level: str = "INFO", stream: TextIO = sys.stderr) -> None:
    """Send our own lines and those of libraries to `stream`, one line each; JSON for machines, else for people."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        without_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    clean: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, without_secrets, last]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=clean))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LOUD:
        logging.getLogger(name).setLevel("ERROR")


def without_secrets(_logger: object, _method: str, line: EventDict) -> EventDict:
    """Blank out tokens, keys and passwords in addresses, wherever in a line they come from."""
    return {key: _SECRET.sub("***", value) if isinstance(value, str) else value for key, value in line.items()}
