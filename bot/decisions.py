"""What people said about a refresh and what of it counts: explanations, waivers, approvals; pure."""

from __future__ import annotations

import json
from dataclasses import replace

from bot import events as e
from bot.model import Decision, Explanation, Finding, Refresh, Report, Waiver

NOT_VERIFIED = (
    "not verified"  # Problem.kind of a faulty one: nothing is known to be wrong, the verification could not run
)

STATEMENT_REFUSED = "statement refused"  # Problem.kind where Snowflake said no, so that nothing happened to production

TOO_LATE = "too late"  # Problem.kind of an expired one that was approved in time and not sent in time


def refused(refresh: Refresh) -> bool:
    """Whether a statement on production is known not to have happened."""
    return refresh.problem is not None and refresh.problem.kind == STATEMENT_REFUSED


def unverified(refresh: Refresh) -> bool:
    """Whether it counts as faulty only since production could not be looked at."""
    return refresh.problem is not None and refresh.problem.kind == NOT_VERIFIED


def too_late(refresh: Refresh) -> bool:
    """Whether it was approved and expired before anything was sent."""
    return refresh.problem is not None and refresh.problem.kind == TOO_LATE


def seen_undone(refresh: Refresh) -> bool:
    """Whether production was read after the undo and is the backup; else a person has said that it happened."""
    return refresh.undo is not None and refresh.undo.after is not None


def approvals(refresh: Refresh) -> tuple[Decision, ...]:
    """The approvals that count: those given on what the refresh is now, in the wait that goes on now."""
    return tuple(d for d in refresh.decisions if d.approve and d.digest == refresh.digest and d.wait == refresh.wait)


def carried(refresh: Refresh, report: Report) -> Refresh:
    """The refresh with a new report, keeping each explanation and waiver whose group or finding is equal in both.

    Also what a `Checked` event's digest has to be computed from.
    """
    groups = set(_groups(refresh.report)) & set(_groups(report))
    findings = set(_findings(refresh.report)) & set(_findings(report))
    return replace(
        refresh,
        report=report,
        explanations=tuple(x for x in refresh.explanations if any(x.group == name for name, _ in groups)),
        waivers=tuple(w for w in refresh.waivers if any(w.finding == name for name, _ in findings)),
    )


def explained(refresh: Refresh, event: e.Explained) -> Refresh:
    """The refresh with the explanations of `event`, one per group, the last one given counts."""
    new = tuple(
        Explanation(group=g, reason=event.reason, note=event.note, by=event.by, at=event.at) for g in event.groups
    )
    kept = tuple(x for x in refresh.explanations if x.group not in event.groups)
    return replace(refresh, explanations=kept + new, digest=event.digest)


def waived(refresh: Refresh, event: e.Waived) -> Refresh:
    """The refresh with the waiver of `event`, in the place of an earlier one for the same finding."""
    new = Waiver(finding=event.finding, reason=event.reason, by=event.by, at=event.at)
    kept = tuple(w for w in refresh.waivers if w.finding != event.finding)
    return replace(refresh, waivers=(*kept, new), digest=event.digest)


def _groups(report: Report | None) -> list[tuple[str, object]]:
    return [(g.id, g) for g in report.groups] if report else []


def _findings(report: Report | None) -> list[tuple[str, str]]:
    return [(f.name, _sameness(f)) for f in report.findings] if report else []


def _sameness(finding: Finding) -> str:
    """What a waiver was given for; as JSON, since a stored report has lists where a fresh one has tuples."""
    return json.dumps([finding.check, finding.verdict, finding.numbers], sort_keys=True, default=str)
