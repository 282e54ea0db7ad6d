"""What the audit channel gets: one line when a refresh starts and one when it ends, with a link to the thread."""

from __future__ import annotations

from bot.decisions import approvals, unverified
from bot.model import Refresh, State
from bot.wording.card import mode
from bot.wording.text import code, listed, mention, prose

_ENDS = {
    State.DONE: "promoted",
    State.REJECTED: "rejected, production untouched:",
    State.CANCELLED: "cancelled, production untouched:",
    State.EXPIRED: "expired, production untouched:",
    State.FAILED: "failed, production untouched:",
    State.UNDONE: "undid",
}


def started(refresh: Refresh, link: str) -> str:
    """R42 started ez_ethereum_metrics (backfill from 2026-04-08): asked by @alice, thread"""
    reason = f", “{prose(refresh.request.reason)}”" if refresh.request.reason else ""
    return f"{_what(refresh, 'started')}: asked by {mention(refresh.asker)}{reason} · {_thread(link)}"


def ended(refresh: Refresh, link: str, head: str) -> str:
    """R42 promoted ez_ethereum_metrics (backfill from 2026-04-08): asked by @alice, approved by @bob, thread"""
    people = [f"asked by {mention(refresh.asker)}"]
    if given := approvals(refresh):
        people.append(f"approved by {listed(mention(d.by) for d in given)}")
    if refresh.state is State.REJECTED and refresh.decisions:
        people.append(f"rejected by {mention(refresh.decisions[-1].by)}")
    if refresh.state is State.CANCELLED and refresh.cancel:
        people.append(f"cancelled by {mention(refresh.cancel)}")
    if refresh.state is State.UNDONE and refresh.undo_request:
        people.append(f"undone by {mention(refresh.undo_request.by)}")
    if refresh.acceptance:
        although = "although it could not be verified" if unverified(refresh) else "although verification failed"
        people.append(f"accepted {although} by {mention(refresh.acceptance.by)}")
    word = _ENDS.get(refresh.state, str(refresh.state))
    then = ", " if word.endswith(":") else ": "
    return f"{_what(refresh, word)}{then}{', '.join(people)} · {_thread(link)} · audit chain {code(head)}"


def head(refresh: Refresh, head: str) -> str:
    return f"Audit chain of {refresh.ref}: {code(head)}"


def _what(refresh: Refresh, verb: str) -> str:
    return f"*{refresh.ref}* {verb} {code(refresh.name)} ({mode(refresh.request)})"


def _thread(link: str) -> str:
    return f"<{link}|thread>"
