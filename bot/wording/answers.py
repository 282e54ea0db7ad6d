"""What one person is told privately, at once: a request taken, a click that came too late, a list, a mishap."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.decisions import approvals
from bot.model import Actor, Refresh, State
from bot.wording.card import mode, outcome, state
from bot.wording.requests import command
from bot.wording.text import ago, clock, code, dotted, ended, listed, mention, prose, sentences

_STOPPABLE = frozenset({State.QUEUED, State.BUILDING, State.CHECKING, State.AWAITING, State.STALE})


def link(url: str, words: str = "thread") -> str:
    return f"<{url}|{words}>" if url else ""


def queued(refresh: Refresh) -> str:
    return f"*{refresh.ref}* is on its way: {code(refresh.name)}, {mode(refresh.request)}. Its card comes here in a moment."


def planning(name: str) -> str:
    return f"Planning {code(name)}: nothing is built and nothing is changed. The plan comes here in a moment."


def busy(holder: Refresh, url: str, now: datetime) -> str:
    """R42 already refreshes this table (building, asked by @alice 3 min ago): thread. ... Wait for it, or cancel it first."""
    details = f"{state(holder)}, asked by {mention(holder.asker)} {ago(now - holder.created_at)}"
    where = f": {link(url)}" if url else ""
    cancel = command(f"cancel {holder.ref}")
    return (
        f"{holder.ref} already refreshes this table ({details}){where}. Two refreshes of one table never run at once. "
        + (f"Wait for it, or cancel it first: {cancel}." if holder.state in _STOPPABLE else "It has to end first.")
    )


def held(name: str, by: Actor | None, since: datetime, reason: str, refresh: int | None, now: datetime) -> str:
    who = f" by {mention(by)}" if by else ""
    after = f", after R{refresh} was undone" if refresh else ""
    why = f": {prose(reason)}" if reason else ""
    return (
        f"{ended(f'{code(name)} is on hold{who} since {clock(since, now)}{after}{why}')} "
        f"An approver lifts it with {command(f'unhold {name}')}."
    )


def not_here(channels: Sequence[str]) -> str:
    if not channels:
        return "Refreshes cannot be asked for anywhere yet: `slack.channels` in `refresh.toml` is empty."
    return (
        f"Refreshes are asked for in {listed([f'<#{c}>' for c in channels], 'or')}, so that everybody there sees them."
    )


def no_such_refresh(number: int) -> str:
    return f"There is no R{number}; {command('list')} shows the last ones."


def stored(action: str) -> str:
    words = {"cancel": "Cancelling", "hold": "Putting the model on hold", "unhold": "Lifting the hold"}
    return f"{words.get(action, 'Working on it')}; the answer comes here in a moment."


def old_button() -> str:
    return (
        f"This button is from an older message and does nothing any more. {command('list')} links to what is going on."
    )


def redrawn(ref: str) -> str:
    return (
        f"This button is from before an update of this bot. The buttons of {ref} were drawn anew: please press again."
    )


def elsewhere(ref: str) -> str:
    return f"This button belongs to {ref} in another channel: press it there."


def wrong_workspace() -> str:
    return "Only members of this workspace may use this bot, and you are from outside: ask someone inside."


def trouble(correlation: str) -> str:
    return f"Something went wrong here, and nothing was done. Please try again; if it stays, name {code(correlation)} to whoever runs this bot."


def moved_on(refresh: Refresh) -> str:
    """The answer to a click on what is no longer there: what happened instead, by whom and when."""
    return ended(f"{refresh.ref} has moved on and this did nothing: {_now(refresh)}")


def not_counted() -> str:
    return "What this would lose is not counted yet: press *Undo* first, which loses nothing and says it."


def _now(refresh: Refresh) -> str:
    given = listed(f"{mention(d.by)} {clock(d.at)}" for d in approvals(refresh))
    match refresh.state:
        case State.APPROVED | State.PROMOTING | State.VERIFYING | State.DONE if given:
            return f"approved by {given}, {state(refresh)}"
        case State.REJECTED | State.CANCELLED | State.EXPIRED:
            said = outcome(refresh)
            return said[:1].lower() + said[1:] if said else state(refresh)
        case State.STALE:
            return sentences("it was withdrawn.", refresh.withdrawn, "Earlier approvals no longer count.")
    return f"it is {state(refresh)} since {clock(refresh.changed_at)}"


def seen_older(refresh: Refresh) -> str:
    """For a decision on a digest that is no longer the one shown."""
    return f"What you saw of {refresh.ref} has changed meanwhile (an explanation, a waiver or a new comparison): please look again."


def not_now(refresh: Refresh) -> str:
    return f"{refresh.ref} is {state(refresh)}, so this is not possible now."


def cancelling(refresh: Refresh) -> str:
    """What a cancel does to a refresh as it is: it ends at once, unless a step runs."""
    if refresh.state in (State.BUILDING, State.CHECKING):
        return f"{refresh.ref} is being cancelled: what runs is stopped first. Production is not touched."
    return f"{refresh.ref} is cancelled. Production was not touched."


def has_columns(refresh: Refresh) -> str:
    return f"{refresh.ref} is built again with these columns already, so this changed nothing."


def nothing_to_explain(refresh: Refresh) -> str:
    return f"{refresh.ref} has no outliers to explain."


def nothing_to_waive(refresh: Refresh) -> str:
    return f"{refresh.ref} has nothing left that may be waived."


def line(refresh: Refresh, url: str, now: datetime) -> str:
    """R42 · ez_ethereum_metrics · backfill from 2026-04-08 · waiting for approval since 14:05 UTC · asked by @alice · thread"""
    return dotted(
        [
            f"*{refresh.ref}*",
            code(refresh.name),
            mode(refresh.request),
            f"{state(refresh)} since {clock(refresh.changed_at, now)}"
            if refresh.live
            else f"{state(refresh)} {clock(refresh.changed_at, now)}",
            f"asked by {mention(refresh.asker)}",
            link(url),
        ]
    )


def status(refresh: Refresh, url: str, now: datetime) -> str:
    why = refresh.problem.text if refresh.problem and not url else ""  # of what could not begin, which has no thread
    lines = [line(refresh, url, now), why or outcome(refresh), sentences(prose(refresh.progress))]
    if refresh.state is State.AWAITING and refresh.expires_at:
        lines.append(f"Expires {clock(refresh.expires_at, now)}.")
    return "\n".join(x for x in lines if x)


def nothing_going_on() -> str:
    return f"Nothing is going on. {command('<model>')} starts a refresh, {command('')} alone opens a form."


def going_on() -> str:
    return "*Going on now*"


def recent() -> str:
    return "*The last refreshes*"


def on_hold(names: Sequence[str]) -> str:
    return f"On hold: {listed([code(n) for n in names])}." if names else ""


def none_yet() -> str:
    return f"There was no refresh yet. {command('<model>')} starts one."
