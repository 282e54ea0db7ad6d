"""Where a clone would break what hangs on production: the statement with which a person can bring the rows over instead.

The bot itself promotes by clone only. INSERT OVERWRITE keeps owner, grants, policies, streams and materialized views.
"""

from __future__ import annotations

from bot.model import Refresh, Verdict, quote

_KEPT = frozenset({"safety:policies", "safety:streams", "safety:dynamic tables", "safety:views", "safety:kind"})


def statements(refresh: Refresh) -> list[str]:
    """Lines for the details file; none where nothing of this stands in the way."""
    findings = refresh.report.findings if refresh.report else ()
    if refresh.plan is None or refresh.candidate is None:
        return []
    if not any(f.name in _KEPT and f.verdict is Verdict.FAIL for f in findings):
        return []
    columns = ", ".join(quote(c.name) for c in refresh.plan.prod.columns)
    return [
        "-- In one statement, as a role with INSERT and DELETE on production and SELECT on the candidate that sees",
        "-- every value unmasked; it rewrites the table. Streams will show the difference, Time Travel goes back.",
        f"INSERT OVERWRITE INTO {refresh.prod.sql} ({columns})",
        f"SELECT {columns} FROM {refresh.candidate.relation.sql};",
    ]
