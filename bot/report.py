"""Findings -> report, what keeps Approve shut, and the digest of what a decision is about; pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

from bot.model import Finding, Refresh, Report, Verdict
from bot.settings import Settings

CHECKS = (
    "parity",
    "left behind",
    "turned null",
    "schema",
    "grain",
    "sanity",
    "spot check",
    "tests",
    "outliers",
    "safety",
)
_ANY_RELATION = re.compile(r'"(?:[^"]|"")+"\."(?:[^"]|"")+"\."(?:[^"]|"")+"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One reason why Approve is shut. `name` is the finding's name or the group's id; "nothing": nothing would change."""

    kind: Literal["finding", "group", "nothing"]
    name: str
    waivable: bool


def assemble(*, findings: Sequence[Finding], **rest: Any) -> Report:
    """A report with its findings in the order people read them; `rest` are the report's other fields."""
    return Report(findings=tuple(sorted(findings, key=lambda f: CHECKS.index(f.check))), **rest)


def blockers(refresh: Refresh, settings: Settings) -> tuple[Blocker, ...]:
    """What still keeps Approve shut after waivers and explanations; empty without a report means: not compared yet."""
    report = refresh.report
    if report is None:
        return ()
    waived = {w.finding for w in refresh.waivers}
    explained = {e.group for e in refresh.explanations}
    broken = {f.name for f in report.findings if f.name == "parity" and f.verdict is Verdict.FAIL}
    shut = [
        Blocker(kind="finding", name=f.name, waivable=may_waive(f, settings))
        for f in report.findings
        if f.blocks and not (f.name in waived and may_waive(f, settings))
    ]
    if report.nothing_changes:
        # No explanation or waiver helps; that parity fails elsewhere has to be seen all the same.
        return (Blocker(kind="nothing", name="nothing", waivable=False), *(b for b in shut if b.name in broken))
    shut += [Blocker(kind="group", name=g.id, waivable=False) for g in report.groups if g.id not in explained]
    return tuple(shut)


def may_waive(finding: Finding, settings: Settings) -> bool:
    """Whether an approver may let this finding through; what safety could not see only where the policy says so."""
    if finding.check == "safety":
        return finding.waivable and finding.verdict is Verdict.UNKNOWN and settings.policy.waive_unknown
    return finding.waivable


def protected(report: Report) -> bool:
    """Whether a policy is known that masks or filters production or what the model reads: not everybody in a channel may see that."""
    policies = (f.numbers for f in report.findings if f.name == "safety:policies")
    return any(
        numbers.get("hiding", numbers["names"]) or any(map(numbers.get, ("upstream", "filtered", "hidden")))
        for numbers in policies
    )


def withheld(report: Report) -> Report:
    """The report without values of the data, for `post_rows = "counts"` and protected tables: counts, names and dates stay."""
    return replace(
        report,
        findings=tuple(replace(f, examples=()) for f in report.findings),
        outliers=(),
        groups=tuple(replace(g, worst=()) for g in report.groups),
        headline=None,
        series=None,
    )


def digest(refresh: Refresh, statements: Sequence[str] = ()) -> str:
    """SHA-256 (hex) of what a decision is about. No token, time, query id or name of a copy is in it.

    `statements` default to the refresh's own; the names of candidate and backup in them are blotted out.
    """
    plan, report = refresh.plan, refresh.report
    if plan is None or report is None or refresh.baseline is None or refresh.candidate is None:
        raise ValueError(f"{refresh.ref} has nothing to decide on")
    about = {
        "prod": plan.prod.relation,
        "kind": plan.prod.kind,
        "mode": refresh.request.mode,
        "selector": plan.unique_id,
        "vars": plan.vars,
        "code": plan.code,
        "dirty": plan.dirty,
        "baseline": refresh.baseline.content,
        "candidate": refresh.candidate.content,
        "checks": plan.rules,
        "verdicts": {f.name: _said(f) for f in report.findings},
        "changes": report.changes,
        "groups": report.groups,
        "nothing_changes": report.nothing_changes,
        "explanations": sorted((e.group, e.reason, e.note, e.by.user_id) for e in refresh.explanations),
        "waivers": sorted((w.finding, w.reason, w.by.user_id) for w in refresh.waivers),
        "statements": [_shape(s, plan.prod.relation.sql) for s in statements or refresh.statements],
    }
    return hashlib.sha256(canonical(about).encode()).hexdigest()


def _said(finding: Finding) -> dict[str, object]:
    return {
        "verdict": finding.verdict,
        "blocks": finding.blocks,
        "waivable": finding.waivable,
        "numbers": finding.numbers,
    }


def _shape(statement: str, prod: str) -> str:
    return _ANY_RELATION.sub(lambda m: m[0] if m[0] == prod else "<copy>", statement)


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces, the same for equal values whatever process writes it."""
    return json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, Decimal):
        text = f"{value:f}" if value.is_finite() else str(value)
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return value
