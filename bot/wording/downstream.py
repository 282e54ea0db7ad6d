"""Who reads the table: one line on the card, and what to do next once it is promoted (design 2.10)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

from bot.model import Exposure, Plan, Reader, Request
from bot.wording.text import code, day, listed, plural, prose, sentences

_COMMAND = 600  # characters of a command that still can be read in a post; readers by name make it long
NEEDS_NOTHING = frozenset({"view", "ephemeral", "materialized_view", "dynamic_table"})


def readers(plan: Plan, request: Request) -> str:
    """Reads it: 1 model, which does not use these columns. Same bad source: 28 other models, not refreshed."""
    count = len(plan.readers)
    if not count:
        reads = "Reads it: no other model."
    else:
        reads = f"Reads it: {plural(count, 'model')}{_unseen(plan.readers)}{_uses(plan.readers, request)}."
    others = plan.siblings
    source = f"Same sources: {plural(others, 'other model')}, not refreshed." if others else ""
    return sentences(reads, exposures(plan.exposures), source)


def exposures(found: Sequence[Exposure]) -> str:
    """Exposures: dashboard `ethereum_page` (Frontend)."""
    shown = [f"{prose(e.type, 40)} {code(e.name)}" + (f" ({prose(e.owner, 60)})" if e.owner else "") for e in found]
    return f"Exposures: {listed(shown, most=3)}." if shown else ""


def _uses(found: Sequence[Reader], request: Request) -> str:
    uses = sum(r.uses_columns is True for r in found)
    unknown = sum(r.uses_columns is None for r in found)
    if unknown == len(found):
        return ""
    what = "these columns" if request.columns else "a changed column"
    if len(found) == 1:
        return f", which uses {what}" if uses else f", which does not use {what}"
    rest = f", {unknown:,} unclear" if unknown else ""
    return f", of which {uses or 'none'} {'uses' if uses < 2 else 'use'} {what} (by name){rest}"


def ranked(plan: Plan) -> list[Reader]:
    """The next level, in the order in which it matters: tables that use a changed column first."""
    level = [r for r in plan.readers if r.depth == 1 and r.materialized not in NEEDS_NOTHING]
    order = {True: 0, None: 1, False: 2}
    return sorted(level, key=lambda r: (order[r.uses_columns], r.name))


def by_hand(plan: Plan, since: date | None, date_var: str) -> str:
    """What is left to do downstream, for a plan: nothing where `readers` has said that there is nothing."""
    needs = any(r.uses_columns is not False and r.materialized not in NEEDS_NOTHING for r in plan.readers)
    return follow_up(plan, since, date_var) if needs else ""


def follow_up(plan: Plan, since: date | None, date_var: str) -> str:
    """What the bot does not do by itself: totals by kind, the next level, one selector for all.

    `since`: no day before it changed; None: that is not known.
    """
    if not plan.readers:
        return "Next, by hand: nothing; no model reads this table."
    if all(r.uses_columns is False for r in plan.readers):
        who = "the model" if len(plan.readers) == 1 else "the models"
        verb = "does" if len(plan.readers) == 1 else "do"
        return f"Next, by hand: nothing; {who} downstream {verb} not use these columns."
    if all(r.materialized in NEEDS_NOTHING for r in plan.readers):
        return "Next, by hand: nothing; everything downstream is a view and shows the new rows already."
    level = ranked(plan)
    following = f"First in line: {listed([code(r.name) for r in level], most=6)}." if level else ""
    command = selector(plan, since, date_var)
    said = code(command) if len(command) <= _COMMAND else "with the command at the end of the file"
    totals = sentences(f"Next, downstream: {_totals(plan.readers)}.", following)
    full = (
        "The first day that changed is not known, so what is incremental is built in full."
        if _in_full(plan, since)
        else ""
    )
    return sentences(f"{totals}\nAll at once, by hand in production: {said}", full)


def _totals(found: Sequence[Reader]) -> str:
    """1 incremental that honours the date and 2 that need a refresh of their own, not refreshed yet; 3 views need nothing"""
    kinds = Counter(_kind(r) for r in found)
    said = {
        "dated": f"{kinds['dated']:,} incremental that {'honours' if kinds['dated'] == 1 else 'honour'} the date",
        "own": plural(kinds["own"], "that needs a refresh of its own", "that need a refresh of their own"),
    }
    waiting = f"{listed([words for kind, words in said.items() if kinds[kind]])}, not refreshed yet"
    views = plural(kinds["view"], "view needs nothing", "views need nothing") if kinds["view"] else ""
    return "; ".join(filter(None, [waiting, views]))


def _kind(reader: Reader) -> str:
    if reader.materialized in NEEDS_NOTHING:
        return "view"
    return "dated" if reader.materialized == "incremental" and reader.honours_date else "own"


def selector(plan: Plan, since: date | None, date_var: str) -> str:
    """One command for everything downstream; the date for those that honour it, the others ignore it.

    An incremental model would keep its old rows without a date: where none is known it is built in full.
    """
    dated = since is not None and any(_kind(r) == "dated" for r in plan.readers)
    variables = f' --vars \'{{"{date_var}": "{day(since)}"}}\'' if dated and since else ""
    full = " --full-refresh" if _in_full(plan, since) else ""
    roots = [f"{name}+" for name in (plan.name, *sorted(r.name for r in plan.readers if r.by_name))]
    return f"dbt build --select {' '.join(roots)} --exclude {plan.name}{full}{variables}"


def _in_full(plan: Plan, since: date | None) -> bool:
    return since is None and any(r.materialized == "incremental" for r in plan.readers)


def in_order(plan: Plan, since: date | None, date_var: str) -> str:
    """Every descendant, nearest first, as a plain text file; then the command for all of them."""
    found = plan.readers
    words = {True: "uses a changed column", False: "", None: "columns unclear"}
    order = sorted(found, key=lambda r: (r.depth, {True: 0, None: 1, False: 2}[r.uses_columns], r.name))
    lines = [
        "\t".join(
            [str(r.depth), r.name, str(r.prod or ""), r.materialized, words[r.uses_columns], _read_by(r)]
        ).rstrip()
        for r in order
    ]
    return (
        "\n".join(["level\tmodel\tproduction\tkind\tcolumns\tread", *lines, "", selector(plan, since, date_var)]) + "\n"
    )


def _read_by(reader: Reader) -> str:
    return "by name, not by ref" if reader.by_name else ""


def _unseen(found: Sequence[Reader]) -> str:
    """dbt's own lineage misses these; people who know it would not look for them."""
    count = sum(r.by_name for r in found)
    return f" ({count:,} by name, not by ref)" if count else ""


def list_posted(count: int) -> str:
    return f"All {plural(count, 'model')} downstream, in the order in which to refresh them."
