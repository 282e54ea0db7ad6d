"""What interactive elements hold: their state as shown, a person's value turned into Slack's shape, missing answers.

The same shapes serve `view.state.values`, `state.values` of messages and the `actions` of a payload.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from sandbox.slack.errors import Impossible
from sandbox.slack.state import Json

# element type -> (key in the state, key of the initial value, many)
SHAPES: dict[str, tuple[str, str, bool]] = {
    "plain_text_input": ("value", "initial_value", False),
    "number_input": ("value", "initial_value", False),
    "email_text_input": ("value", "initial_value", False),
    "url_text_input": ("value", "initial_value", False),
    "static_select": ("selected_option", "initial_option", False),
    "external_select": ("selected_option", "initial_option", False),
    "multi_static_select": ("selected_options", "initial_options", True),
    "multi_external_select": ("selected_options", "initial_options", True),
    "radio_buttons": ("selected_option", "initial_option", False),
    "checkboxes": ("selected_options", "initial_options", True),
    "overflow": ("selected_option", "", False),
    "datepicker": ("selected_date", "initial_date", False),
    "timepicker": ("selected_time", "initial_time", False),
    "users_select": ("selected_user", "initial_user", False),
    "multi_users_select": ("selected_users", "initial_users", True),
    "channels_select": ("selected_channel", "initial_channel", False),
    "conversations_select": ("selected_conversation", "initial_conversation", False),
}
REQUIRED = "Please complete this required field."


def elements(block: Json) -> Iterator[Json]:
    """The interactive elements of one block."""
    for element in (block.get("accessory"), block.get("element"), *(block.get("elements") or ())):
        if isinstance(element, dict) and (element.get("type") in SHAPES or element.get("type") == "button"):
            yield element


def find(blocks: list[Json], key: str, block_id: str = "") -> tuple[Json, Json]:
    """The block and element with this action_id (or, for an input, block_id).

    An action_id may stand in several blocks; then `block_id` says which. Raises Impossible.
    """
    pairs = [(b, e) for b in blocks for e in elements(b) if block_id in ("", b["block_id"])]
    found = [p for p in pairs if p[1]["action_id"] == key] or [p for p in pairs if p[0]["block_id"] == key]
    if not found:
        known = ", ".join(e["action_id"] for _, e in pairs) or "nothing to press"
        raise Impossible(f"no element {key!r} here; there is: {known}")
    if len(found) > 1:
        raise Impossible(f"{key!r} stands in the blocks {', '.join(b['block_id'] for b, _ in found)}: say which")
    return found[0]


def shown(element: Json) -> Json:
    """The state of an element that nobody has touched: its initial value."""
    key, initial, many = SHAPES[element["type"]]
    return {"type": element["type"], key: element.get(initial, [] if many else None)}


def values(blocks: list[Json], draft: dict[str, dict[str, Json]]) -> dict[str, dict[str, Json]]:
    """`state.values`: what was entered, else what the form showed."""
    found: dict[str, dict[str, Json]] = {}
    for block in blocks:
        for element in elements(block):
            if element["type"] in SHAPES and element["type"] != "overflow":
                entered = draft.get(block["block_id"], {}).get(element["action_id"])
                found.setdefault(block["block_id"], {})[element["action_id"]] = entered or shown(element)
    return found


def options_of(element: Json) -> list[Json]:
    groups = element.get("option_groups") or []
    return [*(element.get("options") or []), *(o for g in groups for o in g["options"])]


def entered(element: Json, raw: Any, offered: list[Json]) -> Json:
    """A person's plain value in Slack's shape; an option is named by its value or its label. Raises Impossible."""
    key, _, many = SHAPES[element["type"]]
    empty = raw in (None, "", [])
    if key in {"selected_option", "selected_options"}:
        choices = options_of(element) or offered
        wanted: list[Any] = [] if empty else [*raw] if many else [raw]
        picked = [_option(choices, w) for w in wanted]
        return {"type": element["type"], key: picked if many else (picked[0] if picked else None)}
    if many:
        return {"type": element["type"], key: list(raw or [])}
    return {"type": element["type"], key: None if empty else str(raw)}


def _option(choices: list[Json], wanted: Any) -> Json:
    if isinstance(wanted, dict):
        wanted = wanted.get("value")
    for choice in choices:
        if wanted in (choice.get("value"), choice["text"]["text"]):
            return choice
    known = ", ".join(str(c.get("value")) for c in choices[:20]) or "none"
    raise Impossible(f"{wanted!r} is not offered; options: {known}")


def problems(blocks: list[Json], state: dict[str, dict[str, Json]]) -> dict[str, str]:
    """What Slack itself refuses before the app sees a form: block_id -> sentence."""
    found: dict[str, str] = {}
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        value = state[block["block_id"]][element["action_id"]].get(SHAPES[element["type"]][0])
        sentence = (
            (REQUIRED if not block.get("optional") else "") if value in (None, "", []) else _wrong(element, value)
        )
        if sentence:
            found[block["block_id"]] = sentence
    return found


def _wrong(element: Json, value: Any) -> str:
    kind = element["type"]
    if kind == "plain_text_input":
        if len(value) < element.get("min_length", 0):
            return f"Please enter at least {element['min_length']} characters."
        if len(value) > element.get("max_length", 3000):
            return f"Please enter at most {element.get('max_length', 3000)} characters."
    if kind == "number_input":
        return _wrong_number(element, value)
    if kind == "datepicker":
        try:
            date.fromisoformat(value)
        except ValueError:
            return "Please enter a valid date."
    if len(value) > element.get("max_selected_items", len(value)):
        return f"Please choose at most {element['max_selected_items']}."
    return ""


def _wrong_number(element: Json, value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return "Please enter a number."
    if not element.get("is_decimal_allowed") and not number.is_integer():
        return "Please enter a whole number."
    low, high = float(element.get("min_value", number)), float(element.get("max_value", number))
    return "" if low <= number <= high else f"Please enter a number from {low:g} to {high:g}."
