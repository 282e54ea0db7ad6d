"""What a topic becomes: outbox rows with keys that are unique for ever, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog

from bot import events as e
from bot import policy
from bot.blocks.budget import message
from bot.blocks.buttons import can_recheck, has_backup
from bot.blocks.kit import Button, actions, button, pre, section
from bot.blocks.live import approvers, render_live, waits
from bot.commands import write
from bot.context import Context
from bot.decisions import too_late
from bot.following import changed_from
from bot.machine import Topic
from bot.messages import AUDIT_HEAD, THREAD_LINK, Attachment, Block, Live, Message, Post
from bot.model import Finding, Problem, Refresh, Series, State, Verdict
from bot.report import may_waive
from bot.wording import (
    approval,
    audit,
    by_hand,
    downstream,
    findings,
    outcomes,
    picture,
    promoted,
    reminders,
    rules,
    tables,
)
from bot.wording.buttons import try_again
from bot.wording.failing import failing

log = structlog.get_logger()
T = TypeVar("T")

LONG_LIST = 10  # readers; more of them become a file

_LIVE = {
    Topic.CARD: Live.CARD,
    Topic.PLAN: Live.PLAN,
    Topic.READY: Live.APPROVAL,
    Topic.NOTHING: Live.APPROVAL,
    Topic.WITHDRAWN: Live.APPROVAL,
    Topic.PROMOTED: Live.PROMOTED,
    Topic.FAULTY: Live.PROMOTED,
}


def posts_for(topic: Topic, refresh: Refresh, event: e.Event, context: Context) -> tuple[Post, ...]:
    """The posts of a topic. `refresh` is the row after `event`, before it is stored.

    What cannot be put into words is said to be so: a step that has done its work never fails over them.
    """
    try:
        return _posts_for(topic, refresh, event, context)
    except Exception:
        log.exception("could not put into words", refresh=refresh.ref, topic=topic)
        text = outcomes.no_words(refresh.ref, topic)
        if topic is Topic.REFUSED:
            return (_private(topic, refresh, text),)
        return (_post(topic, refresh, message(section(text)), live=_LIVE.get(topic)),)


def _posts_for(topic: Topic, refresh: Refresh, event: e.Event, context: Context) -> tuple[Post, ...]:
    if topic is Topic.NEEDS_ATTENTION:
        return (_live(topic, Live.PROMOTED if refresh.undo_request else Live.APPROVAL, refresh, context),)
    if topic is Topic.PROMOTED:
        return (_live(topic, Live.PROMOTED, refresh, context), *_readers(refresh, context))
    if live := _LIVE.get(topic):
        return (_live(topic, live, refresh, context),)
    if topic is Topic.RESULT:
        return _result(refresh, context)
    if topic is Topic.FAILED:
        return _failed(refresh)
    if topic in (Topic.AUDIT_START, Topic.AUDIT_CHANGE, Topic.AUDIT_END):
        return _audit(topic, refresh, event, context)
    if topic is Topic.CANCELLED and refresh.report and refresh.report.nothing_changes:
        return ()  # the post that was closed says so itself
    if topic is Topic.CANCELLED and not refresh.plan:
        return _cancelled_unplanned(refresh, event)
    if topic is Topic.UNDONE:
        return (_post(topic, refresh, message(section(outcomes.undone(refresh)), *_taken_along(refresh, context))),)
    if topic is Topic.REFUSED:
        text = refresh.problem.text if refresh.problem else ""
        return (_private(topic, refresh, outcomes.not_begun(refresh, text) if isinstance(event, e.Failed) else text),)
    return (_post(topic, refresh, message(section(_text(topic, refresh, event, context)))),)


def _text(topic: Topic, refresh: Refresh, event: e.Event, context: Context) -> str:
    """Replies of one paragraph."""
    match topic:
        case Topic.APPROVED:
            missing = policy.missing(refresh, context.settings)
            return outcomes.approved_one(refresh.decisions[-1].by, missing, _who_can(refresh, context))
        case Topic.ACCEPTED:
            assert refresh.acceptance is not None
            return outcomes.accepted(refresh.acceptance)
        case Topic.REJECTED:
            return outcomes.rejected(refresh.decisions[-1])
        case Topic.CANCELLED:
            return outcomes.cancelled(refresh.cancel, refresh)
        case Topic.EXPIRED:
            return outcomes.expired(write(refresh.request), late=too_late(refresh))
        case Topic.LAPSED:
            assert isinstance(event, e.ApprovalsLapsed)
            gone = [(lapse.by.user_id, lapse.rule) for lapse in event.lapsed]
            return rules.lapsed(gone, policy.missing(refresh, context.settings), _who_can(refresh, context))
        case Topic.SETTLED:
            assert isinstance(event, e.Settled)
            return outcomes.settled(event.by, event.happened, event.reason, event.at)
        case Topic.UNDO_REFUSED:
            if not isinstance(event, e.UndoRefused):
                return outcomes.undo_did_not_happen()
            return outcomes.undo_refused(event.problem.text, _way_on(refresh, event, context))
    raise AssertionError(f"{topic} has posts of its own")


def _way_on(refresh: Refresh, refused: e.UndoRefused, context: Context) -> str:
    """After an undo that only other people's rows are in the way of."""
    backup = refresh.promotion.backup if refresh.promotion else None
    if refused.loss is None or backup is None or not has_backup(refresh, context):
        return ""
    return outcomes.undo_anyway() if refresh.state is State.FAULTY else outcomes.undo_by_hand(backup.relation)


def _taken_along(refresh: Refresh, context: Context) -> list[Block]:
    """Rows of others that went with an undo are offered back; nothing of it is ever run here."""
    undo = refresh.undo
    if undo is None or undo.kept is None or undo.loss is None:
        return []
    until = undo.kept.taken_at + context.settings.warehouse.keep_backup
    return [section(outcomes.taken_along(undo.kept.relation, undo.loss, until)), pre(by_hand.bring_back(refresh))]


def _who_can(refresh: Refresh, context: Context) -> str:
    done = {a.user_id for a in policy.approvals(refresh)}
    return rules.may([u for u in context.approvers if u not in done])


def plan_only(text: str) -> Message:
    """An answer to `plan <model>`: finished mrkdwn, in a message that Slack will take."""
    return message(section(text))


def reminder(refresh: Refresh, context: Context, number: int) -> Post:
    """That it still waits for people, and for what; a new post each time, since updates notify nobody."""
    key = _key(refresh, f"reminder/{number}")
    return Post(key=key, channel=refresh.channel, message=message(section(_reminder(refresh, context))))


def _reminder(refresh: Refresh, context: Context) -> str:
    who, now = approvers(refresh, context), context.now
    match refresh.state:
        case State.STALE:
            return reminders.stale(refresh, who, approval.ways_on(can_recheck(refresh)), now)
        case State.FAULTY:
            return reminders.faulty(refresh, who, promoted.faulty_choices(refresh, has_backup(refresh, context)))
        case State.NEEDS_ATTENTION:
            return reminders.needs_attention(refresh, who, approval.in_doubt_choices(refresh))
    if refresh.report and refresh.report.nothing_changes:
        return reminders.nothing(refresh, who, now)
    return reminders.awaiting(refresh, waits(refresh, context), now)


def _key(refresh: Refresh, name: str) -> str:
    """Unique for ever: a topic can come again, but not twice from the same revision."""
    return f"{refresh.ref}/{refresh.revision}/{name}"


def _post(topic: Topic, refresh: Refresh, what: Message, **more: object) -> Post:
    return Post(key=_key(refresh, topic), channel=refresh.channel, message=what, **more)  # type: ignore[arg-type]


def _private(topic: Topic, refresh: Refresh, text: str) -> Post:
    """To the asker: there is no card yet, and so no thread."""
    return _post(topic, refresh, message(section(text)), thread=False, private_to=refresh.asker.user_id)


def _cancelled_unplanned(refresh: Refresh, event: e.Event) -> tuple[Post, ...]:
    if isinstance(event, e.CancelAsked) and event.by.user_id == refresh.asker.user_id:
        return ()  # the answer to the click has said it
    return (_private(Topic.CANCELLED, refresh, outcomes.cancelled_unplanned(refresh)),)


def _live(topic: Topic, live: Live, refresh: Refresh, context: Context) -> Post:
    return _post(topic, refresh, render_live(live, refresh, context), live=live)


def _result(refresh: Refresh, context: Context) -> tuple[Post, ...]:
    """One upload: the text, the picture, all outliers and the details. What fails gets a reply of its own."""
    report = refresh.report
    assert report is not None  # the event that says this topic brings it
    shows_values = context.settings.slack.post_rows == "top"
    made: list[Attachment | str] = []
    if context.picture and report.series and shows_values:
        draw = partial(_picture, refresh, report.series, context.picture)
        made.append(_made(draw, picture.not_drawn(), refresh))
    if report.outliers and shows_values:
        made.append(_file("outliers.csv", partial(findings.outliers_csv, report), refresh))
    made.append(_file("details.txt", partial(findings.details, refresh), refresh))
    files = tuple(file for file in made if isinstance(file, Attachment))
    missing = [note for note in made if isinstance(note, str)]
    text = _made(partial(findings.result, refresh), outcomes.no_words(refresh.ref, Topic.RESULT), refresh)
    post = _post(Topic.RESULT, refresh, Message(text="\n".join([text, *missing])), files=files)
    return (post, *_failing(refresh, context))


def _made(make: Callable[[], T], instead: str, refresh: Refresh) -> T | str:
    """What `make` makes; where it breaks, the sentence `instead`, since a result never waits for a file or a word."""
    try:
        return make()
    except Exception:
        log.exception("could not make", refresh=refresh.ref, instead=instead)
        return instead


def _file(name: str, write: Callable[[], str], refresh: Refresh) -> Attachment | str:
    def written() -> Attachment:
        return Attachment(name=f"{refresh.ref} {name}", content=write().encode(), title=name)

    return _made(written, outcomes.no_file(name), refresh)


def _picture(refresh: Refresh, series: Series, draw: Callable[[Series, str], bytes]) -> Attachment:
    metric = tables.column(series.metric)
    title = f"{refresh.name}: {metric}"
    png = draw(series, title)
    return Attachment(name=f"{refresh.ref} {metric}.png", content=png, title=title, alt_text=picture.alt(series, title))


def _failing(refresh: Refresh, context: Context) -> list[Post]:
    """A reply for each finding that fails; its buttons stand on the approval post below."""
    report = refresh.report
    if report is None or report.nothing_changes:
        return []
    failed = [f for f in report.findings if f.blocks and f.verdict is Verdict.FAIL and f.check != "outliers"]
    return [
        Post(
            key=_key(refresh, f"finding/{n}"),
            channel=refresh.channel,
            message=message(section(_failing_words(f, refresh, context))),
        )
        for n, f in enumerate(failed)
    ]


def _failing_words(finding: Finding, refresh: Refresh, context: Context) -> str:
    say = partial(failing, finding, may_waive(finding, context.settings))
    return _made(say, outcomes.no_words(refresh.ref, finding.name), refresh)


def _failed(refresh: Refresh) -> tuple[Post, ...]:
    problem = refresh.problem or Problem(kind="failed", text="")
    again = Button(
        action="again", label=try_again(), value=write(refresh.request), spoken=f"{try_again()}: {refresh.name}"
    )
    post = _post(
        Topic.FAILED, refresh, message(section(outcomes.failed(problem, refresh.asker)), actions([button(again)]))
    )
    if not problem.attachment:
        return (post,)
    file = Attachment(name=f"{refresh.ref} compiled.sql", content=problem.attachment.encode(), title="compiled.sql")
    text = Message(text=outcomes.compiled_sql(refresh.ref))
    return (Post(key=_key(refresh, "compiled"), channel=refresh.channel, message=text, files=(file,)), post)


def _readers(refresh: Refresh, context: Context) -> list[Post]:
    """The full list of what is downstream, as a file where it is long."""
    found = refresh.plan.readers if refresh.plan else ()
    if refresh.plan is None or len(found) <= LONG_LIST:
        return []
    since = changed_from(refresh.request, refresh.report)
    write = partial(downstream.in_order, refresh.plan, since, context.settings.dbt.date_var)
    file = _file("downstream.tsv", write, refresh)
    files, text = ((), file) if isinstance(file, str) else ((file,), downstream.list_posted(len(found)))
    return [Post(key=_key(refresh, "readers"), channel=refresh.channel, message=Message(text=text), files=files)]


def _audit(topic: Topic, refresh: Refresh, event: e.Event, context: Context) -> tuple[Post, ...]:
    channel = context.settings.slack.audit_channel
    if not channel:  # the head of the chain is posted all the same: what is cut off its end shows by nothing else
        head = message(section(audit.head(refresh, AUDIT_HEAD)))
        return (_post(topic, refresh, head),) if topic is Topic.AUDIT_END else ()
    if topic is Topic.AUDIT_START:
        text = audit.started(refresh, THREAD_LINK)
    elif topic is Topic.AUDIT_CHANGE:
        text = _change(refresh, event)
    else:
        text = audit.ended(refresh, THREAD_LINK, AUDIT_HEAD, _settled(event))
    return (Post(key=_key(refresh, topic), channel=channel, message=message(section(text)), thread=False),)


def _settled(event: e.Event) -> str:
    return audit.settled(event.by, event.happened, event.reason) if isinstance(event, e.Settled) else ""


def _change(refresh: Refresh, event: e.Event) -> str:
    """What was just done to production, or came out about it."""
    match event:
        case e.Settled(happened=happened):
            told = audit.replaced if happened else audit.not_replaced
            return told(refresh, THREAD_LINK, _settled(event))
        case e.Verified():
            return audit.faulty(refresh, THREAD_LINK)
        case e.Doubted():
            return audit.in_doubt(refresh, THREAD_LINK)
    return audit.replaced(refresh, THREAD_LINK)
