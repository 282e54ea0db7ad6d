"""Which databases a hook of dbt names; pure."""

from __future__ import annotations

import re
from collections.abc import Collection

_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_STRINGS = re.compile(r"'(?:[^']|'')*'")
_PART = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_DOTTED = re.compile(rf"(?<![\w$.:\"]){_PART}(?:\s*\.\s*{_PART})+")
_DATABASE = re.compile(rf"\bdatabase\s+(?:if\s+(?:not\s+)?exists\s+)?({_PART})", re.IGNORECASE)


def foreign_databases(sql: str, own: str, known: Collection[str]) -> tuple[str, ...]:
    """Databases other than `own` that a hook names: in a three-part name, after DATABASE, or one of `known` before a dot.

    Works on text, so that it also sees what is inside strings and statements that no parser knows; it errs to naming.
    """
    text = _COMMENTS.sub(" ", sql)
    named = {first for first, _ in _dotted(text) if first in known}
    plain = _STRINGS.sub("''", text)
    named |= {first for first, parts in _dotted(plain) if parts > 2}
    named |= {_fold(match[1]) for match in _DATABASE.finditer(plain)}
    return tuple(sorted(named - {own}))


def _dotted(text: str) -> list[tuple[str, int]]:
    found = []
    for match in _DOTTED.finditer(text):
        parts = re.findall(_PART, match[0])
        found.append((_fold(parts[0]), len(parts)))
    return found


def _fold(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part.upper()
