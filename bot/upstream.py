"""Is what a model reads masked or filtered for some roles? Policies on its parents, and on all that its views read; and
rows that the catalog counts and the builder does not see, whatever policies are visible.

The builder is subject to them: the candidate would hold masked values or too few rows, and a comparison by the same
role would not show it. Asked of the promoter, who sees most; what it may not see is `unseen`, never "none".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress

from bot import inspection, reads
from bot.model import Kind, Relation, Snapshot, Upstream
from bot.session import Session, SqlError


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
    return Upstream(policies=tuple(sorted(policies)), unseen=tuple(sorted(unseen)), reached=tuple(sorted(seen)))


def _below(relation: Relation, views: dict[Relation, str] | None) -> frozenset[Relation] | None:
    """What the relation reads as a view: nothing for a table, None where it is not known."""
    if views is None:
        return None
    if relation not in views:
        return frozenset()
    return reads.relations(views[relation], relation.database, relation.schema) if views[relation] else None


def hidden(frozen: Snapshot) -> str:
    """`12 of 20`: the rows of a frozen copy that were seen, of those that the catalog knows; "" when they are all there.

    A catalog that keeps the number to itself says nothing (Snowflake's pages do not tell whether it does).
    """
    return _part(frozen.content.rows, frozen.token.row_count)


def filtered(session: Session, relations: Iterable[Relation]) -> tuple[str, ...]:
    """Tables of which this session sees fewer rows than the catalog counts, before and after: a row access policy."""
    tables = _known(session, list(relations))
    seen: dict[Relation, int] = {}
    for relation in tables:
        with suppress(SqlError):  # read by the owner of a view, or gone by now: proves nothing
            seen[relation] = int(session.rows("inspect/seen_rows", relation=relation)[0]["seen"])
    suspects = [relation for relation, rows in seen.items() if rows < tables[relation]]
    again = _known(session, suspects) if suspects else {}
    return tuple(
        f"{relation} ({_part(seen[relation], tables[relation])} rows)"
        for relation in sorted(suspects)
        if again.get(relation) == tables[relation]
    )


def _part(seen: int, known: int) -> str:
    return f"{seen:,} of {known:,}" if seen < known else ""


def _known(session: Session, relations: Collection[Relation]) -> dict[Relation, int]:
    """Rows by the catalog, of plain tables only: it counts them exactly and without a scan."""
    databases: dict[str, list[Relation]] = defaultdict(list)
    for relation in relations:
        databases[relation.database].append(relation)
    found: dict[Relation, int] = {}
    for database, inside in databases.items():
        binds = {f"schema_{i}": r.schema for i, r in enumerate(inside)} | {
            f"name_{i}": r.name for i, r in enumerate(inside)
        }
        try:
            rows = session.rows("inspect/known_rows", binds, database=database, relations=inside)
        except SqlError:
            continue
        plain = [r for r in rows if inspection.kind(r) in (Kind.PERMANENT, Kind.TRANSIENT) and r["row_count"]]
        found |= {Relation(database, r["table_schema"], r["table_name"]): int(r["row_count"]) for r in plain}
    return found
