"""The views that read production, as far as they are known: by their text, hidden ones of its database, and dbt's; pure."""

from __future__ import annotations

from bot.inspection import HIDDEN, SUSPENDED
from bot.model import Plan, Relation, Table


def views(plan: Plan, prod: Table) -> list[Relation]:
    """Plain views, sorted. dbt knows those of other databases, whatever our role may list there."""
    listed = [view.removesuffix(HIDDEN) for view in prod.views or () if not view.endswith(SUSPENDED)]
    return sorted({*map(Relation.parse, listed), *known_to_dbt(plan)})


def known_to_dbt(plan: Plan) -> set[Relation]:
    """Views that read the model directly."""
    direct = (r for r in plan.readers if r.depth == 1 and r.materialized == "view")
    return {r.prod for r in direct if r.prod is not None}
