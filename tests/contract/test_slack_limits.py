"""What the local Slack refuses in blocks and views, one wrong thing at a time."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.slack.errors import SlackError
from sandbox.slack.state import State
from sandbox.slack.validate import check_blocks, check_options, check_view
from sandbox.slack.workspace import demo
from tests.contract.bolt_bot import actions, button, field, modal, mrkdwn, option, plain, section

Json = dict[str, Any]
STATE = State(workspace=demo())


def table(rows: int, columns: int = 2, text: str = "x") -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": text}] * columns] * rows}


def select(**more: Any) -> Json:
    return {"type": "static_select", "action_id": "s", "options": [option("a")], **more}


def context(count: int) -> Json:
    return {"type": "context", "elements": [mrkdwn("x")] * count}


SURE = {"title": plain("T"), "text": plain("x"), "confirm": plain("Yes"), "deny": plain("No")}
RICH_TEXT = {
    "type": "rich_text",
    "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "x"}]}],
}

ACCEPTED = {
    "full section": section("x" * 3000, accessory=button("a", confirm=SURE, style="danger")),
    "ten fields": {"type": "section", "fields": [mrkdwn("x" * 1000)] * 10},
    "largest table": table(100, 20),
    "header": {"type": "header", "text": plain("x" * 150)},
    "context": context(10),
    "25 buttons": actions(*(button(f"b{n}") for n in range(25))),
    "button value": actions(button("b", value="x" * 2000)),
    "select with groups": actions(
        {"type": "static_select", "action_id": "s", "option_groups": [{"label": plain("g"), "options": [option("a")]}]}
    ),
    "rich text": RICH_TEXT,
    "markdown": {"type": "markdown", "text": "x" * 12_000},
}

REFUSED = {
    "unknown type": {"type": "shiny"},
    "unknown property": section("x", colour="red"),
    "empty section": {"type": "section"},
    "section text": section("x" * 3001),
    "empty text": section(""),
    "eleven fields": {"type": "section", "fields": [mrkdwn("x")] * 11},
    "field text": {"type": "section", "fields": [mrkdwn("x" * 2001)]},
    "header text": {"type": "header", "text": plain("x" * 151)},
    "header in mrkdwn": {"type": "header", "text": mrkdwn("x")},
    "context elements": context(11),
    "26 buttons": actions(*(button(f"b{n}") for n in range(26))),
    "no buttons": actions(),
    "button text": actions(button("b", text=plain("x" * 76))),
    "button text in mrkdwn": actions(button("b", text=mrkdwn("x"))),
    "button value": actions(button("b", value="x" * 2001)),
    "button style": actions(button("b", style="warning")),
    "accessibility label": actions(button("b", accessibility_label="x" * 76)),
    "action id": actions(button("x" * 256)),
    "same action id in one block": actions(button("b"), button("b")),
    "confirm title": actions(button("b", confirm=SURE | {"title": plain("x" * 101)})),
    "confirm text": actions(button("b", confirm=SURE | {"text": plain("x" * 301)})),
    "confirm button": actions(button("b", confirm=SURE | {"confirm": plain("x" * 31)})),
    "confirm without deny": actions(button("b", confirm={k: v for k, v in SURE.items() if k != "deny"})),
    "101 options": actions(select(options=[option(str(n)) for n in range(101)])),
    "no options": actions({"type": "static_select", "action_id": "s"}),
    "option label": actions(select(options=[option("a", "x" * 76)])),
    "option value": actions(select(options=[option("x" * 151)])),
    "initial option not offered": actions(select(initial_option=option("b"))),
    "placeholder": actions(select(placeholder=plain("x" * 151))),
    "eleven radio buttons": actions(
        {"type": "radio_buttons", "action_id": "r", "options": [option(str(n)) for n in range(11)]}
    ),
    "text input among actions": actions({"type": "plain_text_input", "action_id": "t"}),
    "block id": section("x") | {"block_id": "x" * 256},
    "image without alt text": {"type": "image", "image_url": "http://127.0.0.1/a.png"},
    "image of an unknown file": {"type": "image", "slack_file": {"id": "F0NONE"}, "alt_text": "x"},
    "101 rows": table(101, 1),
    "21 columns": table(1, 21),
    "empty cell": table(1, 1, ""),
    "unknown cell": {"type": "table", "rows": [[{"type": "cell", "text": "x"}]]},
    "characters in a table": table(100, 2, "x" * 51),
    "data table without caption": table(2) | {"type": "data_table"},
    "rich text element": {"type": "rich_text", "elements": [{"type": "paragraph"}]},
    "markdown": {"type": "markdown", "text": "x" * 12_001},
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_in_a_message(name: str) -> None:
    check_blocks(STATE, [ACCEPTED[name]])


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_a_message(name: str) -> None:
    with pytest.raises(SlackError) as caught:
        check_blocks(STATE, [REFUSED[name]])
    assert caught.value.code == "invalid_blocks"
    assert "[json-pointer:/blocks" in caught.value.extra["errors"][0] or name == "characters in a table"


@pytest.mark.parametrize(
    ("blocks", "code"),
    [
        ("text", "invalid_blocks_format"),
        ([section("x")] * 51, "invalid_blocks"),
        ([section("x") | {"block_id": "same"}] * 2, "invalid_blocks"),
        ([table(2), table(2)], "only_one_table_allowed"),
        ([section("x" * 2900)] * 5, "msg_blocks_too_long"),
        ([{"type": "markdown", "text": "x" * 7000}] * 2, "msg_blocks_too_long"),
    ],
)
def test_refused_as_a_whole(blocks: Any, code: str) -> None:
    with pytest.raises(SlackError, match=code):
        check_blocks(STATE, blocks)


def test_a_large_message_within_the_limits() -> None:
    check_blocks(STATE, [section("x")] * 50)
    check_blocks(STATE, [section("x" * 2900)] * 4 + [table(50, 4)])


WHY = field("why", {"type": "plain_text_input"})


@pytest.mark.parametrize(
    "view",
    [
        modal(WHY, title=plain("x" * 25)),
        modal(WHY, submit=plain("x" * 25)),
        modal(WHY, close=plain("x" * 25)),
        modal(WHY, private_metadata="x" * 3001),
        modal(WHY, callback_id="x" * 256),
        modal(WHY, submit=None),
        modal(WHY, title=None),
        modal(*[section("x")] * 101),
        modal(table(2)),
        modal(field("n", {"type": "number_input"})),
        modal(field("d", {"type": "datepicker", "initial_date": "8.4.2026"})),
        modal(field("w", {"type": "plain_text_input", "max_length": 3001})),
        modal(section("x"), colour="red"),
        {"type": "home", "blocks": []},
    ],
)
def test_refused_as_a_modal(view: Json) -> None:
    with pytest.raises(SlackError, match="invalid_arguments"):
        check_view(STATE, view, "modal")


def test_accepted_views() -> None:
    check_view(STATE, modal(*[section("x")] * 99, WHY), "modal")
    check_view(STATE, {"type": "home", "blocks": [section("x"), actions(button("b"))]}, "home")


@pytest.mark.parametrize(
    "body",
    [{}, {"options": [option("x" * 151)]}, {"options": [option(str(n)) for n in range(101)]}, {"option_groups": []}],
)
def test_refused_options(body: Json) -> None:
    with pytest.raises(SlackError, match="invalid_options"):
        check_options(body)
