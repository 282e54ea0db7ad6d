"""Whether production and the candidate are still what was compared: tokens first, a scan only where one moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.model import Problem, Refresh, Relation, Snapshot
from bot.session import ReadFailed, Session, SqlError
from bot.wording import production as say

RECHECK, REBUILD = "stale:recheck", "stale:rebuild"  # Problem.kind: which way out is offered


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look at prod and candidate found. `note` is for the trail: metadata moved, content equal."""

    problem: Problem | None = None
    note: str = ""


def look(session: Session, refresh: Refresh, now: datetime) -> Look:
    """Compare with what was compared (design section 2.8). Any session that reads both will do."""
    baseline, candidate = refresh.baseline, refresh.candidate
    assert baseline is not None and candidate is not None  # only asked once both are frozen
    token = session.token(refresh.prod)
    if token is None:
        return Look(problem=Problem(kind=REBUILD, text=say.prod_gone(refresh.prod)))
    if moved(session, candidate):
        return Look(problem=Problem(kind=REBUILD, text=say.candidate_changed(candidate.relation)))
    if token == baseline.prod_token:
        return Look()
    content = session.content(refresh.prod)
    if content == baseline.content:
        return Look(note="metadata changed, content equal")
    text = say.prod_changed(baseline.content, content, baseline.taken_at, now)
    return Look(problem=Problem(kind=_way_out(session, refresh, candidate.relation), text=text))


def way_on(session: Session, refresh: Refresh, now: datetime) -> str:
    """Which way out is offered where something else than production's content is in the way. Raises as the session."""
    try:
        seen = look(session, refresh, now)
    except (SqlError, ReadFailed):
        return REBUILD
    return seen.problem.kind if seen.problem else RECHECK


def moved(session: Session, snapshot: Snapshot) -> bool:
    """Whether a frozen copy holds something else by now."""
    token = session.token(snapshot.relation)
    return token != snapshot.token and (token is None or session.content(snapshot.relation) != snapshot.content)


def _way_out(session: Session, refresh: Refresh, candidate: Relation) -> str:
    """Re-check needs every key of prod in the candidate: a promotion would otherwise lose the rows that came since."""
    grain = refresh.plan.rules.grain.columns if refresh.plan else ()
    if not grain:
        return REBUILD
    row = session.rows("inspect/missing_keys", left=refresh.prod, right=candidate, grain=grain)[0]
    return REBUILD if row["missing"] else RECHECK
