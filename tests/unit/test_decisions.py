"""Which approvals count, and that one explanation or waiver never takes another away."""

from __future__ import annotations

from dataclasses import replace

from bot import decisions
from bot import events as e
from bot.model import Decision, State
from tests.unit.samples import ALICE, BOB, NOW, refresh


def decision(**changes) -> Decision:
    return replace(Decision(approve=True, by=BOB, at=NOW, digest=refresh(State.AWAITING).digest), **changes)


def test_only_an_approval_of_what_the_refresh_is_now_counts():
    now = decision(by=ALICE)
    decided = (decision(approve=False), decision(digest="before"), now)
    assert decisions.approvals(replace(refresh(State.AWAITING), decisions=decided)) == (now,)


def test_the_last_waiver_of_a_finding_counts_and_those_of_others_stay():
    shown = replace(refresh(State.AWAITING), waivers=())
    for finding, reason in (("parity", "first"), ("tests", "known"), ("parity", "second")):
        shown = decisions.waived(shown, e.Waived(at=NOW, by=BOB, finding=finding, reason=reason, digest="d"))
    assert [(w.finding, w.reason) for w in shown.waivers] == [("tests", "known"), ("parity", "second")]


def test_the_last_explanation_of_a_group_counts_and_those_of_others_stay():
    shown = replace(refresh(State.AWAITING), explanations=())
    for groups, note in ((("a", "b"), "first"), (("b", "c"), "second")):
        event = e.Explained(at=NOW, by=BOB, groups=groups, reason="expected", note=note, digest="d")
        shown = decisions.explained(shown, event)
    assert [(x.group, x.note) for x in shown.explanations] == [("a", "first"), ("b", "second"), ("c", "second")]
