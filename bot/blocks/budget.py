"""The size guard: Slack refuses a message of more than 50 blocks or about 13,200 characters as a whole.

`fit` makes any list of blocks acceptable by shortening the longest texts, and says in the message what was cut.
Buttons are never cut away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from bot.blocks.kit import section
from bot.messages import Block, Message
from bot.wording.budget import blocks_left_out
from bot.wording.text import fenced, shorten

BLOCKS = 50
CHARACTERS = 13_000
TEXT = 4_000  # what Slack advises for the fallback; it cuts at 40,000
_SHORTEST = 200
_KEPT = frozenset({"actions", "input"})


def message(*blocks: Block | None) -> Message:
    """A message of these blocks that Slack will take, with the same words as its plain text."""
    present = [b for b in blocks if b]
    return Message(text=shorten("\n".join(said(present)), TEXT), blocks=tuple(fit(present)))


def said(blocks: Sequence[Block]) -> Iterator[str]:
    """The words of a message without its buttons, as mrkdwn: for notifications, screen readers and plain delivery."""
    for block in blocks:
        match block["type"]:
            case "section":
                yield block["text"]["text"]
            case "header":
                yield f"*{block['text']['text']}*"
            case "context":
                yield "\n".join(e["text"] for e in block["elements"] if "text" in e)
            case "rich_text":
                # A lone ">" inside a line means nothing to Slack, and an arrow reads better than its entity.
                yield fenced(_literal(block)["text"]).replace(" -&gt; ", " -> ")


def fit(blocks: Sequence[Block], limit: int = CHARACTERS, most: int = BLOCKS) -> list[Block]:
    """The blocks, shortened until they fit; the first ones and all buttons stay."""
    kept: list[Block] = []
    for count in range(min(most, len(blocks)), 0, -1):
        kept = _shortened(_fewer(list(blocks), count), limit)
        if size(kept) <= limit:
            break
    return kept


def size(blocks: Sequence[Block]) -> int:
    return len(json.dumps(blocks, ensure_ascii=False))


def _shortened(blocks: list[Block], limit: int) -> list[Block]:
    """Copies whose longest texts are cut, each to a fair minimum at most."""
    kept = json.loads(json.dumps(blocks))
    texts = [t for b in kept if b["type"] not in _KEPT for t in _texts(b)]
    while texts and (excess := size(kept) - limit) > 0:
        longest = max(texts, key=lambda t: len(t["text"]))
        if len(longest["text"]) <= _SHORTEST:
            break
        longest["text"] = shorten(longest["text"], max(_SHORTEST, len(longest["text"]) - max(excess, 50)))
    return kept


def _fewer(blocks: list[Block], most: int) -> list[Block]:
    """At most `most` blocks: those left out are the last ones without buttons, and it is said."""
    spare = [i for i, b in enumerate(blocks) if b["type"] not in _KEPT]
    if len(blocks) <= most or not spare:
        return blocks[: max(most, 1)]
    dropped = spare[-(len(blocks) - most + 1) :]
    kept = [b for i, b in enumerate(blocks) if i not in dropped]
    kept.insert(dropped[0], section(blocks_left_out(len(dropped))))
    return kept[:most]


def _texts(block: Block) -> list[dict[str, Any]]:
    match block["type"]:
        case "section" | "header":
            return [block["text"]]
        case "context":
            return [e for e in block["elements"] if "text" in e]
        case "rich_text":
            return [_literal(block)]
    return []


def _literal(block: Block) -> dict[str, Any]:
    return block["elements"][0]["elements"][0]
