"""The details file: everything that was found and sent, as plain text; the thread shows the short of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate

import bot
from bot.model import Build, Finding, Origin, Plan, Refresh, Report, Snapshot, TestResult
from bot.wording import by_hand, tables
from bot.wording.counts import summary
from bot.wording.sentences import line
from bot.wording.text import plain, plural


def details(refresh: Refresh) -> str:
    """Names, versions, every finding with its numbers, examples and query ids, and the statements, in that order."""
    parts = [_head(refresh)]
    if refresh.plan:
        parts.append(_plan(refresh.plan))
    parts.append(_frozen("Baseline", refresh.baseline))
    if refresh.build:
        parts.append(_build(refresh.build))
    parts.append(_frozen("Candidate", refresh.candidate))
    if refresh.report:
        parts += [_report(refresh.report), *(_finding(f) for f in refresh.report.findings)]
    if refresh.statements:
        parts.append(_section("What Approve sends", [s.rstrip().rstrip(";") + ";" for s in refresh.statements]))
    if instead := by_hand.statements(refresh):
        parts.append(_section("What a person can run instead", instead))
    if after := by_hand.afterwards(refresh):
        parts.append(_section("What a person can run afterwards", after))
    if refresh.digest:
        parts.append(_section("Digest", [refresh.digest]))
    return "\n\n".join(filter(None, parts)) + "\n"


def _section(title: str, lines: Iterable[str]) -> str:
    return "\n".join([title, "-" * len(title), *lines])


def _facts(*pairs: tuple[str, object]) -> list[str]:
    return [f"{name:<18}{value}" for name, value in pairs if value not in (None, "", (), [])]


def _head(refresh: Refresh) -> str:
    request = refresh.request
    facts = _facts(
        ("asked", f"{refresh.created_at:%Y-%m-%d %H:%M:%S} UTC by {refresh.asker.user_id}"),
        ("mode", request.mode.value + (f" from {request.since}" if request.since else "")),
        ("columns", ", ".join(request.columns)),
        ("wrong dates", ", ".join(d.isoformat() for d in request.dates)),
        ("reason", request.reason),
        ("dbt-refresh", bot.__version__),
    )
    return _section(f"{refresh.ref} {refresh.name}", facts)


def _plan(plan: Plan) -> str:
    rules = plan.rules
    facts = _facts(
        ("model", f"{plan.unique_id} ({plan.materialized})"),
        ("production", f"{plan.prod.relation} ({plan.prod.kind.value}, owner {plan.prod.owner})"),
        ("dev", plan.dev),
        ("warehouse", plan.warehouse + (" (asked for)" if plan.warehouse_override else "")),
        ("code", plan.code + (" with local changes" if plan.dirty else "")),
        ("vars", ", ".join(f"{k}={v}" for k, v in plan.vars.items())),
        ("grain", _known(rules.grain)),
        ("date column", _known(rules.date_column)),
        ("report over", f"{rules.report_over:g}, to explain over {rules.explain_over:g}"),
        ("hooks", "; ".join(plan.hooks)),
    )
    return _section("Plan", [*facts, *(f"reads             {p}" for p in plan.parents), *plan.notes])


def _known(found: Origin) -> str:
    return f"{', '.join(found.columns)}, {tables.origin(found.source)}" if found.columns else "none"


def _frozen(title: str, frozen: Snapshot | None) -> str:
    if frozen is None:
        return ""
    facts = _facts(
        ("table", f"{frozen.relation} ({frozen.kind.value})"),
        ("rows", f"{frozen.content.rows:,}"),
        ("hash (64 bit)", frozen.content.hash),
        ("taken", f"{frozen.taken_at:%Y-%m-%d %H:%M:%S} UTC"),
    )
    return _section(title, facts)


def _build(build: Build) -> str:
    facts = _facts(
        ("dbt", build.dbt_version),
        ("invocation", build.invocation_id),
        ("took", f"{build.seconds:.1f} s"),
        ("rows affected", build.rows_affected),
        ("query ids", ", ".join(build.query_ids)),
        ("hooks", "; ".join(build.hooks)),
    )
    return _section("Build", [*facts, *map(_test, build.tests)])


def _test(test: TestResult) -> str:
    failures = f", {plural(test.failures, 'failure')}" if test.failures else ""
    return f"test              {test.name}: {test.status}{failures}"


def _report(report: Report) -> str:
    changed = [
        [tables.column(c.column), f"{c.history:,}", f"{c.window:,}", "yes" if c.allowed else "no"]
        for c in report.changes
    ]
    table = tabulate(changed, ["column", "history", "window", "expected"], disable_numparse=True) if changed else ""
    groups = [f"{g.id}  {tables.group(g)}" for g in report.groups]
    made = f"{plural(report.statements, 'statement')} in {report.seconds:.1f} s"
    lines = [f"{report.columns_compared} columns compared, {made}. Equal hashes are evidence (64 bit), not proof.", ""]
    lines += [summary(report), "", "Columns that changed (rows)", table or "none"]
    return _section("Comparison", [*lines, *(["", "Groups to explain", *groups] if groups else [])])


def _finding(finding: Finding) -> str:
    numbers = [f"{name:<24}{_value(value)}" for name, value in finding.numbers.items()]
    examples = (
        tabulate([list(e.values()) for e in finding.examples], list(finding.examples[0]), disable_numparse=True)
        if finding.examples
        else ""
    )
    ids = ["query ids               " + ", ".join(filter(None, finding.query_ids))] if any(finding.query_ids) else []
    lines = [plain(line(finding)), *numbers, *ids, *(["", examples] if examples else [])]
    return _section(f"{finding.name}: {finding.verdict.value}", lines)


def _value(value: object) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
