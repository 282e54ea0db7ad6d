"""Edges that dbt does not know: models read by a literal name, or through a source that is their table; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.model import Relation

_IGNORED = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)
_PART = r'(?:"(?:[^"]|"")+"|[A-Za-z_][\w$]*)'
_THREE = re.compile(rf"(?<![\w$.\"]){_PART}\s*\.\s*{_PART}\s*\.\s*{_PART}(?![\w$(.])")


def by_name(
    code: str, parents: tuple[str, ...], models: Mapping[Relation, str], sources: Mapping[str, Relation]
) -> tuple[str, ...]:
    """Unique ids of the models that `code` reads without `ref`: three-part names and sources that are their tables.

    `models` are ids by production relation. Works on text, compiled or not: what Jinja makes is dbt's to know.
    """
    found = {models[r] for r in _named(code) if r in models}
    found |= {models[r] for p in parents if (r := sources.get(p)) in models and r is not None}
    return tuple(sorted(found - set(parents)))


def _named(code: str) -> Iterator[Relation]:
    for match in _THREE.finditer(_IGNORED.sub(" ", code)):
        yield Relation.parse(".".join(re.findall(_PART, match[0])))
