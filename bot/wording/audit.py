"""What the audit channel gets: one line for each start and end, and for whatever is done to production between them.

Each line names who did it and why, and links to the thread.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.decisions import approvals, unverified
from bot.model import Actor, Refresh, State
from bot.wording.card import mode
from bot.wording.text import code, listed, mention, plural, prose

_ENDS = {
    State.DONE: "finished",
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


def replaced(refresh: Refresh, link: str, settled: str = "") -> str:
    """R42 replaced production of ez_ethereum_metrics (full refresh): asked by @alice, “...”, approved by @bob, thread"""
    people = [_asked(refresh), _approved(refresh), settled]
    return _line(refresh, "replaced production of", people, link)


def faulty(refresh: Refresh, link: str) -> str:
    word = "could not be verified:" if unverified(refresh) else "failed its verification:"
    return _line(refresh, word, [_why(refresh), _asked(refresh), _approved(refresh)], link)


def in_doubt(refresh: Refresh, link: str) -> str:
    """Who acts on it stands in the thread; here is what it is about, and whose statement it was."""
    undo = refresh.undo_request
    people = [_by("undo asked by", undo.by, undo.reason)] if undo else [_asked(refresh), _approved(refresh)]
    return _line(refresh, "needs a person:", [_why(refresh), *people], link)


def not_replaced(refresh: Refresh, link: str, settled: str) -> str:
    word = "was not undone:" if refresh.state in (State.DONE, State.FAULTY) else "did not replace production of"
    return _line(refresh, word, [settled], link)


def settled(by: Actor, happened: bool, reason: str) -> str:
    """said to have happened by @carol, “the day is repaired”"""
    return _by(f"said {'' if happened else 'not '}to have happened by", by, reason)


def ended(refresh: Refresh, link: str, head: str, settled: str = "") -> str:
    """R42 finished ez_ethereum_metrics (backfill from 2026-04-08): asked by @alice, approved by @bob, thread"""
    people = [_by("asked by", refresh.asker, ""), _approved(refresh)]
    if refresh.state is State.REJECTED and refresh.decisions:
        people.append(_by("rejected by", refresh.decisions[-1].by, refresh.decisions[-1].reason))
    if refresh.state is State.CANCELLED and refresh.cancel:
        people.append(_by("cancelled by", refresh.cancel, ""))
    if refresh.state is State.UNDONE and refresh.undo_request:
        people += [
            _by("undone by", refresh.undo_request.by, refresh.undo_request.reason),
            _taken_along(refresh),
            settled,
        ]
    if refresh.acceptance:
        although = "although it could not be verified" if unverified(refresh) else "although verification failed"
        people.append(_by(f"accepted {although} by", refresh.acceptance.by, refresh.acceptance.reason))
    return f"{_line(refresh, _ENDS.get(refresh.state, str(refresh.state)), people, link)} · audit chain {code(head)}"


def held(name: str, by: Actor, reason: str) -> str:
    """ez_ethereum_metrics was put on hold by @bob, “Dune is moving”"""
    return f"{code(name)} was {_by('put on hold by', by, reason)}"


def lifted(name: str, by: Actor, reason: str) -> str:
    return f"The hold on {code(name)} was {_by('lifted by', by, reason)}"


def head(refresh: Refresh, head: str) -> str:
    return f"Audit chain of {refresh.ref}: {code(head)}"


def _line(refresh: Refresh, verb: str, said: Sequence[str], link: str) -> str:
    then = ", " if verb.endswith(":") else ": "
    return f"{_what(refresh, verb)}{then}{', '.join(filter(None, said))} · {_thread(link)}"


def _asked(refresh: Refresh) -> str:
    return _by("asked by", refresh.asker, refresh.request.reason)


def _approved(refresh: Refresh) -> str:
    given = approvals(refresh)
    return f"approved by {listed(mention(d.by) for d in given)}" if given else ""


def _by(did: str, by: Actor, reason: str) -> str:
    return f"{did} {mention(by)}" + (f", “{prose(reason)}”" if reason else "")


def _why(refresh: Refresh) -> str:
    """The problem on one line."""
    lines = refresh.problem.text.splitlines() if refresh.problem else []
    return " ".join(line.removeprefix("• ").strip() for line in lines).rstrip(".")


def _taken_along(refresh: Refresh) -> str:
    loss = refresh.undo.loss if refresh.undo else None
    taken = f"{plural(loss.written, 'row')} of others taken along, " if loss else ""
    return f"{taken}the model is on hold"


def _what(refresh: Refresh, verb: str) -> str:
    return f"*{refresh.ref}* {verb} {code(refresh.name)} ({mode(refresh.request)})"


def _thread(link: str) -> str:
    return f"<{link}|thread>"
