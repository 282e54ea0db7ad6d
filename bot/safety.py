"""Is it safe to replace production by this candidate? From two tables as the warehouse describes them; pure.

Not visible is `unknown`, never `nothing there`. `prod` should be read by the promoter, who sees most.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from bot import dependents, separation
from bot.checks import finding
from bot.inspection import SUSPENDED, hides
from bot.model import Column, Finding, Kind, Plan, Table, Upstream, Verdict
from bot.settings import Settings


def findings(
    plan: Plan,
    prod: Table | None,
    candidate: Table,
    upstream: Upstream,
    settings: Settings,
    builder_roles: Collection[str] | None,
) -> list[Finding]:
    """One finding for each thing that a replacement could break, `prod` as it is now.

    `builder_roles` are all that the builder may take; None: not visible.
    """
    if prod is None:
        return [finding("safety", Verdict.FAIL, {"prod": str(plan.prod.relation)}, name="safety:gone")]
    waivable, promoter = settings.policy.waive_unknown, settings.warehouse.promoter.role
    builder = settings.warehouse.builder.role
    return [
        _kind(plan.prod, prod, candidate),
        _owner(prod, promoter),
        _separation(prod, builder, builder_roles, waivable),
        _columns(plan.prod, prod),
        _policies(prod, upstream, waivable),
        _tags(prod, candidate, waivable),
        _streams(prod, waivable, promoter),
        _must_be_none("dynamic tables", prod.dynamic_tables, waivable, promoter),
        _views(plan, prod, candidate, waivable),
        _metadata(prod, candidate),
        _keys(prod, candidate, waivable),
        _metric_functions(prod, promoter),
        _target(plan),
    ]


def _kind(planned: Table, prod: Table, candidate: Table) -> Finding:
    """Prod still what was planned, and a candidate that can become it: transient never becomes permanent (002120)."""
    fits = candidate.kind is prod.kind or (prod.kind is Kind.TRANSIENT and candidate.kind is Kind.PERMANENT)
    good = fits and prod.kind is planned.kind and prod.kind in (Kind.PERMANENT, Kind.TRANSIENT)
    numbers = {"prod": prod.kind.value, "planned": planned.kind.value, "candidate": candidate.kind.value}
    return finding("safety", Verdict.PASS if good else Verdict.FAIL, numbers, name="safety:kind")


def _owner(prod: Table, promoter_role: str) -> Finding:
    """The role that replaces a table owns it afterwards: it must be the one that owns it now."""
    good = prod.owner.upper() == promoter_role.upper()
    numbers = {"owner": prod.owner, "promoter": promoter_role}
    return finding("safety", Verdict.PASS if good else Verdict.FAIL, numbers, name="safety:owner")


def _separation(prod: Table, builder: str, roles: Collection[str] | None, waivable: bool) -> Finding:
    """Whoever runs dbt only reads here: by its own rights, by those of a role that it may take, by everybody's."""
    name, found = "safety:separation", separation.judge(prod, roles)
    if found.wrong:
        numbers: dict[str, object] = {"role": builder, "grants": list(map(str, found.wrong))}
        return finding("safety", Verdict.FAIL, numbers, name=name)
    if found.unseen:
        numbers = {"role": builder, "visible": False, "unseen": list(found.unseen)}
        return finding("safety", Verdict.UNKNOWN, numbers, name=name, waivable=waivable)
    return finding("safety", Verdict.PASS, {"role": builder, "grants": []}, name=name)


def _columns(planned: Table, prod: Table) -> Finding:
    """Prod's columns are still those that everything was compared with."""
    before, now = _shape(planned.columns), _shape(prod.columns)
    numbers: dict[str, object] = {"columns": len(now)}
    if before != now:
        numbers["changed"] = sorted({name for name, _ in set(before) ^ set(now)})
    return finding("safety", Verdict.PASS if before == now else Verdict.FAIL, numbers, name="safety:columns")


def _shape(columns: tuple[Column, ...]) -> list[tuple[str, str]]:
    return [(c.name, c.type) for c in columns]


def _streams(prod: Table, waivable: bool, promoter: str) -> Finding:
    """A stream that our role may not see still has the table's changes recorded, as dynamic tables have."""
    found = _must_be_none("streams", prod.streams, waivable, promoter)
    if found.verdict is not Verdict.PASS or prod.change_tracking is False or prod.dynamic_tables:
        return found
    numbers = {"visible": prod.change_tracking is not None, "role": promoter, "tracked": str(prod.relation)}
    return finding("safety", Verdict.UNKNOWN, numbers, name="safety:streams", waivable=waivable)


def _must_be_none(what: str, found: tuple[str, ...] | None, waivable: bool, promoter: str) -> Finding:
    """Streams go stale, dynamic tables start over."""
    name = f"safety:{what}"
    if found is None:
        return finding("safety", Verdict.UNKNOWN, {"visible": False, "role": promoter}, name=name, waivable=waivable)
    verdict = Verdict.FAIL if found else Verdict.PASS
    return finding("safety", verdict, {"count": len(found), "names": list(found)}, name=name)


def _policies(prod: Table, upstream: Upstream, waivable: bool) -> Finding:
    """On prod a clone would lose them. On what the model reads, only who made them knows whether they mask the builder."""
    numbers = {
        "visible": prod.policies is not None,
        "names": list(prod.policies or ()),
        "hiding": [policy for policy in prod.policies or () if hides(policy)],
        "upstream": list(upstream.policies),
        "unseen": list(upstream.unseen),
        "filtered": list(upstream.filtered),
        "hidden": upstream.hidden,
    }
    lost = prod.policies or upstream.hidden
    known = prod.policies is not None and not (upstream.policies or upstream.unseen or upstream.filtered)
    verdict = Verdict.FAIL if lost else Verdict.PASS if known else Verdict.UNKNOWN
    return finding("safety", verdict, numbers, name="safety:policies", waivable=waivable and not lost)


def _tags(prod: Table, candidate: Table, waivable: bool) -> Finding:
    """COPY TAGS keeps prod's tags with their values, and adds those of the candidate that prod does not have."""
    if prod.tags is None:
        return finding("safety", Verdict.UNKNOWN, {"visible": False}, name="safety:tags", waivable=waivable)
    if candidate.tags is None:
        numbers = {"visible": False, "side": "the candidate"}
        return finding("safety", Verdict.UNKNOWN, numbers, name="safety:tags", waivable=waivable)
    own = set(map(_tagged, prod.tags))
    added = sorted(tag for tag in candidate.tags if _tagged(tag) not in own)
    numbers = {"count": len(prod.tags), "names": list(prod.tags), "added": added}
    return finding("safety", Verdict.WARN if added else Verdict.PASS, numbers, name="safety:tags")


def _tagged(tag: str) -> tuple[str, str]:
    """`A.B.T = value on COLUMN` without the value."""
    name, _, rest = tag.partition(" = ")
    return name, rest.rpartition(" on ")[2] if " on " in rest else ""


def _views(plan: Plan, prod: Table, candidate: Table, waivable: bool) -> Finding:
    """Plain views go on by name while the columns stay; a materialized one would be suspended."""
    if prod.views is None:
        return finding("safety", Verdict.UNKNOWN, {"visible": False}, name="safety:views", waivable=waivable)
    materialized = [view for view in prod.views if view.endswith(SUSPENDED)]
    same = [c.name for c in prod.columns] == [c.name for c in candidate.columns]
    found = dependents.names(plan, prod)
    numbers = {"count": len(found), "names": found, "columns_same": same}
    verdict = Verdict.FAIL if materialized else Verdict.PASS if same else Verdict.WARN
    return finding("safety", verdict, numbers, name="safety:views")


def _metadata(prod: Table, candidate: Table) -> Finding:
    """What a clone brings from the candidate and no clause keeps: said before, and expected by the verification."""
    changes = [name for name in ("comment", "clustering") if getattr(prod, name) != getattr(candidate, name)]
    if None not in (prod.retention, candidate.retention) and prod.retention != candidate.retention:
        changes.append("retention")
    if "clustering" in changes and prod.reclustering:
        changes.append("reclustering")
    lost = {"change tracking": "change_tracking", "search optimization": "search_optimization"}
    changes += [name for name, field in lost.items() if getattr(prod, field) and getattr(candidate, field) is False]
    new = {c.name: c for c in candidate.columns}
    for what, field in (("column comments", "comment"), ("column defaults", "default")):
        own = ((getattr(c, field), getattr(new.get(c.name, c), field)) for c in prod.columns)
        changes += [what] if any(was and was != then for was, then in own) else []
    return finding("safety", Verdict.WARN if changes else Verdict.PASS, {"changes": changes}, name="safety:metadata")


def _keys(prod: Table, candidate: Table, waivable: bool) -> Finding:
    """A clone brings the candidate's; the foreign keys of others go with the table that they refer to."""
    name = "safety:keys"
    if prod.keys is None or prod.referenced_by is None:
        return finding("safety", Verdict.UNKNOWN, {"visible": False}, name=name, waivable=waivable)
    if candidate.keys is None:
        numbers = {"visible": False, "side": "the candidate"}
        return finding("safety", Verdict.UNKNOWN, numbers, name=name, waivable=waivable)
    numbers = {
        "lost": sorted(set(prod.keys) - set(candidate.keys)),
        "added": sorted(set(candidate.keys) - set(prod.keys)),
        "referenced_by": list(prod.referenced_by),
    }
    return finding("safety", Verdict.WARN if any(numbers.values()) else Verdict.PASS, numbers, name=name)


def _metric_functions(prod: Table, promoter: str) -> Finding:
    """A clone has none, whatever the candidate has. They watch rows and change none, so not to see them keeps nobody waiting."""
    name = "safety:metric functions"
    if prod.metric_functions is None:
        unseen = finding("safety", Verdict.UNKNOWN, {"visible": False, "role": promoter}, name=name)
        return replace(unseen, blocks=False)
    found = prod.metric_functions
    return finding("safety", Verdict.WARN if found else Verdict.PASS, {"names": list(found)}, name=name)


def _target(plan: Plan) -> Finding:
    """`{% if target.name == 'dev' %} limit ...`: built in dev, it may be less than production would build."""
    verdict = Verdict.WARN if plan.mentions_target else Verdict.PASS
    return finding("safety", verdict, {"mentions_target": plan.mentions_target}, name="safety:target")
