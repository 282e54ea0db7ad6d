"""What a safety finding says: what of production a replacement would break or lose, or what cannot be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.model import Finding
from bot.wording.tables import columns
from bot.wording.text import listed


def _unseen(n: dict[str, Any], what: str) -> str:
    """What cannot be seen, and the ways out: the privilege that shows it, or a waiver where the policy allows it."""
    role = n.get("role", "")
    if what == "metric functions":
        return (
            "Whether data metric functions watch production, which a replacement would take off, is not visible with our rights. "
            f"`GRANT DATABASE ROLE SNOWFLAKE.DATA_METRIC_USER TO ROLE {role}` shows Snowflake's own."
        )
    show = {
        "dynamic tables": f"`GRANT MONITOR ON DYNAMIC TABLE … TO ROLE {role}` shows what each one reads",
    }.get(what, "An administrator can look")
    unseen = f"Whether {n.get('side', 'production')} has {what} is not visible with our rights."
    return f"{unseen} {show}; {_WAIVED}"


_QUIET = "No values are shown here"
_WAIVED = "with `waive_unknown = true` in `[policy]` an approver may waive it."


def _policies_said(n: dict[str, Any]) -> str:
    """On production they would be lost; on what the model reads they may have masked or filtered the build."""
    if n["names"]:
        masked = f" The build may have read masked or filtered rows. {_QUIET}." if n.get("hiding", n["names"]) else ""
        return f"Production has policies ({_first(n['names'])}), which a replacement would drop.{masked}"
    if n.get("hidden"):
        return (
            f"The role that dbt builds with sees {n['hidden']} rows of production, so what was compared is not all of it. "
            f"{_QUIET}. Exempt it from the row access policy and ask again."
        )
    parts = []
    if n.get("filtered"):
        parts.append(
            f"The role that dbt builds with does not see all that the model reads: {_first(n['filtered'])}. {_QUIET}. "
            "Exempt the builder's role and rebuild"
        )
    if n["upstream"]:
        parts.append(
            f"What the model reads has policies ({_first(n['upstream'])}), so the build may have read masked or filtered "
            f"rows. {_QUIET}. Exempt the builder's role from them and rebuild"
        )
    unseen = [*([] if n["visible"] else ["production"]), *n["unseen"]]
    if unseen:
        has = "has" if len(unseen) == 1 else "have"
        parts.append(
            f"Whether {listed(unseen, most=4)} {has} policies is not visible with our rights. "
            "`dbt-refresh doctor` names the privileges that show them"
        )
    return f"{'. '.join(parts)}; {_WAIVED}"


def _first(names: Sequence[str]) -> str:
    return ", ".join(str(name) for name in names[:5])


def said(n: dict[str, Any], finding: Finding) -> str:
    what = finding.name.partition(":")[2]
    if what == "policies":
        return _policies_said(n)
    if what == "separation" and n.get("unseen"):
        return (
            f"Whether the role that dbt builds with, {n.get('role')}, may write to production is not known: "
            f"not visible are {listed(n['unseen'], most=4)}. An administrator can look; {_WAIVED}"
        )
    if n.get("visible") is False:
        return _unseen(n, what)
    if tracked := n.get("tracked"):
        return (
            f"Changes of production are recorded for a reader, and {n.get('role')} sees no stream that would need them. An "
            f"administrator can look; `ALTER TABLE {tracked} SET CHANGE_TRACKING = FALSE` where nobody reads them; {_WAIVED}"
        )
    names = _first(_as_list(n.get("names")))
    sentences = {
        "gone": f"{n.get('prod')} is no longer there.",
        "kind": f"production is {n.get('prod')} (planned as {n.get('planned')}), the candidate {n.get('candidate')}.",
        "owner": f"production is owned by {n.get('owner')}, not by {n.get('promoter')}, and would change its owner.",
        "separation": f"the role that dbt builds with, {n.get('role')}, may write to production: "
        f"{_first(_as_list(n.get('grants')))}. Revoke that and re-check.",
        "columns": f"production's columns changed since the plan: {columns(_as_list(n.get('changed')))}.",
        "tags": f"the candidate would add tags: {', '.join(_as_list(n.get('added')))}.",
        "streams": f"streams read production and would go stale: {names}.",
        "dynamic tables": f"dynamic tables read production and would start over: {names}.",
        "keys": f"{_keys_said(n)}.",
        "metric functions": f"data metric functions watch production and would be gone: {names}. {_BACK}",
        "target": "the model looks at the dbt target: make sure that it does not read less in dev than in production.",
        "metadata": f"production's {listed(_CALLED[c] for c in _as_list(n.get('changes')))} would become the candidate's.",
        "views": _views_said(n),
    }
    text = sentences.get(what, what)
    return text[:1].upper() + text[1:]


_BACK = "The details have the statements that bring them back."


def _views_said(n: dict[str, Any]) -> str:
    names = _first(_as_list(n.get("names")))
    hide = " or hide what they read" if "(text hidden)" in names else ""
    said = f"views read production{hide}: {names}; materialized ones are suspended, others break if they use a lost column."
    elsewhere = (
        "" if n.get("columns_same", True) else " Those of other databases are looked for only where dbt knows them."
    )
    return (said if names else "no view that reads production is known.") + elsewhere


def _keys_said(n: dict[str, Any]) -> str:
    lost, added = _as_list(n.get("lost")), _as_list(n.get("added"))
    others = list(dict.fromkeys(r.partition(" FOREIGN KEY ")[0] for r in _as_list(n.get("referenced_by"))))
    parts = [f"production would {verb} {_first(keys)}" for verb, keys in (("lose", lost), ("get", added)) if keys]
    parts += [f"foreign keys to it go with the replaced table: {_first(others)}"] if others else []
    return "; ".join(parts) + (f". {_BACK.removesuffix('.')}" if lost or others else "")


_CALLED = {
    "comment": "comment",
    "clustering": "clustering key",
    "reclustering": "automatic clustering",
    "column comments": "column comments",
    "column defaults": "column defaults",
    "retention": "retention of Time Travel",
    "change tracking": "change tracking",
    "search optimization": "search optimization",
}


def _as_list(value: object) -> list[str]:
    return [str(v) for v in value] if isinstance(value, Sequence) and not isinstance(value, str) else []
