"""`dbt-refresh reconcile`: what Snowflake knows of this installation and its database does not, and taking it over."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot import lookup, names
from bot.events import Noted
from bot.model import OF_PRODUCTION, Relation, TakenOver, Trace, Unrecorded
from bot.reconcile import Reconciliation, foreign
from bot.settings import Settings, WarehouseSection
from bot.store import BACKUPS, Hold, Store
from bot.store.codec import plain
from bot.warehouse import Warehouse
from bot.wording import reconcile as say

VERSION = 1  # of the JSON; grows when a field changes its meaning or goes


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What there is to take over, what belongs to another installation, and whether the history was read to its end."""

    installation: str
    unrecorded: tuple[Unrecorded, ...]
    foreign: tuple[Relation, ...]
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line asks for: ids to take over and models to hold, by whom and why."""

    confirm: tuple[str, ...] = ()
    hold: tuple[str, ...] = ()
    no_hold: bool = False
    by: str = ""
    reason: str = ""


def run(
    settings: Settings,
    store: Store,
    asked: Asked,
    ask: Callable[[str], bool],
    tell: Callable[[str], object],
    *,
    as_json: bool,
) -> int:
    """Look, show or take over; how much this database does not know after that.

    Raises ValueError for what cannot be meant, RefreshError where Snowflake or a model's name is in the way.
    """
    shown = look(store, Warehouse(settings, store.installation), settings.warehouse)
    if asked.confirm or asked.hold:
        if not (asked.by and asked.reason):
            raise ValueError(say.says_who())
        found = chosen(shown, asked.confirm)
        models = _models(store, asked, found)
        if ask(say.question(found, models)):
            said = TakenOver(by=asked.by, at=datetime.now(UTC), reason=asked.reason)
            take_over(store, settings.warehouse, found, models, said)
            shown = replace(shown, unrecorded=tuple(store.unrecorded()))
            if not as_json:
                tell(say.done(found, models))
    if as_json:
        tell(told(shown))
    else:
        show(shown, tell)
    return len(shown.unrecorded)


def _models(store: Store, asked: Asked, found: Sequence[Unrecorded]) -> list[str]:
    """Which models are put on hold: those that are named, and those whose undo is taken over."""
    models = [model_of(store, typed) for typed in asked.hold]
    if not asked.no_hold:
        known = held_models(store, found)
        undone = [one for one in found if one.trace is Trace.UNDO]
        if not models and (missing := [one for one in undone if one not in known]):
            raise ValueError(say.not_held(missing[0]))
        models += known.values()
    return list(dict.fromkeys(models))


def look(store: Store, warehouse: Warehouse, settings: WarehouseSection) -> Shown:
    """Ask Snowflake now. Raises RefreshError where it refuses or cannot be reached."""
    with warehouse.promoter(f"{names.prefix(store.installation)}reconcile") as session:
        seen = Reconciliation(store, settings).look(session)
    return Shown(
        installation=store.installation,
        unrecorded=tuple(store.unrecorded()),
        foreign=tuple(foreign(seen.tables, store.installation)),
        whole=seen.whole,
    )


def chosen(shown: Shown, wanted: Sequence[str]) -> tuple[Unrecorded, ...]:
    """Those that a person has named by their ids, or `all`. Raises ValueError for an id that is not there."""
    if "all" in wanted:
        return shown.unrecorded
    known = {one.key: one for one in shown.unrecorded}
    if missing := [key for key in wanted if key not in known]:
        raise ValueError(say.no_such_id(missing[0]))
    return tuple(known[key] for key in wanted)


def model_of(store: Store, typed: str) -> str:
    """The unique id of a model that a person names. Raises ValueError where there is no index yet, NoSuchModel."""
    index = store.index()
    if index is None:
        raise ValueError(say.no_index())
    return lookup.find(index, typed).unique_id


def held_models(store: Store, found: Sequence[Unrecorded]) -> dict[Unrecorded, str]:
    """The model that each undo put on hold, as far as the index or an earlier refresh knows which one it is."""
    index = store.index()
    models = {r.prod: r.unique_id for r in reversed(store.recent(1000))}
    models |= {entry.prod: entry.unique_id for entry in (index.entries if index else ()) if entry.prod}
    return {one: models[one.table] for one in found if one.trace is Trace.UNDO and one.table in models}


def take_over(
    store: Store, settings: WarehouseSection, found: Sequence[Unrecorded], models: Sequence[str], said: TakenOver
) -> None:
    """What a person confirms becomes known: a line of each refresh's trail, the tables for the janitor, the holds."""
    reason = say.hold_reason(said.by, said.reason)
    holds = [Hold(unique_id=model, by=None, at=said.at, reason=reason) for model in models]
    for one in found:
        number = int(one.ref[1:])
        if one.table.sql == one.key:
            keep = settings.keep_backup if one.trace in BACKUPS else settings.keep_dev
            store.record_object(one.table, one.trace, number, said.at + keep)
        refresh = store.get(number)
        if refresh is not None and refresh.prod == one.table:
            event = Noted(at=said.at, text=say.taken_over(one, said.by, said.reason, said.at))
            store.commit(refresh, refresh, event=event)
    store.take_over(found, said, holds)


def told(shown: Shown) -> str:
    """For machines; docs/operations.md says what stands in it."""
    answer: dict[str, Any] = {
        "version": VERSION,
        "installation": shown.installation,
        "whole": shown.whole,
        "unrecorded": [plain(one) | {"table": str(one.table)} | _source(one) for one in shown.unrecorded],
        "foreign": [str(table) for table in shown.foreign],
    }
    return json.dumps(answer, indent=2, sort_keys=True)


def _source(one: Unrecorded) -> dict[str, str | None]:
    return {"source": str(one.source) if one.source else None}


def show(shown: Shown, tell: Callable[[str], object]) -> None:
    """For people: first what changed production, then what is only left in dev, then what is not ours."""
    now = datetime.now(UTC)
    for one in sorted(shown.unrecorded, key=lambda one: (one.trace not in OF_PRODUCTION, one.at, one.key)):
        tell(f"{one.key}\n    {say.line(one, now)}")
    tell(say.summary(len(shown.unrecorded), shown.whole))
    if shown.foreign:
        tell(say.foreign(shown.foreign))
