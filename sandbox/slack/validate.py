"""What Slack refuses: messages, views, options and metadata as a whole. Single blocks and elements: `kit_*.py`."""

from __future__ import annotations

import copy
import json
import secrets
from collections.abc import Iterator
from typing import Any

from sandbox.slack.errors import SlackError
from sandbox.slack.inputs import elements
from sandbox.slack.kit_blocks import TABLES, BlockCheck, Surface
from sandbox.slack.kit_elements import PLAIN, Problems, check_groups, check_option
from sandbox.slack.state import Json, State

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
MESSAGE_CHARACTERS = 13_200  # undocumented; of the blocks as compact JSON, tables apart
TABLE_CHARACTERS = 10_000
MARKDOWN_CHARACTERS = 12_000
VIEW_BYTES = 250_000
METADATA_BYTES = 8_000
PICTURES = ("image/png", "image/jpeg", "image/gif")


def check_blocks(state: State, blocks: Any) -> None:
    """The blocks of one message. Raises SlackError."""
    if not isinstance(blocks, list) or not all(isinstance(b, dict) for b in blocks):
        raise SlackError("invalid_blocks_format")
    problems = Problems()
    _each(state, "message", blocks, problems, "/blocks", MESSAGE_BLOCKS)
    if problems.found:
        raise SlackError.invalid("invalid_blocks", problems.found)
    tables = [b for b in blocks if b["type"] in TABLES]
    if len(tables) > 1:
        raise SlackError("only_one_table_allowed")
    if sum(len(b["text"]) for b in blocks if b["type"] == "markdown") > MARKDOWN_CHARACTERS:
        raise SlackError("msg_blocks_too_long")
    if sum(map(len, _strings(tables))) > TABLE_CHARACTERS:
        raise SlackError.invalid("invalid_blocks", [f"no more than {TABLE_CHARACTERS} characters in tables"])
    rest = [b for b in blocks if b["type"] not in TABLES]
    if len(json.dumps(rest, ensure_ascii=False, separators=(",", ":"))) > MESSAGE_CHARACTERS:
        raise SlackError("msg_blocks_too_long")


def check_view(state: State, view: Any, surface: Surface) -> None:
    """A modal or an App Home. Raises SlackError."""
    if not isinstance(view, dict) or view.get("type") != surface:
        raise SlackError.invalid("invalid_arguments", [f"must be a view of type {surface} [json-pointer:/view/type]"])
    problems = Problems()
    common = {"type", "blocks", "private_metadata", "callback_id", "external_id"}
    modal = {"title", "submit", "close", "clear_on_close", "notify_on_close", "submit_disabled"}
    problems.keys(view, "/view", common | (modal if surface == "modal" else set()), ("title",) * (surface == "modal"))
    for key in ("title", "submit", "close"):
        problems.text(view.get(key), f"/view/{key}", 24, PLAIN)
    problems.string(view.get("private_metadata"), "/view/private_metadata", 3000)
    problems.string(view.get("callback_id"), "/view/callback_id", 255)
    problems.string(view.get("external_id"), "/view/external_id", 255)
    blocks = view.get("blocks")
    _each(state, surface, blocks if isinstance(blocks, list) else [], problems, "/view/blocks", VIEW_BLOCKS)
    if not isinstance(blocks, list):
        problems.add("/view", "missing required field: blocks")
    elif surface == "modal" and not view.get("submit") and any(b.get("type") == "input" for b in blocks):
        problems.add("/view", "missing required field: submit")
    if problems.found:
        raise SlackError.invalid("invalid_arguments", problems.found)
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        raise SlackError("view_too_large")


def check_options(body: Json) -> None:
    """The answer to a block_suggestion. Raises SlackError."""
    problems = Problems()
    if "option_groups" in body:
        check_groups(problems, body["option_groups"], "/option_groups")
    elif not isinstance(body.get("options"), list) or len(body["options"]) > 100:
        problems.add("/options", "must be an array of at most 100 items")
    else:
        for i, option in enumerate(body["options"]):
            check_option(problems, option, f"/options/{i}")
    if problems.found:
        raise SlackError.invalid("invalid_options", problems.found)


def check_metadata(metadata: Any) -> Json:
    """Message metadata: scalars, and lists or flat objects of scalars. Raises SlackError."""
    if not isinstance(metadata, dict) or set(metadata) - {"event_type", "event_payload", "entities"}:
        raise SlackError("invalid_metadata_format")
    payload = metadata.get("event_payload")
    if not isinstance(metadata.get("event_type"), str) or not metadata["event_type"] or not isinstance(payload, dict):
        raise SlackError("invalid_metadata_format")
    for value in payload.values():
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
        if not all(isinstance(v, str | int | float | bool) for v in inner):
            raise SlackError("invalid_metadata_schema")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        raise SlackError("metadata_too_large")
    return metadata


def with_ids(blocks: list[Json]) -> list[Json]:
    """A copy in which every block has a block_id and every element an action_id, as Slack stores it."""
    found = copy.deepcopy(blocks)
    for block in found:
        block.setdefault("block_id", secrets.token_hex(3))
        for element in elements(block):
            element.setdefault("action_id", secrets.token_hex(3))
    return found


def _each(state: State, surface: Surface, blocks: list[Any], problems: Problems, path: str, limit: int) -> None:
    if len(blocks) > limit:
        problems.add(path, f"no more than {limit} items allowed")
    check = BlockCheck(surface=surface, problems=problems, is_picture=lambda file_id: _is_picture(state, file_id))
    block_ids: set[str] = set()
    for i, block in enumerate(blocks):
        check.block(block, f"{path}/{i}")
        if not isinstance(block, dict):
            continue
        given = [e["action_id"] for e in elements(block) if "action_id" in e]
        for action_id in {a for a in given if given.count(a) > 1}:
            problems.add(f"{path}/{i}", f"`action_id` {action_id!r} already exists for another element")
        if block.get("block_id") in block_ids:
            problems.add(f"{path}/{i}", f"`block_id` {block['block_id']!r} already exists")
        block_ids |= {block["block_id"]} if block.get("block_id") else set()


def _is_picture(state: State, file_id: str) -> bool:
    stored = state.files.get(file_id)
    return stored is not None and stored.completed and stored.info["mimetype"] in PICTURES


def _strings(value: Any) -> Iterator[str]:
    """Every text in cells, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"text", "value"} and not isinstance(inner, dict | list):
                yield str(inner)
            else:
                yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)
