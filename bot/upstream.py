"""Is what a model reads masked or filtered for some roles? Policies on its parents, and on all that its views read.

The builder is subject to them: the candidate would hold masked values or too few rows, and a comparison by the same
role would not show it. Asked of the promoter, who sees most; what it may not see is `unseen`, never "none".
"""

from __future__ import annotations

from collections.abc import Iterable

from bot import inspection, reads
from bot.model import Relation, Upstream
from bot.session import Session


def look(session: Session, parents: Iterable[Relation]) -> Upstream:
    """Every relation once, views down to their tables."""
    waiting, seen = list(parents), set[Relation]()
    policies, unseen = set[str](), set[str]()
    texts: dict[str, dict[Relation, str] | None] = {}
    while waiting:
        relation = waiting.pop()
        if relation in seen:
            continue
        seen.add(relation)
        if relation.database not in texts:
            texts[relation.database] = session.view_texts(relation)
        views = texts[relation.database]
        is_view = views is not None and relation in views
        found = session.policies(relation, "VIEW" if is_view else "TABLE")
        below = _below(relation, views)
        if found is None or below is None:
            unseen.add(str(relation))
        policies |= {f"{policy} of {relation}" for policy in found or () if inspection.hides(policy)}
        waiting += below or ()
    return Upstream(policies=tuple(sorted(policies)), unseen=tuple(sorted(unseen)))


def _below(relation: Relation, views: dict[Relation, str] | None) -> frozenset[Relation] | None:
    """What the relation reads as a view: nothing for a table, None where it is not known."""
    if views is None:
        return None
    if relation not in views:
        return frozenset()
    return reads.relations(views[relation], relation.database, relation.schema) if views[relation] else None
