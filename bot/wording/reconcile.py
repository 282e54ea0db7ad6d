"""What the bot says when Snowflake shows more than its own database knows: the database is older than production."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.model import Relation, Trace, Unrecorded
from bot.wording.text import clock, code, day, listed, plain, plural

_MOST = 5  # of what is listed in a sentence


def older_than_production(prod: Relation, found: Sequence[Unrecorded], now: datetime) -> str:
    """Found on one table: nothing more is sent to it."""
    return (
        f"Snowflake shows what this bot's database does not know of {code(prod)}: "
        f"{listed([happened(one, now) for one in found], most=_MOST)}. The database is probably an older copy that was put "
        "back, so nothing is sent to this table. An operator runs `dbt-refresh reconcile`, which shows what was found "
        "and takes it over; after that it goes on here."
    )


def happened(one: Unrecorded, now: datetime) -> str:
    """One of them, inside a sentence."""
    when = clock(one.at, now)
    match one.trace:
        case Trace.PROMOTION:
            return f"{one.ref} was promoted {when}{_running(one)}"
        case Trace.UNDO:
            return f"{one.ref} was undone {when}{_running(one)}"
        case Trace.BEFORE_UNDO:
            return f"{code(one.table)}, a copy of production with rows of others, was made {when} before {one.ref} was undone"
    return f"the {one.trace} {code(one.table)} of {one.ref} was made {when}"


def _running(one: Unrecorded) -> str:
    return "" if one.status == "SUCCESS" else f" ({one.status.lower()})"


def history_too_long(prod: Relation) -> str:
    return (
        "Snowflake's query history of the promoter was too long to be read to its end, so it is not known whether "
        f"something else of this bot changed {code(prod)}. Nothing was sent: try again when fewer refreshes run."
    )


def made_anew(prod: Relation, since: datetime) -> str:
    return (
        f"{code(prod)} was made anew after it was compared on {day(since)}, and Snowflake's query history does not reach back "
        "that far to say by whom. Re-check compares with production as it is now."
    )


def taken_over(one: Unrecorded, by: str, reason: str, now: datetime) -> str:
    """A line of the trail of the refresh."""
    return f"{happened(one, now)}, which this database did not know: taken over by {by}, “{reason}”"


def hold_reason(by: str, reason: str) -> str:
    return f"{reason} ({by}, dbt-refresh reconcile)"


def line(one: Unrecorded, now: datetime) -> str:
    """One of them in the terminal."""
    where = f" in {one.table}" if one.trace in (Trace.PROMOTION, Trace.UNDO) else ""
    source = f", from {one.source}" if one.source else ""
    return f"{plain(happened(one, now))}{where}{source}"


def summary(count: int, whole: bool) -> str:
    unread = "" if whole else " Snowflake's query history was too long to be read to its end: there may be more."
    if not count:
        return f"Snowflake shows nothing that this database does not know.{unread}"
    return (
        f"{plural(count, 'thing')} that this database does not know; nothing is promoted or undone on these tables until a "
        f"person has said what it is.{unread}\nTake over: dbt-refresh reconcile --confirm ID (or all) --by NAME --reason TEXT. "
        "An undo puts its model on hold again, unless --no-hold is given. A hold that left no trace: --hold MODEL."
    )


def foreign(tables: Sequence[Relation]) -> str:
    """Their names carry another id, so they are never mistaken."""
    return f"Of other installations, and left alone: {listed([str(t) for t in tables])}."


def no_such_id(key: str) -> str:
    return f"{key} is not the id of anything that was found: `dbt-refresh reconcile` lists them"


def no_index() -> str:
    return "the bot has not read the dbt project yet, so models are not known: start it once, or leave --hold away"


def says_who() -> str:
    return "say who confirms it and how they know: --by NAME --reason TEXT"


def not_held(one: Unrecorded) -> str:
    """An undo whose table belongs to no model that is known."""
    return f"no model is known for {one.table}, which {one.ref} undid: name it with --hold MODEL, or say --no-hold"


def question(found: Sequence[Unrecorded], models: Sequence[str]) -> str:
    holds = f" and put {listed(models)} on hold" if models else ""
    return f"Take over {plural(len(found), 'thing')}{holds}?"


def done(found: Sequence[Unrecorded], models: Sequence[str]) -> str:
    holds = f" On hold: {listed(models)}; an approver lifts it with /dbt-refresh unhold." if models else ""
    return f"Taken over: {plural(len(found), 'thing')}.{holds}"
