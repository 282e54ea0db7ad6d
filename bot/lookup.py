"""From what a person types to a model of the index: the dbt name or what people see when it breaks; pure.

One pass over 5,000 models takes a few milliseconds.
"""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable
from itertools import chain, islice

from bot.errors import Refusal
from bot.index import Entry, Index
from bot.wording import requests as say

_SEPARATORS = re.compile(r"[\s.]+")
_WORDS = re.compile(r"[^a-z0-9]+")


class NoSuchModel(Refusal):
    """No model, or several, have this name; `choices` are names that would be understood."""

    def __init__(self, user_text: str, choices: Iterable[str]) -> None:
        super().__init__(user_text)
        self.choices = tuple(choices)


def find(index: Index, typed: str) -> Entry:
    """The one model called `typed`: name, package.name, unique id, alias, schema.alias, database.alias or
    database.schema.alias, in any case.

    Raises NoSuchModel with the nearest names, or with the choices when several models answer to it.
    """
    parts = typed.lower().split(".")
    found = [e for e in index.entries if _answers(e, parts)]
    found = [e for e in found if e.enabled] or found
    if len(found) == 1:
        return found[0]
    if not found:
        near = nearest(index, typed)
        raise NoSuchModel(
            say.unknown_model(typed, [say.near(e.name, str(e.prod or "")) for e in near]), [e.name for e in near]
        )
    choices = sorted(_apart(found))
    by_table = len({e.name for e in found}) > 1 and all(e.prod and e.prod.name.lower() == parts[-1] for e in found)
    sentence = say.ambiguous_table if by_table else say.ambiguous
    raise NoSuchModel(sentence(typed, len(found), choices), choices)


def _answers(entry: Entry, parts: list[str]) -> bool:
    last, count = parts[-1], len(parts)
    name = entry.name.lower()
    if name == last and (count == 1 or (count == 2 and entry.package.lower() == parts[0])):
        return True
    prod = entry.prod
    if prod is not None and prod.name.lower() == last:
        before = [prod.database.lower(), prod.schema.lower()]
        if count == 1 or (count == 2 and parts[0] in before) or parts[:-1] == before:
            return True
    return count > 2 and entry.unique_id.lower() == ".".join(parts)


def _apart(found: list[Entry]) -> list[str]:
    """For each model the shortest name that no other of them answers to; of one name in two packages, both in full."""
    ways = [_names(e) for e in found]
    if len({e.name.lower() for e in found}) == 1:
        ways = [names[-1:] for names in ways]
    taken = Counter(chain.from_iterable(set(w) for w in ways))
    return [next((n for n in names if taken[n] == 1), e.unique_id) for e, names in zip(found, ways, strict=True)]


def _names(entry: Entry) -> list[str]:
    """Every way to write a model in lower case, as people like them best: what they see comes before packages."""
    plain, packaged = entry.name.lower(), f"{entry.package}.{entry.name}".lower()
    if not entry.prod:
        return [plain, packaged]
    db, schema, table = (p.lower() for p in (entry.prod.database, entry.prod.schema, entry.prod.name))
    return [plain, table, f"{db}.{table}", f"{schema}.{table}", f"{db}.{schema}.{table}", packaged]


def nearest(index: Index, typed: str, limit: int = 3) -> list[Entry]:
    """Refreshable models whose name or table shares words with what was typed, best first; forgives misspelling."""
    wanted = _worded(typed)
    last = typed.lower().rsplit(".", 1)[-1]
    scored = []
    for entry in index.entries:
        if not entry.refreshable:
            continue
        names = (entry.name.lower(), entry.prod.name.lower() if entry.prod else "")
        shared = len(wanted & _worded(names[0])) + 0.5 * len(wanted & _worded(names[1]))
        scored.append((shared, -abs(len(names[0]) - len(last)), entry))
    scored.sort(key=lambda s: s[:2], reverse=True)
    # Spelling is compared for the best by words only: it is a hundred times slower than counting words.
    close = difflib.SequenceMatcher(b=last)
    ranked = []
    for shared, _, entry in scored[:200]:
        close.set_seq1(entry.name.lower())
        ratio = close.ratio()
        if ratio >= 0.7 or shared >= max(2, len(wanted) - 1):
            ranked.append((ratio + shared / 4, entry))
    ranked.sort(key=lambda r: (-r[0], r[1].name))
    return [entry for _, entry in ranked[:limit]]


def _worded(text: str) -> set[str]:
    return {w for w in _WORDS.split(text.lower()) if w}


def options(index: Index, typed: str, limit: int = 100) -> list[Entry]:
    """Refreshable models that contain every typed word, in any order, in their name, production name, tags, owner or columns;
    best first: the very name or table, then those with more of the words in their name, then the shorter names."""
    words = [w for w in _SEPARATORS.split(typed.lower()) if w]
    ranks: dict[int, list[Entry]] = {}
    for name, prod, others, entry in index.typeahead:
        if all(w in name or w in prod or w in others for w in words):
            exact = typed.lower() in (name, prod.rsplit(".", 1)[-1])
            outside = sum(w not in name for w in words)
            ranks.setdefault(-1 if exact else outside, []).append(entry)
    return list(islice(chain.from_iterable(ranks[rank] for rank in sorted(ranks)), limit))
