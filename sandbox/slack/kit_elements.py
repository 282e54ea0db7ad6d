"""Slack's rules for text objects, options, confirm dialogs and interactive elements; problems are collected, not raised."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from sandbox.slack.state import Json

PLAIN = ("plain_text",)
ANY_TEXT = ("plain_text", "mrkdwn")

_SELECT = {"placeholder", "focus_on_load", "confirm"}
_STATIC = _SELECT | {"options", "option_groups"}
_TEXT = {"placeholder", "focus_on_load", "initial_value", "dispatch_action_config"}

# element type -> the keys it may have beside `type` and `action_id`
KEYS: dict[str, set[str]] = {
    "button": {"text", "url", "value", "style", "confirm", "accessibility_label"},
    "static_select": _STATIC | {"initial_option"},
    "external_select": _SELECT | {"initial_option", "min_query_length"},
    "multi_static_select": _STATIC | {"initial_options", "max_selected_items"},
    "multi_external_select": _SELECT | {"initial_options", "min_query_length", "max_selected_items"},
    "users_select": _SELECT | {"initial_user"},
    "multi_users_select": _SELECT | {"initial_users", "max_selected_items"},
    "channels_select": _SELECT | {"initial_channel", "response_url_enabled"},
    "conversations_select": _SELECT
    | {"initial_conversation", "default_to_current_conversation", "response_url_enabled", "filter"},
    "radio_buttons": {"options", "initial_option", "confirm", "focus_on_load"},
    "checkboxes": {"options", "initial_options", "confirm", "focus_on_load"},
    "overflow": {"options", "confirm"},
    "datepicker": _SELECT | {"initial_date"},
    "timepicker": _SELECT | {"initial_time", "timezone"},
    "plain_text_input": _TEXT | {"multiline", "min_length", "max_length"},
    "number_input": _TEXT | {"is_decimal_allowed", "min_value", "max_value"},
    "email_text_input": _TEXT,
    "url_text_input": _TEXT,
}
INPUTS = frozenset(KEYS) - {"button", "overflow"}
TYPED = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
IN_ACTIONS = frozenset(KEYS) - TYPED
OPTIONS = {"radio_buttons": 10, "checkboxes": 10, "overflow": 5}  # the most; selects take 100


@dataclass
class Problems:
    """What is wrong, each with a JSON pointer, in Slack's manner."""

    found: list[str] = field(default_factory=list)

    def add(self, path: str, sentence: str) -> None:
        self.found.append(f"{sentence} [json-pointer:{path}]")

    def keys(self, value: Json, path: str, allowed: set[str], required: tuple[str, ...] = ()) -> None:
        for key in value.keys() - allowed:
            self.add(path, f"invalid additional property: {key}")
        for key in required:
            if value.get(key) in (None, "", []):
                self.add(path, f"missing required field: {key}")

    def string(self, value: Any, path: str, limit: int, least: int = 0) -> None:
        """An optional string of a length in characters."""
        if value is None:
            return
        if not isinstance(value, str):
            self.add(path, "must be a string")
        elif len(value) > limit:
            self.add(path, f"must be less than {limit + 1} characters")
        elif len(value) < least:
            self.add(path, f"must be more than {least - 1} characters")

    def listed(self, value: Any, path: str, limit: int) -> list[Any]:
        """A non-empty list of at most `limit` items; what can be looked at further."""
        if not isinstance(value, list):
            self.add(path, "must be an array")
            return []
        if not value:
            self.add(path, "must be more than 0 items")
        if len(value) > limit:
            self.add(path, f"no more than {limit} items allowed")
        return value

    def text(self, value: Any, path: str, limit: int, kinds: tuple[str, ...] = ANY_TEXT) -> None:
        """An optional text object."""
        if value is None:
            return
        if not isinstance(value, dict) or value.get("type") not in kinds:
            self.add(path, f"must be a text object of type {' or '.join(kinds)}")
            return
        self.keys(value, path, {"type", "text", "emoji", "verbatim"})
        if "verbatim" in value and value["type"] != "mrkdwn":
            self.add(path, "invalid additional property: verbatim")
        if not isinstance(value.get("text"), str):
            self.add(path, "missing required field: text")
        self.string(value.get("text"), f"{path}/text", limit, 1)

    def confirm(self, value: Any, path: str) -> None:
        if value is None:
            return
        self.keys(value, path, {"title", "text", "confirm", "deny", "style"}, ("title", "text", "confirm", "deny"))
        self.text(value.get("title"), f"{path}/title", 100, PLAIN)
        self.text(value.get("text"), f"{path}/text", 300)
        self.text(value.get("confirm"), f"{path}/confirm", 30, PLAIN)
        self.text(value.get("deny"), f"{path}/deny", 30, PLAIN)
        self.style(value, path)

    def style(self, value: Json, path: str) -> None:
        if value.get("style") not in (None, "primary", "danger"):
            self.add(f"{path}/style", "must be primary or danger")


def check_element(problems: Problems, element: Any, path: str, allowed: frozenset[str]) -> None:
    """One interactive element where only the types `allowed` may stand."""
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in allowed:
        problems.add(path, f"unsupported type: {kind}")
        return
    problems.keys(element, path, KEYS[kind] | {"type", "action_id"})
    problems.string(element.get("action_id"), f"{path}/action_id", 255, 1)
    problems.text(element.get("placeholder"), f"{path}/placeholder", 150, PLAIN)
    problems.confirm(element.get("confirm"), f"{path}/confirm")
    if kind == "button":
        _button(problems, element, path)
    elif KEYS[kind] & {"options", "option_groups"}:
        _choices(problems, element, path, kind)
    elif kind in TYPED:
        _typed(problems, element, path, kind)
    for key, pattern in (("initial_date", r"\d{4}-\d\d-\d\d"), ("initial_time", r"\d\d:\d\d")):
        if key in element and not re.fullmatch(pattern, str(element[key])):
            problems.add(f"{path}/{key}", "has the wrong format")


def check_option(problems: Problems, option: Any, path: str, kinds: tuple[str, ...] = PLAIN) -> None:
    if not isinstance(option, dict):
        problems.add(path, "must be an object")
        return
    problems.keys(option, path, {"text", "value", "description", "url"}, ("text", "value"))
    problems.text(option.get("text"), f"{path}/text", 75, kinds)
    problems.string(option.get("value"), f"{path}/value", 150, 1)
    problems.text(option.get("description"), f"{path}/description", 75, kinds)


def check_groups(problems: Problems, groups: Any, path: str) -> None:
    for i, group in enumerate(problems.listed(groups, path, 100)):
        where = f"{path}/{i}"
        problems.keys(group, where, {"label", "options"}, ("label", "options"))
        problems.text(group.get("label"), f"{where}/label", 75, PLAIN)
        for j, option in enumerate(problems.listed(group.get("options"), f"{where}/options", 100)):
            check_option(problems, option, f"{where}/options/{j}")


def _button(problems: Problems, element: Json, path: str) -> None:
    problems.keys(element, path, set(element), ("text",))
    problems.text(element.get("text"), f"{path}/text", 75, PLAIN)
    problems.string(element.get("value"), f"{path}/value", 2000, 1)
    problems.string(element.get("url"), f"{path}/url", 3000, 1)
    problems.string(element.get("accessibility_label"), f"{path}/accessibility_label", 75, 1)
    problems.style(element, path)


def _choices(problems: Problems, element: Json, path: str, kind: str) -> None:
    """Options or groups, and initial values that are among them."""
    groups = element.get("option_groups")
    if ("options" in element) == (groups is not None):
        problems.add(path, "must have either options or option_groups")
        return
    options = list(element.get("options") or [])
    if groups is None:
        kinds = ANY_TEXT if kind in {"radio_buttons", "checkboxes"} else PLAIN
        listed = problems.listed(element["options"], f"{path}/options", OPTIONS.get(kind, 100))
        for i, option in enumerate(listed):
            check_option(problems, option, f"{path}/options/{i}", kinds)
    else:
        check_groups(problems, groups, f"{path}/option_groups")
        options = [o for g in groups for o in g.get("options", [])]
    initial = element.get("initial_options") or ([element["initial_option"]] if "initial_option" in element else [])
    plain = [(o.get("value"), (o.get("text") or {}).get("text")) for o in options if isinstance(o, dict)]
    for option in initial:
        if (option.get("value"), (option.get("text") or {}).get("text")) not in plain:
            problems.add(path, "initial value is not among the options")


def _typed(problems: Problems, element: Json, path: str, kind: str) -> None:
    problems.string(element.get("initial_value"), f"{path}/initial_value", 3000)
    for key, least in (("min_length", 0), ("max_length", 1)):
        if key in element and not least <= element[key] <= 3000:
            problems.add(f"{path}/{key}", f"must be between {least} and 3000")
    if kind == "number_input" and not isinstance(element.get("is_decimal_allowed"), bool):
        problems.add(path, "missing required field: is_decimal_allowed")
