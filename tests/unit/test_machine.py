"""The transition table: every state times every event, and what must hold on any way through it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot import events as e
from bot.decisions import NOT_VERIFIED, STATEMENT_REFUSED, approvals, carried
from bot.machine import TABLE, Hold, NotAllowed, Say, Topic, Touch, allows, step
from bot.messages import Live
from bot.model import ENDS, Mode, Problem, Request, State
from tests.refreshes import (
    ALICE,
    AT,
    BOB,
    CAROL,
    DIGEST,
    EVENTS,
    FAULT,
    PROBLEM,
    after,
    finding,
    group,
    in_state,
    promotion,
    queued,
    report,
)

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


def topics(effects: tuple[object, ...]) -> set[Topic]:
    return {effect.topic for effect in effects if isinstance(effect, Say)}


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


def approve(by=BOB, digest=DIGEST, complete=False) -> e.Approved:
    return e.Approved(at=AT, by=by, digest=digest, complete=complete)


def test_an_explanation_after_an_approval_makes_it_count_no_more() -> None:
    once = after(in_state(S.AWAITING), approve())
    assert [d.by for d in approvals(once)] == [BOB]
    explained = after(once, replace(EVENTS[e.Explained], digest="d2"))
    assert approvals(explained) == ()
    assert [d.by for d in explained.decisions] == [BOB]
    both = after(explained, approve(digest="d2"), approve(by=CAROL, digest="d2", complete=True))
    assert both.state is S.APPROVED
    assert [d.by for d in approvals(both)] == [BOB, CAROL]


def test_one_person_approves_once_and_only_what_is_there() -> None:
    once = after(in_state(S.AWAITING), approve())
    for event in (approve(complete=True), approve(by=CAROL, digest="d0")):
        with pytest.raises(NotAllowed):
            step(once, event)


def test_a_recheck_with_the_same_digest_keeps_decisions_and_withdrawal_drops_them() -> None:
    once = after(in_state(S.AWAITING), approve())
    rechecked = after(once, e.RecheckAsked, e.BaselineTaken, e.Checked)
    assert [d.by for d in approvals(rechecked)] == [BOB]
    other = after(once, e.RecheckAsked, e.BaselineTaken, replace(EVENTS[e.Checked], digest="d2"))
    assert approvals(other) == ()
    withdrawn = after(once, e.Withdrawn, e.RecheckAsked, e.BaselineTaken, e.Checked)
    assert approvals(withdrawn) == ()


def test_explanations_and_waivers_survive_a_rebuild_where_nothing_differs() -> None:
    told = after(in_state(S.AWAITING), e.Explained, e.Waived)
    assert [x.group for x in told.explanations] == ["g1"]
    rebuilt = after(told, e.RebuildAsked)
    assert (rebuilt.build, rebuilt.candidate, rebuilt.baseline, rebuilt.digest) == (None, None, None, "")
    fresh = replace(finding(), numbers={"rows": 1, "of": ("a", "b")})  # the store turns tuples into lists
    equal = carried(rebuilt, report(findings=(fresh,)))
    assert (equal.explanations, equal.waivers) == (told.explanations, told.waivers)
    other = carried(rebuilt, report(groups=(group(worst="3"),), findings=(finding(rows=2),)))
    assert (other.explanations, other.waivers) == ((), ())


def test_the_last_reason_for_a_group_counts() -> None:
    again = replace(EVENTS[e.Explained], reason="other", groups=("g1", "g2"))
    told = after(in_state(S.AWAITING), e.Explained, again)
    assert [(x.group, x.reason) for x in told.explanations] == [("g1", "other"), ("g2", "other")]


def test_a_rebuild_may_change_the_columns_and_keeps_them_otherwise() -> None:
    awaiting = in_state(S.AWAITING)
    assert after(awaiting, e.RebuildAsked).request == awaiting.request
    wider = after(awaiting, e.RebuildAsked(at=AT, by=ALICE, columns=("a", "b")))
    assert wider.request.columns == ("a", "b")
    assert isinstance(wider.request, Request)
    assert wider.request.mode is Mode.BACKFILL


@pytest.mark.parametrize("state", [S.BUILDING, S.CHECKING])
def test_more_columns_stop_the_running_step_which_begins_again(state: State) -> None:
    wider = e.RebuildAsked(at=AT, by=ALICE, columns=("a", "b"))
    running = in_state(state)
    asked = after(running, wider)
    assert (asked.state, asked.stopping, asked.request) == (state, True, running.request)
    for overtaking in (e.Planned, e.BaselineTaken, e.Built, e.Checked, wider):
        with pytest.raises(NotAllowed):
            after(asked, overtaking)
    again = after(asked, e.Stopped)
    assert (again.state, again.stopping, again.request.columns) == (S.QUEUED, False, ("a", "b"))
    assert (again.baseline, again.build, again.candidate) == (None, None, None)
    assert after(asked, e.CancelAsked, e.Stopped).state is S.CANCELLED


@pytest.mark.parametrize("state", [S.BUILDING, S.CHECKING])
def test_columns_that_are_built_already_stop_nothing(state: State) -> None:
    running = in_state(state)
    running = replace(running, request=replace(running.request, columns=("a", "b")))
    with pytest.raises(NotAllowed):
        after(running, e.RebuildAsked(at=AT, by=ALICE, columns=("b", "A")))
    assert after(running, e.RebuildAsked(at=AT, by=ALICE, columns=("a", "c"))).again == ("a", "c")


def test_a_failed_verification_is_faulty_and_may_be_accepted_or_undone() -> None:
    by_finding = replace(FAULT, problem=None)
    assert after(in_state(S.VERIFYING), by_finding).state is S.FAULTY
    faulty, effects = step(in_state(S.VERIFYING), FAULT)
    assert topics(effects) == {Topic.FAULTY}
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
        assert said == [Topic.SETTLED, *([follows] if follows else [])]


def test_doubt_goes_on_where_it_began() -> None:
    undoing = after(in_state(S.UNDOING), e.UndoIntended, e.Doubted)
    assert after(undoing, e.LookAgain).state is S.UNDOING
    assert after(undoing, e.Settled).state is S.UNDONE
    stale = after(
        in_state(S.NEEDS_ATTENTION), e.Settled(at=AT, by=BOB, happened=False, expires_at=AT + timedelta(hours=24))
    )
    assert (stale.state, stale.decisions, stale.problem) == (S.STALE, (), PROBLEM)


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
