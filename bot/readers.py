"""Who is downstream of a model, and who shares its sources; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping

from bot.index import Entry, Index
from bot.model import Exposure, Reader

_STAR = re.compile(r"\bselect\s+(?:distinct\s+)?(?:\w+\.)?\*|,\s*\w+\.\*|\bstar\s*\(", re.IGNORECASE)


def readers(index: Index, unique_id: str, changed: Collection[str], sql: Mapping[str, str]) -> tuple[Reader, ...]:
    """Every model downstream, nearest first, then by name.

    `changed` are the columns whose values change (empty: not known), `sql` the code of models by unique id. Whether a
    model reads one of them is told by name, so "probably": it is not known behind a `select *` or a renaming parent,
    and it is False where everything between reads none of them.
    """
    depths = _depths(index, unique_id)
    uses: dict[str, bool | None] = {}
    for uid, depth in sorted(depths.items(), key=lambda item: item[1]):
        entry = index.by_id[uid]
        through = [uses[p] for p in (*entry.parents, *entry.by_name) if p in uses]
        if not changed:
            uses[uid] = None
        elif depth > 1 and all(used is False for used in through):
            uses[uid] = False
        else:
            uses[uid] = _reads(sql.get(uid), changed, direct=depth == 1)
    above = {*depths, unique_id}
    found = (_reader(index.by_id[uid], depth, uses[uid], above) for uid, depth in depths.items())
    return tuple(sorted(found, key=lambda r: (r.depth, r.name)))


def exposures(index: Index, unique_id: str, found: Iterable[Reader]) -> tuple[Exposure, ...]:
    """What shows the model itself, or something downstream that may use what changes."""
    shown = {unique_id} | {r.unique_id for r in found if r.uses_columns is not False}
    return tuple(e for e in index.exposures if shown.intersection(e.reads))


def siblings(index: Index, unique_id: str) -> tuple[str, ...]:
    """Other tables that read one of the model's sources and are neither above nor below it: names, sorted."""
    above, below = _ancestors(index, unique_id), set(_depths(index, unique_id))
    sources = {uid for uid in above if uid in index.sources}
    found = (
        e.name
        for e in index.entries
        if e.enabled
        and e.materialized in ("table", "incremental")
        and e.unique_id not in above | below | {unique_id}
        and sources & _direct_sources(index, e.unique_id)
    )
    return tuple(sorted(found))


def _reader(entry: Entry, depth: int, uses: bool | None, above: Collection[str]) -> Reader:
    return Reader(
        unique_id=entry.unique_id,
        name=entry.name,
        prod=entry.prod,
        materialized=entry.materialized,
        depth=depth,
        honours_date=entry.materialized == "incremental" and entry.reads_date and bool(entry.unique_key),
        uses_columns=uses,
        by_name=not any(parent in above for parent in entry.parents),
    )


def _depths(index: Index, unique_id: str) -> dict[str, int]:
    """Shortest distance of every enabled descendant."""
    found: dict[str, int] = {}
    level, depth = [unique_id], 0
    while level:
        depth += 1
        children = {c for uid in level if (e := index.by_id.get(uid)) for c in e.children}
        level = [c for c in children if c not in found and c != unique_id and c in index.by_id]
        found.update(dict.fromkeys(level, depth))
    return found


def _reads(code: str | None, changed: Collection[str], *, direct: bool) -> bool | None:
    if code is None:
        return None
    words = {word.upper() for word in re.findall(r"\w+", code)}
    if any(column.upper() in words for column in changed):
        return True
    return False if direct and not _STAR.search(code) else None


def _ancestors(index: Index, unique_id: str) -> set[str]:
    found: set[str] = set()
    waiting = [unique_id]
    while waiting:
        entry = index.by_id.get(waiting.pop())
        new = set((*entry.parents, *entry.by_name) if entry else ()) - found
        found |= new
        waiting += new
    return found


def _direct_sources(index: Index, unique_id: str) -> set[str]:
    """Sources a model reads itself or through what has no rows of its own: ephemerals and views."""
    found: set[str] = set()
    waiting = [unique_id]
    while waiting:
        for parent in index.by_id[waiting.pop()].parents:
            if parent in index.sources:
                found.add(parent)
            elif (e := index.by_id.get(parent)) and e.materialized in ("ephemeral", "view"):
                waiting.append(parent)
    return found
