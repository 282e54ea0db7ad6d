"""The views that read production, as far as they are known: by their text, hidden ones of its database, and dbt's; pure."""

from __future__ import annotations

from bot.inspection import HIDDEN, SUSPENDED
from bot.model import Plan, Relation, Table


def names(plan: Plan, prod: Table) -> list[str]:
    """Marked as `Table.views` has them, sorted. dbt knows those of other databases, whatever our role may list there."""
    listed = prod.views or ()
    bare = {name.removesuffix(HIDDEN).removesuffix(SUSPENDED) for name in listed}
    return sorted([*listed, *(_known_to_dbt(plan) - bare)])


def views(plan: Plan, prod: Table) -> list[Relation]:
    """Those that go on by name, and can be read: plain ones, hidden or not."""
    plain = (name.removesuffix(HIDDEN) for name in names(plan, prod) if not name.endswith(SUSPENDED))
    return sorted(map(Relation.parse, plain))


def _known_to_dbt(plan: Plan) -> set[str]:
    """Views that read the model directly."""
    return {str(r.prod) for r in plan.readers if r.depth == 1 and r.materialized == "view" and r.prod is not None}
