"""Replies that are written once into the thread: how a refresh ended, or went on. They are the trail people read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.decisions import seen_undone
from bot.model import Actor, Decision, Loss, Problem, Refresh, Relation
from bot.wording import production
from bot.wording.requests import command
from bot.wording.text import clock, code, ended, listed, mention, plural, prose, sentences


def failed(problem: Problem, asker: Actor) -> str:
    return f"*Failed.* {problem.text}\nProduction was not touched.\n{notified([asker.user_id])}"


def notified(user_ids: Sequence[str]) -> str:
    """Slack tells those who are named in a new post, and nobody else."""
    return f"Notified: {listed(mention(u) for u in dict.fromkeys(user_ids))}."


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


def expired(again: str, *, late: bool = False) -> str:
    why = "It was approved, and could not be sent before its time was over" if late else "Nobody decided in time"
    return f"*Expired.* {why}, and production was not touched. To start again: {command(again)}."


def approved_one(by: Actor, missing: int, others: str) -> str:
    return sentences(f"*Approved by {mention(by)}*; {missing} more needed.", others)


def accepted(decision: Decision) -> str:
    return f"*Accepted by {mention(decision.by)} {clock(decision.at)}:* {ended(prose(decision.reason))} Production stays as it is."


def undo_refused(text: str, way_on: str) -> str:
    return sentences("*Not undone.*", text, "Production was not touched.", way_on)


def undo_anyway() -> str:
    return (
        "*Undo anyway* on the post above backs production up first, so that what is lost can be brought back, and does it "
        "all the same."
    )


def undo_by_hand(backup: Relation) -> str:
    """After a good promotion nobody throws away what was written since."""
    return f"To correct it, refresh again; single rows can be brought back by hand from the backup {code(backup)}."


def settled(by: Actor, happened: bool, reason: str, at: datetime) -> str:
    said = "it happened" if happened else "it did not happen"
    return f"*{mention(by)} {clock(at)}: {said}.* “{prose(reason)}”"


def undo_did_not_happen() -> str:
    return "*Not undone.* Production stays as it was before the undo was asked for."


def undone(refresh: Refresh) -> str:
    request = refresh.undo_request
    who = f" by {mention(request.by)}" if request else ""
    why = f"“{ended(prose(request.reason))}”" if request and request.reason else ""
    promotion, undo = refresh.promotion, refresh.undo
    hidden = production.unseen(promotion.before, undo.before) if promotion and undo else []
    return sentences(
        f"*Undone{who} {clock(refresh.changed_at)}.*",
        why,
        f"{code(refresh.prod)} is what it was before the promotion."
        if seen_undone(refresh)
        else production.undo_not_seen(refresh),
        production.undo_unseen(hidden) if hidden else "",
        f"The model is on hold: nobody can refresh it until an approver writes {command(f'unhold {refresh.name}')}.",
    )


def taken_along(kept: Relation, loss: Loss, until: datetime) -> str:
    """After an undo that lost rows of others: where they are, before the statement that brings them back."""
    rows = f"{'' if loss.exact else 'Up to '}{plural(loss.written, 'row')}"
    verb = "was" if loss.written == 1 and loss.exact else "were"
    return (
        f"*{rows} that others wrote {verb} lost by this.* Production as it was before the undo is in {code(kept)} until "
        f"{until:%Y-%m-%d}. The bot does not bring anything back; this statement adds the rows whose key production does not "
        "have now. Read it first: what changed in other rows has to be compared by hand."
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
