"""What a person can run: instead of a clone that would break what hangs on production, and after one for what it drops.

The bot itself promotes by clone only. INSERT OVERWRITE keeps owner, grants, policies, streams and materialized views.
"""

from __future__ import annotations

from bot.model import Refresh, Relation, Verdict, quote

_KEPT = frozenset({"safety:policies", "safety:streams", "safety:dynamic tables", "safety:views", "safety:kind"})
_SWITCHES = {"change tracking": "SET CHANGE_TRACKING = TRUE", "search optimization": "ADD SEARCH OPTIMIZATION"}


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


def afterwards(refresh: Refresh) -> list[str]:
    """What brings back what goes with the replaced table, in an order that works."""
    prod, numbers = refresh.prod.sql, {f.name: f.numbers for f in refresh.report.findings} if refresh.report else {}
    keys, metrics = numbers.get("safety:keys", {}), numbers.get("safety:metric functions", {})
    lines = [f"ALTER TABLE {prod} ADD {key};" for key in _strings(keys.get("lost"))]
    for reference in _strings(keys.get("referenced_by")):
        table, _, key = reference.partition(" FOREIGN KEY ")
        lines.append(f"ALTER TABLE {Relation.parse(table).sql} ADD FOREIGN KEY {key};")
    functions = [name.partition(" SCHEDULE ") for name in _strings(metrics.get("names"))]
    lines += sorted({f"ALTER TABLE {prod} SET DATA_METRIC_SCHEDULE = '{when}';" for _, _, when in functions if when})
    lines += [f"ALTER TABLE {prod} ADD DATA METRIC FUNCTION {name};" for name, _, _ in functions]
    changes = _strings(numbers.get("safety:metadata", {}).get("changes"))
    return [*lines, *(f"ALTER TABLE {prod} {what};" for name, what in _SWITCHES.items() if name in changes)]


def bring_back(refresh: Refresh) -> str:
    """Rows of others that an undo took along: those of its copy whose key is new to production and the candidate.

    Without a key, whole rows that neither holds.
    """
    undo, candidate = refresh.undo, refresh.candidate
    if undo is None or undo.kept is None:
        return ""
    columns = ", ".join(quote(c.name) for c in undo.before.columns)
    prod, key = refresh.prod.sql, refresh.plan.rules.grain.columns if refresh.plan else ()
    lines = [f"INSERT INTO {prod} ({columns})", f"SELECT {columns}", f"FROM {undo.kept.relation.sql} k"]
    if key:
        same = " AND ".join(f"p.{quote(c)} IS NOT DISTINCT FROM k.{quote(c)}" for c in key)
        lines.append(f"WHERE NOT EXISTS (SELECT 1 FROM {prod} p WHERE {same})")
    else:
        lines.append(f"MINUS SELECT {columns} FROM {prod}")
    if candidate and undo.loss and undo.loss.exact:
        lines.append(f"MINUS SELECT {columns} FROM {candidate.relation.sql}")
    return "\n".join(lines) + ";"


def _strings(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list | tuple) else []
