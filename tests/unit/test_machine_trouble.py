"""A fault, an undo, a doubt or a withdrawal: what is left to do, and where it leads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot import events as e
from bot.decisions import NOT_VERIFIED, STATEMENT_REFUSED
from bot.machine import Hold, NotAllowed, Say, Topic, Touch, step
from bot.messages import Live
from bot.model import Content, Loss, Problem, State
from tests.refreshes import AT, BOB, EVENTS, FAULT, PROBLEM, after, in_state, promotion, topics

S = State


def test_a_failed_verification_is_faulty_and_may_be_accepted_or_undone() -> None:
    by_finding = replace(FAULT, problem=None)
    assert after(in_state(S.VERIFYING), by_finding).state is S.FAULTY
    faulty, effects = step(in_state(S.VERIFYING), FAULT)
    assert topics(effects) == {Topic.FAULTY, Topic.AUDIT_CHANGE}
    accepted = after(faulty, e.Accepted)
    assert accepted.acceptance
    assert (accepted.state, accepted.acceptance.reason) == (S.DONE, "fine as it is")
    undone, effects = step(after(faulty, e.UndoAsked), EVENTS[e.Undone])
    assert Hold() in effects
    assert undone.undo == promotion("undo")


def test_only_what_could_not_be_verified_is_looked_at_again() -> None:
    unseen = replace(FAULT, problem=Problem(kind=NOT_VERIFIED, text="Snowflake does not answer."))
    faulty = after(in_state(S.VERIFYING), unseen)
    again, effects = step(faulty, EVENTS[e.LookAgain])
    assert (faulty.state, again.state, again.problem) == (S.FAULTY, S.VERIFYING, None)
    assert Touch(Live.PROMOTED) in effects
    assert after(again, e.Verified).state is S.DONE
    with pytest.raises(NotAllowed):
        step(in_state(S.FAULTY), EVENTS[e.LookAgain])


@pytest.mark.parametrize("origin", [S.DONE, S.FAULTY])
def test_a_refused_undo_goes_back_to_where_it_came_from(origin: State) -> None:
    start = in_state(origin)
    undoing = after(start, e.UndoAsked)
    assert undoing.undo_request
    assert undoing.undo_request.by == BOB
    no = e.Settled(at=AT, by=BOB, happened=False, expires_at=AT + timedelta(hours=24))
    for refusal in ((e.UndoRefused,), (e.UndoIntended, e.Doubted, no)):
        back = after(undoing, *refusal)
        assert (back.state, back.problem, back.undo_request) == (origin, start.problem, None)


def test_an_undo_is_forced_only_on_what_is_faulty_and_counted_and_remembers_what_was_agreed_to() -> None:
    loss = Loss(production=Content(rows=3034, hash=1), written=2)
    forced = e.UndoAsked(at=AT, by=BOB, reason="wrong day", forced=True, loss=loss)
    for start, event in ((in_state(S.DONE), forced), (in_state(S.FAULTY), replace(forced, loss=None))):
        with pytest.raises(NotAllowed):
            step(start, event)
    undoing = after(in_state(S.FAULTY), forced)
    assert undoing.undo_request
    assert (undoing.undo_request.loss, undoing.undo_request.reason, undoing.loss) == (loss, "wrong day", None)
    more = replace(loss, written=3)
    assert after(undoing, e.UndoRefused(at=AT, problem=PROBLEM, loss=more)).loss == more
    assert after(in_state(S.VERIFYING), replace(FAULT, loss=loss)).loss == loss


@pytest.mark.parametrize(
    ("other", "covered"),
    [
        ({}, True),
        ({"written": 1}, True),
        ({"written": 3}, False),
        ({"removed": 1}, False),
        ({"breaks": ("streams",)}, False),
    ],
)
def test_who_agreed_to_a_loss_agreed_to_nothing_more(other: dict[str, Any], covered: bool) -> None:
    loss = Loss(production=Content(rows=3034, hash=1), written=2)
    assert loss.covers(replace(loss, **other)) is covered


@pytest.mark.parametrize(
    ("start", "event", "told"),
    [
        (S.PROMOTING, EVENTS[e.Promoted], [Topic.AUDIT_CHANGE]),
        (S.VERIFYING, EVENTS[e.Verified], [Topic.AUDIT_END]),
        (S.VERIFYING, FAULT, [Topic.AUDIT_CHANGE]),
        (S.PROMOTING, EVENTS[e.Doubted], [Topic.AUDIT_CHANGE]),
        (S.UNDOING, EVENTS[e.Doubted], [Topic.AUDIT_CHANGE]),
        (S.NEEDS_ATTENTION, EVENTS[e.Settled], [Topic.AUDIT_CHANGE]),
        (S.NEEDS_ATTENTION, replace(EVENTS[e.Settled], happened=False), [Topic.AUDIT_CHANGE]),
        (S.UNDOING, EVENTS[e.Undone], [Topic.AUDIT_END]),
        (S.UNDOING, EVENTS[e.UndoRefused], []),
    ],
)
def test_whatever_is_done_to_production_is_one_line_of_the_audit_channel(
    start: State, event: e.Event, told: list[Topic]
) -> None:
    _, effects = step(in_state(start), event)
    said = [effect.topic for effect in effects if isinstance(effect, Say)]
    assert [topic for topic in said if topic.startswith("audit")] == told


def test_the_reason_of_a_withdrawal_is_kept_until_there_is_a_new_comparison() -> None:
    stale = in_state(S.STALE)
    for way in (e.RecheckAsked, e.RebuildAsked, e.CancelAsked, e.Rejected, e.Expired):
        assert after(stale, way).withdrawn == PROBLEM.text
    again = (e.RebuildAsked, e.Started, e.Planned, e.BaselineTaken, e.Built)
    assert after(stale, *again, e.Failed).withdrawn == PROBLEM.text
    assert after(stale, *again, e.Checked).withdrawn == ""


def test_of_a_refused_statement_nobody_can_say_that_it_happened() -> None:
    refusal = e.Doubted(at=AT, problem=Problem(kind=STATEMENT_REFUSED, text="Snowflake refused the statement."))
    doubt = after(in_state(S.PROMOTING), refusal)
    for event in (EVENTS[e.LookAgain], EVENTS[e.Settled]):
        with pytest.raises(NotAllowed):
            step(doubt, event)
    assert after(doubt, replace(EVENTS[e.Settled], happened=False)).state is S.STALE


def test_who_is_called_again_has_the_whole_time_again() -> None:
    later = AT + timedelta(days=9)
    no = e.Settled(at=AT, by=BOB, happened=False, expires_at=later)
    gone = e.Withdrawn(at=AT, problem=PROBLEM, expires_at=later)
    assert after(in_state(S.NEEDS_ATTENTION), no).expires_at == later
    assert after(in_state(S.AWAITING), gone).expires_at == later
    assert after(in_state(S.APPROVED), gone).expires_at == later


def test_who_settles_a_doubt_is_said_before_what_follows() -> None:
    for happened, follows in ((False, Topic.WITHDRAWN), (True, None)):
        _, effects = step(
            in_state(S.NEEDS_ATTENTION),
            e.Settled(at=AT, by=BOB, happened=happened, reason="read it", expires_at=AT + timedelta(hours=24)),
        )
        said = [effect.topic for effect in effects if isinstance(effect, Say)]
        assert said == [Topic.SETTLED, *([follows] if follows else []), Topic.AUDIT_CHANGE]


def test_doubt_goes_on_where_it_began() -> None:
    undoing = after(in_state(S.UNDOING), e.UndoIntended, e.Doubted)
    assert after(undoing, e.LookAgain).state is S.UNDOING
    assert after(undoing, e.Settled).state is S.UNDONE
    stale = after(
        in_state(S.NEEDS_ATTENTION), e.Settled(at=AT, by=BOB, happened=False, expires_at=AT + timedelta(hours=24))
    )
    assert (stale.state, stale.decisions, stale.problem) == (S.STALE, (), PROBLEM)
