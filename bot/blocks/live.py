"""The three messages that are updated in place, rendered from the row as it is now: card, approval, promoted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import assert_never

import structlog

from bot import policy
from bot.blocks import buttons
from bot.blocks.budget import message
from bot.blocks.kit import context as small
from bot.blocks.kit import pre, section
from bot.context import Context
from bot.decisions import approvals
from bot.following import changed_from
from bot.messages import Block, Live, Message
from bot.model import Plan, Refresh, Report, State, Verdict
from bot.report import Blocker, blockers
from bot.settings import Settings
from bot.wording import approval as asks
from bot.wording import card as says
from bot.wording import downstream, findings
from bot.wording import plan as planned
from bot.wording import promoted as after
from bot.wording.numbers import number
from bot.wording.outcomes import no_words, notified
from bot.wording.text import dotted, sentences

log = structlog.get_logger()

_IN_PROGRESS = frozenset(
    {State.QUEUED, State.BUILDING, State.CHECKING, State.PROMOTING, State.VERIFYING, State.UNDOING}
)
_BEFORE_RESULT = frozenset({State.QUEUED, State.BUILDING, State.CHECKING})
_BREAKS = re.compile(r"\s+(?=CLONE\b|COPY GRANTS\b)")


def render_live(live: Live, refresh: Refresh, context: Context) -> Message:
    """The message as it should look now, in every state.

    Where it cannot be put into words it says so, and keeps its buttons but for Approve: nobody approves what is not shown.
    """
    try:
        return _rendered(live, refresh, context)
    except Exception:
        log.exception("could not put into words", refresh=refresh.ref, live=live)
        kept = [b for b in _BUTTONS[live](refresh, context) if b.get("action_id") != "approve"]
        return message(section(no_words(refresh.ref, live)), buttons.row(kept, live, refresh))


def _rendered(live: Live, refresh: Refresh, context: Context) -> Message:
    match live:
        case Live.CARD:
            return card(refresh, context)
        case Live.PLAN:
            return plan(refresh, context)
        case Live.APPROVAL:
            return approval(refresh, context)
        case Live.PROMOTED:
            return promoted(refresh, context)
    assert_never(live)


_BUTTONS: dict[Live, Callable[[Refresh, Context], list[Block]]] = {
    Live.CARD: lambda refresh, _: buttons.on_card(refresh),
    Live.PLAN: lambda refresh, _: buttons.on_plan(refresh),
    Live.APPROVAL: buttons.waiting,
    Live.PROMOTED: buttons.after_promotion,
}


def card(refresh: Refresh, context: Context) -> Message:
    shows_values = context.settings.slack.post_rows == "top"
    report = _result(refresh) if refresh.state is not State.UNDONE else None  # production is not that any more
    line = report.headline if report and shows_values else None
    return message(
        section(says.title(refresh)),
        pre(says.headline(line)) if line else None,
        _lines(_card_lines(refresh, context)),
        small(says.asked(refresh)),
        _small(says.undeliverable(refresh.undelivered)),
        buttons.row(buttons.on_card(refresh), "card", refresh),
    )


def _result(refresh: Refresh) -> Report | None:
    """What was compared; nothing of it while it is built or compared again, nor where that came to nothing.

    A rebuild takes the digest with it; the report stays until the next one only for what carries over.
    """
    return refresh.report if refresh.state not in _BEFORE_RESULT and refresh.digest else None


def _card_lines(refresh: Refresh, context: Context) -> list[str]:
    lines = [says.outcome(refresh), says.next_step(refresh)]
    if refresh.state in _IN_PROGRESS:
        lines.append(says.progress(refresh, context.now))
    report, plan = _result(refresh), refresh.plan
    if refresh.state is State.UNDONE:
        return [*lines, says.as_before(refresh)]
    if report:
        lines.append(sentences(says.changes(refresh, report), _left_behind(refresh)))
    if plan and refresh.state not in says.UNTOUCHED:
        lines.append(downstream.readers(plan, refresh.request))
    if report and plan and refresh.state is State.AWAITING:
        last = says.written(plan.prod.last_altered, context.written, context.now) if not refresh.promotion else ""
        lines.append(dotted([says.rows(report.baseline, report.candidate), last]))
        lines.append(_in_the_way(blockers(refresh, context.settings)))
    elif report:
        lines.append(says.rows(report.baseline, report.candidate))
    return lines


def _left_behind(refresh: Refresh) -> str:
    found = [f for f in refresh.report.findings if f.check == "left behind"] if refresh.report else []
    return " ".join(says.nothing_left_behind() if f.verdict is Verdict.PASS else findings.line(f) for f in found)


def _in_the_way(open_points: tuple[Blocker, ...]) -> str:
    groups = sum(b.kind == "group" for b in open_points)
    return says.wants(groups, [b.name for b in open_points if b.kind == "finding"])


def plan(refresh: Refresh, context: Context) -> Message:
    """The plan as it was made; only its button goes, once the build cannot begin again any more."""
    assert refresh.plan is not None  # the event that posts it brings it
    dbt = context.settings.dbt
    text = planned.plan(
        refresh.plan,
        refresh.request,
        date_var=dbt.date_var,
        columns_var=dbt.columns_var,
        approval=approval_rule(refresh.plan, context.settings),
    )
    return message(section(text), buttons.row(buttons.on_plan(refresh), "plan", refresh))


def approval_rule(found: Plan, settings: Settings) -> str:
    """How many of whom have to approve it, and where that is set."""
    needed = policy.quorum_of(found.name, found.rules, settings)
    who = asks.who(policy.approvers_of(found.name, found.rules, settings))
    return planned.needs(needed, who, policy.source(found.name, found.rules, settings))


def approval(refresh: Refresh, context: Context) -> Message:
    """Where the refresh waits for people before production is touched, or while it is in doubt."""
    report = refresh.report
    match refresh.state:
        case State.AWAITING if report is not None and report.nothing_changes:
            return _nothing(refresh, context)
        case State.AWAITING:
            return _ready(refresh, context)
        case State.STALE:
            return _withdrawn(refresh, context)
        case State.NEEDS_ATTENTION if not refresh.undo_request:
            return _in_doubt(refresh, context)
        case State.CANCELLED if report is not None and report.nothing_changes and refresh.digest:
            return message(section(f"{asks.nothing(refresh, _still_there(refresh, context))} {asks.closed(refresh)}"))
    decided = dotted([asks.decided(refresh), asks.on_digest(refresh.digest)])
    sent = None if refresh.state in says.UNTOUCHED else _statements(refresh)
    before = asks.withdrawn(refresh.withdrawn) if refresh.withdrawn else ""
    return message(_lines([before, decided]), _lines(_said(refresh)), sent)


def _ready(refresh: Refresh, context: Context) -> Message:
    open_points = blockers(refresh, context.settings)
    lasting = [b.name for b in open_points if b.kind == "finding" and not b.waivable]
    missing = policy.missing(refresh, context.settings)
    sendable = refresh.statements and not lasting
    return message(
        section(_opening(refresh, open_points, lasting, missing, context)),
        _lines([*_said(refresh), asks.approved_so_far(refresh, missing), *_warnings(refresh)]),
        *([small(asks.will_send(len(refresh.statements))), _statements(refresh)] if sendable else []),
        buttons.row(buttons.waiting(refresh, context), "approval", refresh),
    )


def _opening(
    refresh: Refresh, open_points: tuple[Blocker, ...], lasting: list[str], missing: int, context: Context
) -> str:
    waits_for = _waits_for(open_points)
    if lasting:
        return asks.blocked(refresh, waits=dotted([asks.fails(lasting), waits_for]), now=context.now)
    fails = any(b.kind == "finding" for b in open_points)
    source = policy.source(refresh.name, refresh.plan.rules if refresh.plan else None, context.settings)
    return asks.ready(
        refresh,
        needed=missing,
        who=_who(refresh, context),
        waits=waits_for,
        fails=fails,
        source=source,
        now=context.now,
    )


def waits(refresh: Refresh, context: Context) -> str:
    """Whose decision, and what is needed before: for a reminder."""
    open_points = blockers(refresh, context.settings)
    missing = policy.missing(refresh, context.settings)
    return dotted([asks.needed_of(missing, _who(refresh, context)), _waits_for(open_points)])


def _waits_for(open_points: tuple[Blocker, ...]) -> str:
    waivable = [b.name for b in open_points if b.kind == "finding" and b.waivable]
    return asks.waits_for(sum(b.kind == "group" for b in open_points), waivable)


def _who(refresh: Refresh, context: Context) -> str:
    askers = [a.user_id for a in refresh.askers] if context.settings.policy.four_eyes else []
    return asks.who(policy.approvers(refresh, context.settings), askers) or asks.nobody()


def approvers(refresh: Refresh, context: Context) -> str:
    """Who may act where four eyes are not asked for."""
    return asks.who(policy.approvers(refresh, context.settings)) or asks.nobody()


def _warnings(refresh: Refresh) -> list[str]:
    """Findings that do not block but that nobody should miss; what fails has a reply of its own above."""
    waived = {w.finding for w in refresh.waivers}
    found = refresh.report.findings if refresh.report else ()
    shown = [f for f in found if f.verdict in (Verdict.WARN, Verdict.UNKNOWN) and f.check != "outliers"]
    return [f"• {findings.line(f)}" for f in shown if f.name not in waived]


def _said(refresh: Refresh) -> list[str]:
    return [*asks.explained(refresh.explanations), *asks.waived(refresh.waivers, refresh.report)]


def _statements(refresh: Refresh) -> Block | None:
    """In full, word for word; a line each for what is replaced, by what, and with which rights."""
    shown = [_BREAKS.sub("\n", s.strip().rstrip(";")) + ";" for s in refresh.statements]
    return pre("\n\n".join(shown)) if shown else None


def _nothing(refresh: Refresh, context: Context) -> Message:
    said = [asks.nothing(refresh, _still_there(refresh, context)), notified([refresh.asker.user_id])]
    return message(_lines(said), buttons.row(buttons.waiting(refresh, context), "approval", refresh))


def _still_there(refresh: Refresh, context: Context) -> str:
    """The value that would stay, where values may be shown."""
    line = refresh.report.headline if refresh.report else None
    shows = context.settings.slack.post_rows == "top" and line is not None and line.after is not None
    return number(line.after) if line and shows else ""


def _withdrawn(refresh: Refresh, context: Context) -> Message:
    return message(
        _lines([asks.withdrawn(refresh.withdrawn), notified([refresh.asker.user_id])]),
        small(asks.ways_on(buttons.can_recheck(refresh))),
        buttons.row(buttons.waiting(refresh, context), "approval", refresh),
    )


def _in_doubt(refresh: Refresh, context: Context) -> Message:
    return message(
        _lines([asks.in_doubt(refresh.problem.text if refresh.problem else ""), _urgent(refresh, context)]),
        small(asks.in_doubt_choices(refresh)),
        buttons.row(buttons.waiting(refresh, context), "attention", refresh),
    )


def promoted(refresh: Refresh, context: Context) -> Message:
    """What production is now, and the way back."""
    row = buttons.row(buttons.after_promotion(refresh, context), "promoted", refresh)
    match refresh.state:
        case State.FAULTY:
            choices = after.faulty_choices(refresh, buttons.has_backup(refresh, context))
            return message(_lines([after.faulty(refresh), _urgent(refresh, context)]), small(choices), row)
        case State.NEEDS_ATTENTION if refresh.undo_request:
            return _in_doubt(refresh, context)
        case State.UNDOING:
            return message(section(after.undo_in_progress(refresh)), _small(after.state_note(refresh)))
        case State.UNDONE:
            return message(section(after.undone(refresh)), _small(after.state_note(refresh)))
    return message(
        section(after.promoted(refresh) if not refresh.acceptance else after.accepted(refresh)),
        _lines([_backup(refresh, context), _next(refresh, context)]),
        row,
    )


def _urgent(refresh: Refresh, context: Context) -> str:
    """Those who can act, those who approved and who asked: production is wrong, or nobody knows."""
    approved = [d.by.user_id for d in approvals(refresh)]
    named = next(iter(policy.approvers(refresh, context.settings)), ())  # who can act is among these
    return notified([*named, *approved, refresh.asker.user_id])


def _backup(refresh: Refresh, context: Context) -> str:
    taken = refresh.promotion.backup if refresh.promotion else None
    if taken is None:
        return ""
    until = taken.taken_at + context.settings.warehouse.keep_backup
    return after.backup_kept(until, context.now) if until > context.now else after.backup_over()


def _next(refresh: Refresh, context: Context) -> str:
    if refresh.plan is None:
        return ""
    since = changed_from(refresh.request, refresh.report)
    return downstream.follow_up(refresh.plan, since, context.settings.dbt.date_var)


def _lines(lines: list[str]) -> Block | None:
    present = [line for line in lines if line.strip()]
    return section("\n".join(present)) if present else None


def _small(text: str) -> Block | None:
    return small(text) if text else None
