"""What people decide before a promotion: approvals, explanations, waivers, columns; and how long it counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot import events as e
from bot.decisions import approvals, carried, too_late
from bot.machine import NotAllowed, Topic, step
from bot.model import Mode, Request, State
from tests.refreshes import (
    ALICE,
    AT,
    BOB,
    CAROL,
    DIGEST,
    EVENTS,
    PATHS,
    after,
    finding,
    group,
    in_state,
    report,
    topics,
)

S = State


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


def test_an_approval_belongs_to_the_wait_that_it_was_given_in() -> None:
    """However equal a later comparison is: nobody has seen it when the approval was given."""
    once = after(in_state(S.AWAITING), approve())
    (given,) = once.decisions
    for way in ((e.Withdrawn, e.RecheckAsked, e.BaselineTaken, e.Checked), (e.RebuildAsked, *PATHS[S.AWAITING])):
        later = after(once, *way)
        assert later.digest == once.digest
        assert later.wait > once.wait
        assert approvals(replace(later, decisions=(given,))) == ()


def test_an_approval_that_lapses_leaves_the_others_and_the_refresh_waits_again() -> None:
    both = after(in_state(S.AWAITING), approve(), approve(by=CAROL, complete=True))
    for before in (both, after(in_state(S.AWAITING), approve(), approve(by=CAROL))):
        left, effects = step(before, EVENTS[e.ApprovalsLapsed])
        assert left.state is S.AWAITING
        assert [d.by for d in approvals(left)] == [CAROL]
        assert Topic.LAPSED in topics(effects)
        with pytest.raises(NotAllowed):
            step(left, EVENTS[e.ApprovalsLapsed])


def test_what_was_approved_and_not_sent_in_time_expires_and_says_so() -> None:
    until = AT + timedelta(hours=3)
    approved = after(in_state(S.AWAITING), replace(approve(complete=True), expires_at=until))
    assert approved.expires_at == until
    assert too_late(after(approved, e.Expired))
    assert not too_late(in_state(S.EXPIRED))


def test_whoever_changes_what_is_asked_for_becomes_an_asker() -> None:
    more = replace(EVENTS[e.RebuildAsked], by=BOB, columns=("dex_volumes", "fees"))
    for state in (S.AWAITING, S.STALE, S.BUILDING, S.CHECKING):
        assert after(in_state(state), more).askers == (ALICE, BOB)
    twice = after(in_state(S.AWAITING), more, *PATHS[S.AWAITING], replace(more, columns=(*more.columns, "users")))
    assert twice.askers == (ALICE, BOB)
    for same in (replace(more, by=ALICE), replace(more, columns=()), replace(more, columns=("DEX_VOLUMES",))):
        assert after(in_state(S.AWAITING), same).askers == (ALICE,)
