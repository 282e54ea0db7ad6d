"""The audit trail of a refresh: a chain of hashes, so that a changed, removed or inserted line shows; pure.

The store appends `link(...)` in the transaction of the change itself. `verify` needs nothing but the lines.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

START = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event. `data` is the event's fields as canonical JSON; `state` and `revision` are those after it."""

    refresh: int
    n: int  # 1, 2, 3 ... without gaps
    at: str
    event: str
    state: str
    revision: int
    data: str
    hash: str


def link(previous: Line | None, *, refresh: int, at: str, event: str, state: str, revision: int, data: str) -> Line:
    """The next line of the chain, with its hash over all of it and the hash before."""
    n = previous.n + 1 if previous else 1
    bare = Line(refresh=refresh, n=n, at=at, event=event, state=state, revision=revision, data=data, hash="")
    return Line(**{**asdict(bare), "hash": _hash(bare, head([previous] if previous else []))})


def head(lines: Sequence[Line]) -> str:
    """The hash that stands for the whole chain."""
    return lines[-1].hash if lines else START


def verify(lines: Sequence[Line]) -> Line | None:
    """The first line that does not follow from the ones before it, or None when the chain is whole.

    Lines cut off at the end cannot be seen from the lines alone: compare `head` with the one posted in Slack.
    """
    before = START
    for n, line in enumerate(lines, 1):
        if line.n != n or line.refresh != lines[0].refresh or line.hash != _hash(line, before):
            return line
        before = line.hash
    return None


def as_json(lines: Sequence[Line]) -> str:
    """The trail for machines: the verdict, the head, and every line with its data unfolded."""
    broken = verify(lines)
    document = {
        "refresh": lines[0].refresh if lines else None,
        "whole": broken is None,
        "broken_line": broken.n if broken else None,
        "head": head(lines),
        "lines": [{**asdict(line), "data": json.loads(line.data)} for line in lines],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_text(lines: Sequence[Line]) -> str:
    """The trail for people: when, what, who, in which state it left the refresh, and the facts that are short."""
    broken = verify(lines)
    shown = [_shown(line) + ("   <- the chain breaks here" if line is broken else "") for line in lines]
    verdict = f"broken at line {broken.n}" if broken else "whole"
    return "\n".join([*shown, "", f"{len(lines)} lines, chain {verdict}, head {head(lines)}"])


def _hash(line: Line, before: str) -> str:
    fields = {**asdict(line), "hash": before}
    return hashlib.sha256(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _shown(line: Line) -> str:
    data = json.loads(line.data)
    by = data.pop("by", None) or data.pop("asker", None)
    who = f" by {by['name'] or by['user_id']} ({by['user_id']})" if by else ""
    facts = ", ".join(f"{name}: {_short(value)}" for name, value in data.items() if _short(value))
    when = line.at[:19].replace("T", " ")
    return f"{line.n:>3}  {when}  {line.event}{who} -> {line.state}  [{line.hash[:8]}]" + (
        f"\n     {facts}" if facts else ""
    )


def _short(value: object) -> str:
    """A fact that fits a line; plans, reports and statements stand in the JSON export."""
    if isinstance(value, dict) and {"kind", "text"} <= value.keys():
        return str(value["text"])
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        value = ", ".join(value)
    if isinstance(value, (str, int, float, bool)):
        text = str(value)
        return text if len(text) <= 120 else text[:119] + "…"
    return ""
