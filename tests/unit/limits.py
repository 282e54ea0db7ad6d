"""What Slack allows of a message, what can be pressed in it, and what nobody may write into it."""

from __future__ import annotations

from collections.abc import Iterator

from bot.blocks.budget import BLOCKS, CHARACTERS, size
from bot.messages import Message

UNSEEN = "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"


def elements(message: Message) -> Iterator[dict]:
    for block in message.blocks:
        yield from block.get("elements", ()) if block["type"] == "actions" else ()


def pressable(message: Message) -> list[str]:
    return [x["action_id"] for x in elements(message)]


def harmless(message: Message) -> None:
    """No alarm, no mention of our victim, no link that somebody else wrote."""
    for text in [message.text, *mrkdwn(message)]:
        assert "<!channel>" not in text
        assert "<http://evil" not in text
        assert not set(UNSEEN) & set(text)


def mrkdwn(message: Message) -> Iterator[str]:
    """Each text that Slack formats; it must be told to leave names and addresses in it alone."""

    def walk(node):
        if isinstance(node, dict):
            if node.get("type") == "mrkdwn":
                assert node["verbatim"] is True
                yield node["text"]
            for child in node.values():
                yield from walk(child)
        elif isinstance(node, list | tuple):
            for child in node:
                yield from walk(child)

    yield from walk(message.blocks)


def within_limits(message: Message) -> None:
    assert message.text.strip()
    assert "could not be put into words" not in message.text
    assert len(message.text) <= 4000
    assert len(message.blocks) <= BLOCKS
    assert size(message.blocks) <= CHARACTERS
    for block in message.blocks:
        check(block)


def check(block: dict) -> None:
    match block["type"]:
        case "section":
            assert 0 < len(block["text"]["text"]) <= 3000
        case "header":
            assert 0 < len(block["text"]["text"]) <= 150
        case "context":
            assert 0 < len(block["elements"]) <= 10
            assert all(0 < len(x["text"]) <= 2000 for x in block["elements"])
        case "actions":
            assert 0 < len(block["elements"]) <= 25
            assert len(block.get("block_id", "")) <= 255
            ids = [x["action_id"] for x in block["elements"]]
            assert len(set(ids)) == len(ids)
            for element in block["elements"]:
                check_element(element)
        case "input":
            assert 0 < len(block["label"]["text"]) <= 2000
            assert len(block.get("hint", {"text": ""})["text"]) <= 2000
            check_element(block["element"])
        case "rich_text":
            assert block["elements"][0]["elements"][0]["text"]
        case other:
            assert other == "divider"


def check_element(element: dict) -> None:
    assert 0 < len(element["action_id"]) <= 255
    if element["type"] == "button":
        assert 0 < len(element["text"]["text"]) <= 75
        assert 0 < len(element["value"]) <= 2000
        assert 0 < len(element["accessibility_label"]) <= 75
        if dialog := element.get("confirm"):
            assert len(dialog["title"]["text"]) <= 100
            assert len(dialog["text"]["text"]) <= 300
            assert len(dialog["confirm"]["text"]) <= 30
            assert len(dialog["deny"]["text"]) <= 30
    options = element.get("options", [])
    assert len(options) <= 100
    assert "options" not in element or options
    for option in options:
        assert 0 < len(option["text"]["text"]) <= 75
        assert 0 < len(option["value"]) <= 150
        assert len(option.get("description", {"text": "x"})["text"]) <= 75
    initial = element.get("initial_options", [element["initial_option"]] if "initial_option" in element else [])
    assert element["type"] == "external_select" or all(i in options for i in initial)
    assert len(element.get("placeholder", {"text": ""})["text"]) <= 150
    assert len(element.get("initial_value", "")) <= element.get("max_length", 3000) <= 3000
