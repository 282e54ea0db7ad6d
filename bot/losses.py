"""Count what an undo would take along: rows of production that are neither the candidate's nor the backup's."""

from __future__ import annotations

from collections.abc import Sequence

from bot import guards
from bot.model import Loss, Refresh, Relation, Snapshot
from bot.session import Session


def count(
    session: Session, refresh: Refresh, backup: Snapshot, production: Relation, breaks: Sequence[str] = ()
) -> Loss:
    """Count the rows of `production`, the table itself or a frozen copy of it. Raises SqlError, Unreachable.

    Without the candidate the refresh's own rows count as well: too many are named then, never too few.
    """
    sides = [("prod", production), ("backup", backup.relation)]
    candidate = refresh.candidate
    exact = candidate is not None and not guards.moved(session, candidate)
    if candidate is not None and exact:
        sides.append(("candidate", candidate.relation))
    known = {name: [c.name for c in session.columns(relation)] for name, relation in sides}
    content = session.content(production)
    row = session.rows(
        "inspect/lost_rows",
        columns=sorted(known["prod"]),
        sides=[{"name": name, "relation": relation, "columns": known[name]} for name, relation in sides],
    )[0]
    return Loss(
        production=content,
        written=int(row["written"]),
        removed=int(row["removed"]),
        exact=exact,
        breaks=tuple(breaks),
    )
