"""What Slack refuses in a message."""

from __future__ import annotations

import copy
import secrets
from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.inputs import elements
from sandbox.slack.state import Json


def check_blocks(blocks: Any) -> None:
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")


def check_metadata(metadata: Any) -> Json:
    if not isinstance(metadata, dict) or "event_type" not in metadata or "event_payload" not in metadata:
        raise SlackError("invalid_metadata_format")
    return metadata


def check_view(view: Any, surface: str) -> None:
    if not isinstance(view, dict) or view.get("type") != surface:
        raise SlackError.invalid("invalid_arguments", ["view has the wrong type"])


def with_ids(blocks: list[Json]) -> list[Json]:
    """A copy in which every block has a block_id and every element an action_id, as Slack stores it."""
    found = copy.deepcopy(blocks)
    for block in found:
        block.setdefault("block_id", secrets.token_hex(3))
        for element in elements(block):
            element.setdefault("action_id", secrets.token_hex(3))
    return found


def check_options(body: Json) -> None:
    pass
