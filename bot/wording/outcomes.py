"""Replies that are written once into the thread: how a refresh ended, or went on. They are the trail people read."""

from __future__ import annotations

from datetime import datetime

from bot.model import Actor, Decision, Problem, Refresh
from bot.wording import production
from bot.wording.requests import command
from bot.wording.text import clock, code, ended, mention, prose, sentences


def failed(problem: Problem) -> str:
    return f"*Failed.* {problem.text}\nProduction was not touched."


def rejected(decision: Decision) -> str:
    return f"*Rejected by {mention(decision.by)} {clock(decision.at)}:* {ended(prose(decision.reason))} Production was not touched."


def cancelled(by: Actor | None, refresh: Refresh) -> str:
    who = f" by {mention(by)}" if by else ""
    return f"*Cancelled{who} {clock(refresh.changed_at)}.* Production was not touched."


def not_begun(refresh: Refresh, text: str) -> str:
    """For the asker alone, who may wait for several: no card will come."""
    return f"*{refresh.ref} of {code(refresh.name)} could not begin.* {text}"


def cancelled_unplanned(refresh: Refresh) -> str:
    """For the asker alone: nobody else has seen anything of it yet."""
    who = f" by {mention(refresh.cancel)}" if refresh.cancel else ""
    when = clock(refresh.changed_at)
    return f"*{refresh.ref} of {code(refresh.name)} was cancelled{who} {when}.* Production was not touched."


def expired(again: str) -> str:
    return f"*Expired.* Nobody decided in time, and production was not touched. To start again: {command(again)}."


def approved_one(by: Actor, missing: int, others: str) -> str:
    return sentences(f"*Approved by {mention(by)}*; {missing} more needed.", others)


def accepted(decision: Decision) -> str:
    return f"*Accepted by {mention(decision.by)} {clock(decision.at)}:* {ended(prose(decision.reason))} Production stays as it is."


def undo_refused(text: str, can_force: bool) -> str:
    forced = "*Undo anyway* on the post above does it all the same and names what is lost." if can_force else ""
    return sentences("*Not undone.*", text, "Production was not touched.", forced)


def settled(by: Actor, happened: bool, reason: str, at: datetime) -> str:
    said = "it happened" if happened else "it did not happen"
    return f"*{mention(by)} {clock(at)}: {said}.* “{prose(reason)}”"


def undo_did_not_happen() -> str:
    return "*Not undone.* The undo did not reach production, which stays as it was promoted."


def undone(refresh: Refresh) -> str:
    who = f" by {mention(refresh.undo_request.by)}" if refresh.undo_request else ""
    promotion, undo = refresh.promotion, refresh.undo
    hidden = production.unseen(promotion.before, undo.before) if promotion and undo else []
    return sentences(
        f"*Undone{who} {clock(refresh.changed_at)}.* {code(refresh.prod)} is what it was before the promotion.",
        production.undo_unseen(hidden) if hidden else "",
        f"The model is on hold: nobody can refresh it until an approver writes {command(f'unhold {refresh.name}')}.",
    )


def compiled_sql(ref: str) -> str:
    return f"The compiled SQL of {ref}."


def no_words(ref: str, about: str) -> str:
    """In place of a message that could not be made: a mistake in the bot, which stops nothing."""
    what = prose(about.replace("_", " "))
    return (
        f"*The message about {what} could not be put into words:* a mistake in the bot, whose log says more. "
        f"{ref} goes on; {command(f'status {ref}')} says where it stands."
    )


def no_file(name: str) -> str:
    return f"_{prose(name)} could not be written._ The bot's log says why."
