"""Answers about models on hold, what is left in dev, and a plan that is only a plan."""

from __future__ import annotations

from datetime import datetime

from bot.model import Plan, Refresh, Request, State
from bot.wording import downstream
from bot.wording import plan as planned
from bot.wording.card import state
from bot.wording.text import clock, code, plural, sentences

_LATE = frozenset({State.PROMOTING, State.VERIFYING, State.NEEDS_ATTENTION, State.UNDOING})


def on_hold(name: str, live: Refresh | None) -> str:
    """With the refresh of it that goes on all the same, where a statement was on its way to production already."""
    late = f"{live.ref} of it is not stopped by that: it is {state(live)}." if live and live.state in _LATE else ""
    return sentences(f"{code(name)} is on hold: nobody can refresh it until `/dbt-refresh unhold {name}`.", late)


def lifted(name: str) -> str:
    return f"The hold on {code(name)} is lifted."


def was_not_held(name: str) -> str:
    return f"{code(name)} was not on hold."


def dev_kept(until: datetime, now: datetime) -> str:
    return f"Baseline and candidate are kept until {clock(until, now)}."


def dev_dropped(count: int) -> str:
    return f"{plural(count, 'table')} dropped in dev; the backup of production is kept."


def only_planned(text: str, plan: Plan, request: Request, date_var: str) -> str:
    """The plan with what a refresh would show later: tests, readers, and that nothing was done."""
    parts = [
        text,
        planned.tests(plan),
        downstream.readers(plan, request),
        downstream.by_hand(plan, request.since, date_var),
        planned.would_send(plan),
        planned.only_a_plan(),
    ]
    return "\n".join(p for p in parts if p)
