"""The transition table: every state times every event, and what must hold on any way through it."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import events as e
from bot.decisions import approvals
from bot.machine import TABLE, NotAllowed, Say, Topic, Touch, allows, step
from bot.messages import Live
from bot.model import ENDS, State
from tests.refreshes import AT, EVENTS, FAULT, after, in_state, queued, report, topics

S = State

#: Written by hand from the design, independently of the table: what each pair leads to. Every other pair is refused.
EXPECTED: dict[tuple[State, type[e.Event]], State] = {
    (S.QUEUED, e.Started): S.BUILDING,
    (S.QUEUED, e.CancelAsked): S.CANCELLED,
    (S.BUILDING, e.Refused): S.FAILED,
    (S.BUILDING, e.Planned): S.BUILDING,
    (S.BUILDING, e.BaselineTaken): S.BUILDING,
    (S.BUILDING, e.Built): S.CHECKING,
    (S.BUILDING, e.Failed): S.FAILED,
    (S.BUILDING, e.CancelAsked): S.BUILDING,
    (S.CHECKING, e.BaselineTaken): S.CHECKING,
    (S.CHECKING, e.Checked): S.AWAITING,
    (S.CHECKING, e.Failed): S.FAILED,
    (S.CHECKING, e.CancelAsked): S.CHECKING,
    (S.AWAITING, e.Explained): S.AWAITING,
    (S.AWAITING, e.Waived): S.AWAITING,
    (S.AWAITING, e.Approved): S.APPROVED,
    (S.AWAITING, e.Rejected): S.REJECTED,
    (S.AWAITING, e.Expired): S.EXPIRED,
    (S.AWAITING, e.Withdrawn): S.STALE,
    (S.AWAITING, e.RecheckAsked): S.CHECKING,
    (S.AWAITING, e.RebuildAsked): S.QUEUED,
    (S.AWAITING, e.CancelAsked): S.CANCELLED,
    (S.APPROVED, e.PromotionIntended): S.PROMOTING,
    (S.APPROVED, e.ApprovalsLapsed): S.AWAITING,
    (S.APPROVED, e.Expired): S.EXPIRED,
    (S.APPROVED, e.Withdrawn): S.STALE,
    (S.APPROVED, e.CancelAsked): S.CANCELLED,
    (S.STALE, e.RecheckAsked): S.CHECKING,
    (S.STALE, e.RebuildAsked): S.QUEUED,
    (S.STALE, e.Rejected): S.REJECTED,
    (S.STALE, e.Expired): S.EXPIRED,
    (S.STALE, e.CancelAsked): S.CANCELLED,
    (S.PROMOTING, e.PromotionIntended): S.PROMOTING,
    (S.PROMOTING, e.Promoted): S.VERIFYING,
    (S.PROMOTING, e.Doubted): S.NEEDS_ATTENTION,
    (S.VERIFYING, e.Verified): S.DONE,
    (S.FAULTY, e.Accepted): S.DONE,
    (S.FAULTY, e.UndoAsked): S.UNDOING,
    (S.NEEDS_ATTENTION, e.LookAgain): S.PROMOTING,
    (S.NEEDS_ATTENTION, e.Settled): S.VERIFYING,
    (S.UNDOING, e.UndoIntended): S.UNDOING,
    (S.UNDOING, e.UndoRefused): S.DONE,
    (S.UNDOING, e.Undone): S.UNDONE,
    (S.UNDOING, e.Doubted): S.NEEDS_ATTENTION,
    (S.DONE, e.UndoAsked): S.UNDOING,
} | {(state, remark): state for state in State for remark in (e.Denied, e.Noted)}


def all_events() -> list[type[e.Event]]:
    return [
        cls for cls in vars(e).values() if isinstance(cls, type) and issubclass(cls, e.Event) and cls is not e.Event
    ]


def test_samples_and_table_know_every_event_and_state() -> None:
    assert set(EVENTS) == set(all_events())
    assert set(TABLE) == set(State)


@pytest.mark.parametrize(("state", "kind"), list(product(State, all_events())), ids=str)
def test_every_state_times_every_event(state: State, kind: type[e.Event]) -> None:
    refresh = in_state(state)
    if (state, kind) in EXPECTED:
        result, effects = step(refresh, EVENTS[kind])
        assert result.state is EXPECTED[state, kind]
        assert result.revision == refresh.revision
        remark = kind in (e.Denied, e.Noted)
        assert (result == refresh and not effects) if remark else result.changed_at == AT
    else:
        with pytest.raises(NotAllowed) as refused:
            step(refresh, EVENTS[kind])
        assert refused.value.state is state
    assert allows(refresh, kind) is (
        (state, kind) in EXPECTED
        or (state, kind) == (S.BUILDING, e.Stopped)
        or (state, kind) == (S.CHECKING, e.Stopped)
        or (state, kind) == (S.BUILDING, e.RebuildAsked)
        or (state, kind) == (S.CHECKING, e.RebuildAsked)
        or (state, kind) == (S.FAULTY, e.LookAgain)
        or (state, kind) == (S.AWAITING, e.ApprovalsLapsed)
    )


@pytest.mark.parametrize("state", [S.BUILDING, S.CHECKING])
@pytest.mark.parametrize("kind", [e.Planned, e.BaselineTaken, e.Built, e.Checked, e.CancelAsked])
def test_an_accepted_cancel_is_never_overtaken(state: State, kind: type[e.Event]) -> None:
    cancelled = after(in_state(state), e.CancelAsked)
    with pytest.raises(NotAllowed):
        step(cancelled, EVENTS[kind])
    assert after(cancelled, e.Stopped).state is S.CANCELLED
    assert after(cancelled, e.Failed).state is S.FAILED


def test_a_step_cannot_stop_itself_without_being_asked() -> None:
    with pytest.raises(NotAllowed):
        step(in_state(S.BUILDING), EVENTS[e.Stopped])


def test_what_follows_needs_what_came_before() -> None:
    started = after(queued(), e.Started)
    for refresh, kind in [(started, e.BaselineTaken), (started, e.Built), (after(started, e.Planned), e.Built)]:
        with pytest.raises(NotAllowed):
            step(refresh, EVENTS[kind])


def test_the_card_is_posted_once_and_updated_by_a_rebuild() -> None:
    first = step(after(queued(), e.Started), EVENTS[e.Planned])[1]
    rebuilt = after(in_state(S.AWAITING), e.RebuildAsked, e.Started)
    other = replace(EVENTS[e.Planned], plan=replace(EVENTS[e.Planned].plan, warehouse="ANALYTICS_XL"))
    again, same = step(rebuilt, other)[1], step(rebuilt, EVENTS[e.Planned])[1]
    assert topics(first) == {Topic.CARD, Topic.AUDIT_START, Topic.PLAN}
    assert topics(again) == {Topic.PLAN}
    assert topics(same) == set()  # the same plan is not said twice
    assert Touch(Live.CARD) in again


def test_before_the_card_only_the_asker_hears_of_a_failure() -> None:
    for kind in (e.Refused, e.Failed):
        assert topics(step(after(queued(), e.Started), EVENTS[kind])[1]) == {Topic.REFUSED}
        assert topics(step(in_state(S.BUILDING), EVENTS[kind])[1]) == {Topic.FAILED, Topic.AUDIT_END}
    assert step(queued(), EVENTS[e.CancelAsked])[1] == (Say(Topic.CANCELLED),)
    stopping = after(queued(), e.Started, e.CancelAsked)
    assert step(stopping, EVENTS[e.Stopped])[1] == (Say(Topic.CANCELLED),)
    assert topics(step(in_state(S.AWAITING), EVENTS[e.CancelAsked])[1]) == {Topic.CANCELLED, Topic.AUDIT_END}


def test_nothing_would_change_is_not_ready_for_approval() -> None:
    checking = in_state(S.CHECKING)
    same = replace(EVENTS[e.Checked], report=report(nothing_changes=True))
    assert topics(step(checking, same)[1]) == {Topic.RESULT, Topic.NOTHING}
    assert topics(step(checking, EVENTS[e.Checked])[1]) == {Topic.RESULT, Topic.READY}


@settings(deadline=None)  # a busy machine is no defect
@given(st.data())
def test_on_any_way_through_the_machine(data: st.DataObject) -> None:
    refresh, said = queued(), []
    for _ in range(data.draw(st.integers(0, 40))):
        before = refresh
        possible = [event for event in (*EVENTS.values(), FAULT) if allows(refresh, type(event))]
        event = data.draw(st.sampled_from(possible))
        try:
            refresh, effects = step(refresh, event)
        except NotAllowed:
            continue
        said += [effect.topic for effect in effects if isinstance(effect, Say)]
        if before.state in ENDS - {S.DONE}:
            assert refresh is before
        if refresh.state is S.PROMOTING and before.state is not S.PROMOTING:
            assert before.state in (S.APPROVED, S.NEEDS_ATTENTION)
        if refresh.state in (S.APPROVED, S.PROMOTING, S.VERIFYING):
            assert approvals(refresh)
        if before.cancel and before.state is not refresh.state:
            assert refresh.state in (S.CANCELLED, S.FAILED)
        if refresh.state in ENDS and before.state not in ENDS:
            assert (Topic.AUDIT_END in said) == (Topic.AUDIT_START in said) or before.state is S.UNDOING
    assert said.count(Topic.CARD) <= 1
    assert not said or said[0] in (Topic.CARD, Topic.REFUSED, Topic.CANCELLED)
