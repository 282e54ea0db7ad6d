"""Which buttons a refresh has now: only what the machine allows in its state, so that no dead button stays."""

from __future__ import annotations

import json

from bot import events as e
from bot.blocks.kit import OPTION_VALUE, Button, Confirm, Option, actions, button, select, value
from bot.context import Context
from bot.decisions import refused, unverified
from bot.machine import allows
from bot.messages import Block
from bot.model import Loss, Refresh, State, Verdict
from bot.report import Blocker, blockers
from bot.wording import buttons as say
from bot.wording.downstream import ranked

_IN_LINE = 20  # models of the menu: a hundred would leave no room for the words; the file has them all
RECHECK_KIND = "stale:recheck"  # Problem.kind, when the fresh baseline has no key that the candidate lacks


def waiting(refresh: Refresh, context: Context) -> list[Block]:
    """On the approval post: Explain, Approve, Reject and their kin, or the ways out of stale and in doubt."""
    match refresh.state:
        case State.AWAITING:
            nothing = refresh.report is not None and refresh.report.nothing_changes
            return [make("close", refresh)] if nothing else _deciding(refresh, context)
        case State.STALE:
            return [make(a, refresh) for a in (["recheck"] if can_recheck(refresh) else []) + ["rebuild"]]
        case State.NEEDS_ATTENTION:
            if refused(refresh):
                return [make("not_happened", refresh, label=say.go_back())]
            return [make(a, refresh) for a in ("look", "happened", "not_happened")]
    return []


def can_recheck(refresh: Refresh) -> bool:
    """Whether the same candidate may be compared again: a fresh baseline has no key that it lacks."""
    return refresh.problem is not None and refresh.problem.kind == RECHECK_KIND


def _deciding(refresh: Refresh, context: Context) -> list[Block]:
    open_points = blockers(refresh, context.settings)
    found: list[Block] = []
    if refresh.report and refresh.report.groups:
        found.append(make("explain", refresh, style="primary" if _groups(open_points) else ""))
    if not open_points and refresh.report:
        found.append(make("approve", refresh, style="primary", confirm=_approve(refresh)))
    if any(b.kind == "finding" and b.waivable for b in open_points):
        found.append(make("waive", refresh))
    found.append(make("reject", refresh, style="danger"))
    if columns := left_behind(refresh):
        found.append(_add_columns(refresh, columns))
    if any(b.kind == "finding" for b in open_points):
        found += [make("recheck", refresh), make("rebuild", refresh)]
    return found


def _groups(open_points: tuple[Blocker, ...]) -> bool:
    return any(b.kind == "group" for b in open_points)


def left_behind(refresh: Refresh) -> tuple[str, ...]:
    """Columns that would change as well, as the left-behind check names them."""
    for finding in refresh.report.findings if refresh.report else ():
        if finding.check == "left behind" and finding.verdict is Verdict.FAIL:
            columns = finding.numbers.get("columns")
            return tuple(map(str, columns)) if isinstance(columns, list | tuple) else ()
    return ()


def on_plan(refresh: Refresh) -> list[Block]:
    """Take along the clock columns that `columns=` leaves out, for as long as it can still be built again.

    The plan may be of the build before, until the next is planned: what was added since is not offered again.
    """
    kept = refresh.request.without(refresh.plan.kept_clocks) if refresh.plan else ()
    if not kept or refresh.stopping or not allows(refresh, e.RebuildAsked):
        return []
    return [make("add_clocks", refresh, label=say.add_clocks(len(kept)))]


def _add_columns(refresh: Refresh, columns: tuple[str, ...]) -> Block:
    wanted = (*refresh.request.columns, *columns)
    return make("add_columns", refresh, label=say.add_columns(len(wanted)))


def after_promotion(refresh: Refresh, context: Context) -> list[Block]:
    """On the promoted post: the way back while the backup lives, and what comes next."""
    match refresh.state:
        case State.FAULTY:
            undo = [make("undo", refresh, style="danger")] if has_backup(refresh, context) else []
            forced = [_undo_anyway(refresh, refresh.loss)] if undo and refresh.loss else []
            look = [make("look", refresh)] if unverified(refresh) else []
            return [*look, *undo, make("accept", refresh), *forced]
        case State.DONE:
            undo = [make("undo", refresh)] if has_backup(refresh, context) else []
            return [*undo, *_downstream(refresh), *_dev(refresh, context)]
        case State.NEEDS_ATTENTION if refresh.undo_request:
            return waiting(refresh, context)
    return []


def has_backup(refresh: Refresh, context: Context) -> bool:
    """Whether an undo is possible by what the row knows; the worker looks again before it acts."""
    taken = refresh.promotion.backup if refresh.promotion else None
    return taken is not None and context.now < taken.taken_at + context.settings.warehouse.keep_backup


def _dev(refresh: Refresh, context: Context) -> list[Block]:
    if not context.dev_left:
        return []
    drop = Confirm(
        title=say.drop_title(), text=say.drop_question(refresh), yes=say.yes("drop_dev"), no=say.no(), danger=True
    )
    return [make("drop_dev", refresh, confirm=drop), make("keep_dev", refresh)]


def _downstream(refresh: Refresh) -> list[Block]:
    """One button where one model is next in line, a menu where several are; those that use nothing that changed last."""
    plan = refresh.plan
    level = [r for r in ranked(plan) if r.uses_columns is not False][:_IN_LINE] if plan else []
    if not level:
        return []
    values = [json.dumps({"r": refresh.id, "m": r.unique_id}, separators=(",", ":")) for r in level]
    if len(level) == 1:
        label = say.downstream_one(level[0].name)
        return [
            button(Button(action="downstream", label=label, value=values[0], spoken=say.spoken("downstream", refresh)))
        ]
    items = [Option(label=r.name, value=v) for r, v in zip(level, values, strict=True) if len(v) <= OPTION_VALUE]
    return [select("downstream", say.pick_downstream(), items)] if items else []


def on_card(refresh: Refresh) -> list[Block]:
    """Cancel, for as long as it means something."""
    if not allows(refresh, e.CancelAsked) or refresh.cancel:
        return []
    return [make("cancel", refresh)]


def make(action: str, refresh: Refresh, *, label: str = "", style: str = "", confirm: Confirm | None = None) -> Block:
    return button(
        Button(
            action=action,
            label=label or say.LABELS[action],
            value=value(refresh),
            spoken=say.spoken(action, refresh),
            style=style,
            confirm=confirm,
        )
    )


def row(elements: list[Block], name: str, refresh: Refresh) -> Block | None:
    """An actions block; its id changes with the revision, as Slack asks for updated messages."""
    return actions(elements, f"{name}:{refresh.id}:{refresh.revision}") if elements else None


def _approve(refresh: Refresh) -> Confirm:
    rows = refresh.candidate.content.rows if refresh.candidate else None
    return Confirm(
        title=say.approve_title(refresh),
        text=say.approve_question(refresh.prod, rows, refresh.digest),
        yes=say.yes("approve"),
        no=say.no(),
    )


def _undo_anyway(refresh: Refresh, loss: Loss) -> Block:
    """Only once it is counted what is lost: that number stands on the button."""
    return make("undo_forced", refresh, label=say.undo_anyway(loss), style="danger")
