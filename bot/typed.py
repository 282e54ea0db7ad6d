"""Typed text as words: what phones and Slack do to it is undone here; pure.

Curly quotes, long dashes and auto-linked names become what was meant; `key=value` pairs and quoted words are kept whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Token:
    key: str  # "columns" in columns=a,b
    value: str
    quoted: bool


_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»″〝〞＂", '"') | dict.fromkeys("‘’‚‛′＇", "'"))
_DASHES = re.compile("[\u2010-\u2015\u2212]")
_LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_TOKEN = re.compile(
    r"""\s*(?:(?P<key>[-\u2010-\u2015\u2212]{0,2}[A-Za-z][\w-]*)\s*=\s*)?"""
    r"""(?:"(?P<double>[^"]*)(?:"|\Z)|'(?P<single>.*?)(?:'(?=\s|\Z)|\Z)|(?P<bare>\S*))""",
    re.DOTALL,
)


def tokens(text: str) -> list[Token]:
    """Words, and key=value pairs, of text as Slack sends it."""
    text = _LINK.sub(_unlinked, straight(text))
    text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()
    found: list[Token] = []
    at = 0
    while at < len(text) and (match := _TOKEN.match(text, at)) and match.end() > at:
        at = match.end()
        quoted = match["double"] if match["double"] is not None else match["single"]
        key = dashed(match["key"] or "").lstrip("-").lower()
        found.append(Token(key, quoted if quoted is not None else match["bare"], quoted is not None))
    return [t for t in found if t.key or t.value]


def _unlinked(match: re.Match[str]) -> str:
    target, label = match[1], match[2]
    if target[:1] in ("@", "#", "!"):
        return target[:1] + (label or target[1:])
    return label if label else re.sub(r"^(?:https?://|mailto:)", "", target)


def straight(text: str) -> str:
    """The text with plain quotes for curly ones and their kin."""
    return text.translate(_QUOTES)


def dashed(word: str) -> str:
    """A word with plain hyphens."""
    return _DASHES.sub("-", word)
