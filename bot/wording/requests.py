"""What the bot answers when a command cannot be read or names nothing: one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from bot.wording.text import code, day, listed

COMMAND = "/dbt-refresh"


def command(text: str) -> str:
    """A complete command to copy."""
    return code(f"{COMMAND} {text}".strip())


def no_model(verb: str = "") -> str:
    """For a verb the same verb with a model; following the advice must not start a refresh."""
    if verb:
        return f"Which model? Write {command(f'{verb} <model>')}."
    return f"Which model? Write {command('<model>')}, or {command('')} alone for a form."


def not_a_model(typed: str) -> str:
    return (
        f"{code(typed)} is a person, a channel or a link, not a model: write the dbt name or `database.schema.table`."
    )


def word_too_many(typed: str, model: str) -> str:
    return (
        f"I do not know what {code(typed)} means after {code(model)}. "
        f"A note goes into {code('reason=...')}, columns into {code('columns=a,b')}; {command('help')} shows all."
    )


def unknown_option(typed: str, nearest: str) -> str:
    way_out = f"Did you mean {code(nearest + '=')}?" if nearest else f"{command('help')} shows what there is."
    return f"There is no option {code(typed + '=')}. {way_out}"


def option_twice(option: str) -> str:
    return f"{code(option + '=')} stands there twice: say it once."


def option_empty(option: str, example: str) -> str:
    return f"{code(option + '=')} has no value: write it as {code(f'{option}={example}')}."


def both_modes() -> str:
    return "A refresh is either a full refresh or a backfill: leave one of the two words out."


def backfill_needs_date(model: str, example: date) -> str:
    return f"A backfill needs a date: {command(f'{model} backfill {day(example)}')}."


def backfill_from() -> str:
    """In the form, where nobody types a command; so the two after it."""
    return "A backfill needs a date: the first day to repair."


def date_without_backfill() -> str:
    return "A full refresh rebuilds all days: choose the backfill above, or leave this empty."


def columns_without_backfill() -> str:
    return "A full refresh rebuilds every column: choose the backfill above, or leave this empty."


def two_dates(first: date, second: date) -> str:
    return (
        f"A backfill has one date, from which it repairs; I read {day(first)} and {day(second)}. "
        f"The dates that are wrong go into {code('at=' + day(second))}."
    )


def date_without_mode(model: str, when: date) -> str:
    return (
        f"What about {day(when)}? To repair from that day on: {command(f'{model} backfill {day(when)}')}; "
        f"to rebuild everything and look at that day: {command(f'{model} at={day(when)}')}."
    )


def not_a_date(typed: str) -> str:
    return f"{code(typed)} is not a date I can read: write it as {code('2026-04-08')} (year, month, day)."


def in_the_future(when: date, today: date) -> str:
    return f"{day(when)} lies in the future (today is {day(today)} in UTC): check the year and the month."


def before_the_window(at: date, since: date) -> str:
    return f"{day(at)} lies before the backfill date {day(since)} and would not be repaired: backfill from {day(at)}."


def columns_need_backfill(model: str, example: date) -> str:
    return (
        f"{code('columns=')} works with a backfill only, a full refresh rebuilds every column: "
        f"{command(f'{model} backfill {day(example)} columns=...')}, or leave it out."
    )


def not_a_column(typed: str) -> str:
    return f"{code(typed)} cannot be a column's name: write {code('columns=a,b')}, separated by commas."


def no_such_name(typed: str) -> str:
    """In a form."""
    return f"“{typed}” cannot be a column's name: write them separated by commas."


def choose_a_model() -> str:
    """In a form."""
    return "Choose a model: type two letters of its name."


def not_a_warehouse(typed: str) -> str:
    return f"{code(typed)} cannot be a warehouse's name: write {code('warehouse=NAME')}."


def not_an_id(verb: str, typed: str) -> str:
    return (
        f"{code(typed)} is not the number of a refresh: write {command(f'{verb} R42')}; {command('list')} shows them."
    )


def id_missing(verb: str) -> str:
    return f"Which one? Write {command(f'{verb} R42')}; {command('list')} shows what is going on."


def pressed_in_thread(verb: str) -> str:
    return (
        f"There is no command to {verb}: the button stands in the thread of the refresh. {command('list')} links to it."
    )


def unknown_model(typed: str, nearest: Sequence[str]) -> str:
    """`nearest` are finished descriptions: `name` (PROD.NAME)."""
    if not nearest:
        return (
            f"{code(typed)} is not a model of this project. {command('')} alone opens a form that searches as you type."
        )
    return f"{code(typed)} is not a model of this project. Did you mean {listed(nearest, 'or')}?"


def near(name: str, prod: str) -> str:
    return f"{code(name)} ({prod})" if prod else code(name)


def ambiguous(typed: str, count: int, choices: Sequence[str]) -> str:
    """A name that several production tables or several packages have."""
    ways = listed([code(c) for c in choices], "or")
    return f"{code(typed)} fits {count:,} models. Say which: {ways}."


def ambiguous_table(typed: str, count: int, choices: Sequence[str]) -> str:
    ways = listed([code(c) for c in choices], "or", most=4)
    return f"{code(typed)} is the table name of {count:,} models. Say which: {ways}."
