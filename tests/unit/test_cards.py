"""The card and the posts that live: what people read, and no dead button in any state."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot import events as e
from bot.blocks import forms, posts_for, render_live
from bot.machine import TABLE, Topic, allows
from bot.messages import Live
from bot.model import (
    Explanation,
    Problem,
    Refresh,
    State,
    UndoRequest,
    Verdict,
    Waiver,
)
from tests.unit.limits import elements, harmless, pressable, within_limits
from tests.unit.samples import (
    BOB,
    CONTEXT,
    DIGEST,
    HOSTILE,
    NOW,
    PROD,
    finding,
    loss,
    plan,
    reader,
    refresh,
    report,
    settings,
)


def test_the_card_reads_as_in_the_storyboard():
    card = render_live(Live.CARD, refresh(State.AWAITING), CONTEXT)
    assert card.text == "\n".join(
        [
            "*R42 · ez_ethereum_metrics · backfill from 2026-04-08 · waiting for approval*",
            "```",
            "2026-04-08  dex_volumes",
            "11,290,000,000,000,000 -> 1,676,204,911",
            "day before  1,712,880,140",
            "day after   1,640,118,302",
            "```",
            "Asked for: changed. Anything else: 0 rows, 0 columns.",
            "Reads it: 1 model, which does not use these columns. Exposures: dashboard `ethereum_page` (Frontend). "
            "Same sources: 28 other models, not refreshed.",
            "3,032 -> 3,032 rows, 2018-01-02 to 2026-04-21 on both sides · prod last written 02:14 UTC, "
            "usually nightly: approve before tomorrow 02:00 UTC",
            "Before an approval: explain 2 outlier groups.",
            "Asked by <@U0ALICE> · frozen Dune batch · warehouse ETHEREUM · code `3f9c2e1`, as in production · "
            "1:06 to build (usually 1:10)",
        ]
    )
    assert pressable(card) == ["cancel"]


def test_the_card_shows_how_far_the_build_is():
    card = render_live(Live.CARD, refresh(State.BUILDING), CONTEXT)
    assert "Building in dev · 0:41 of about 1:10 · ▓▓▓▓▓▓░░░░" in card.text
    assert "11,290" not in card.text


@pytest.mark.parametrize("state", [State.QUEUED, State.BUILDING, State.CHECKING])
def test_while_it_is_built_or_compared_again_the_card_shows_nothing_of_the_comparison_before(state):
    again = replace(refresh(State.AWAITING), state=state)
    assert again.report is not None
    shown = str(render_live(Live.CARD, again, CONTEXT).blocks)
    assert "Asked for: changed" not in shown
    assert "11,290,000" not in shown
    assert "rows, 2018" not in shown


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_a_rebuild_that_came_to_nothing_shows_nothing_of_the_comparison_before(state):
    """The report stays only for what carries over, and a rebuild takes the digest."""
    again = replace(refresh(State.AWAITING), state=state, digest="", cancel=BOB)
    assert again.report is not None
    shown = str(render_live(Live.CARD, again, CONTEXT).blocks)
    assert "Production was not touched." in shown
    assert "Asked for: changed" not in shown
    assert "11,290,000" not in shown
    assert "rows, 2018" not in shown


def test_approve_is_absent_while_something_blocks_and_the_reason_is_said():
    waiting = refresh(State.AWAITING)
    post = render_live(Live.APPROVAL, waiting, CONTEXT)
    assert pressable(post) == ["explain", "reject"]
    opening = "*Ready for approval* · 1 of <!subteam^S0DATA>, not <@U0ALICE>, by `[policy]` · expires tomorrow 14:07 UTC · waits for 2 explanations"
    assert post.text.startswith(opening)
    explained = tuple(
        Explanation(group=f"g{n}", reason="upstream correction", note="Dune", by=BOB, at=NOW) for n in range(2)
    )
    post = render_live(Live.APPROVAL, replace(waiting, explanations=explained), CONTEXT)
    assert pressable(post) == ["explain", "approve", "reject"]
    assert "Explained by <@U0BOB> (2 groups): known upstream correction, “Dune”." in post.text
    approve = next(x for x in elements(post) if x["action_id"] == "approve")
    assert "9c1f0123" in approve["confirm"]["text"]["text"]
    assert "EZ_METRICS" in approve["confirm"]["text"]["text"]
    assert json.loads(approve["value"]) == {"r": 42, "v": 7, "w": 0, "d": DIGEST}
    assert PROD.sql in post.text


def test_a_failing_finding_offers_what_is_possible_and_nothing_else():
    parity = finding(
        "parity", Verdict.FAIL, blocks=True, history_rows=3018, since="2026-04-08", history_differ=12, history_missing=0,
        history_extra=0, broken_in=["FEES"], window_missing=0, window_outside=0,
    )  # fmt: skip
    post = render_live(Live.APPROVAL, refresh(State.AWAITING, report=report(groups=0, findings=(parity,))), CONTEXT)
    assert pressable(post) == ["reject", "recheck", "rebuild"]
    assert "*Cannot be approved as it is* · parity in the way, and nobody may waive that" in post.text
    assert "Approve sends" not in post.text


def test_a_waivable_finding_offers_a_waiver_and_afterwards_the_approval():
    tests = finding(
        "tests", Verdict.FAIL, blocks=True, waivable=True, tests=3, passed=2, failing=["unique"], warning=[]
    )
    waiting = refresh(State.AWAITING, report=report(groups=0, findings=(tests,)))
    post = render_live(Live.APPROVAL, waiting, CONTEXT)
    assert pressable(post) == ["waive", "reject", "recheck", "rebuild"]
    assert "waits for tests to be repaired or waived" in post.text
    waived = replace(waiting, waivers=(Waiver(finding="tests", reason="known", by=BOB, at=NOW),))
    post = render_live(Live.APPROVAL, waived, CONTEXT)
    assert pressable(post) == ["approve", "reject"]
    assert "Waived by <@U0BOB>: tests, “known”." in post.text


def test_nothing_would_change_offers_close_only():
    same = refresh(State.AWAITING, report=report(groups=0, nothing=True))
    post = render_live(Live.APPROVAL, same, CONTEXT)
    assert pressable(post) == ["close"]
    assert "*2026-04-08 would not change.* It is as in production and still holds 1,676,204,911" in post.text
    assert same.report
    equal = replace(same, report=replace(same.report, changes=()))
    post = render_live(Live.APPROVAL, equal, CONTEXT)
    assert "*Nothing would change.* The candidate equals production; 2026-04-08 still holds 1,676,204,911" in post.text
    assert "nothing would change" in render_live(Live.CARD, same, CONTEXT).text


def test_recheck_is_offered_only_where_it_can_help():
    stale = refresh(State.STALE)
    assert pressable(render_live(Live.APPROVAL, stale, CONTEXT)) == ["rebuild"]
    again = replace(stale, problem=Problem(kind="stale:recheck", text="Prod changed."))
    assert pressable(render_live(Live.APPROVAL, again, CONTEXT)) == ["recheck", "rebuild"]


def test_what_a_verification_could_not_see_is_not_called_passed():
    done = refresh(State.DONE)
    assert done.promotion
    seen = done.promotion.findings
    unknown = tuple(finding(f"verification:{n}", Verdict.UNKNOWN) for n in ("tags", "policies"))
    for findings, verdict in (
        (seen, "verified: pass.*"),
        ((*seen, *unknown), "verified: tags and policies unknown.*"),
        ((), "not verified.*"),
    ):
        promoted = replace(done, promotion=replace(done.promotion, findings=findings))
        head = render_live(Live.PROMOTED, promoted, CONTEXT).text.split("UTC, ", 1)[1]
        assert head.startswith(verdict)


def test_the_promoted_post_offers_undo_while_the_backup_lives_and_the_next_level():
    using = (reader("agg_a"), reader("agg_b", None), reader("view_c", materialized="view"))
    done = refresh(State.DONE, plan=plan(readers=using))
    post = render_live(Live.PROMOTED, done, CONTEXT)
    assert pressable(post) == ["undo", "downstream", "drop_dev", "keep_dev"]
    assert post.text.startswith(
        "*Approved by <@U0BOB> 14:07, promoted 14:07 UTC, verified: pass.* 3,032 rows, hash equal"
    )
    assert "Backup kept 7 days." in post.text
    assert "dbt build --select ez_ethereum_metrics+ --exclude ez_ethereum_metrics" in post.text
    later = replace(CONTEXT, now=NOW + timedelta(days=8), dev_left=False)
    post = render_live(Live.PROMOTED, done, later)
    assert pressable(post) == ["downstream"]
    assert "no undo any more" in post.text
    unused = render_live(Live.PROMOTED, refresh(State.DONE), CONTEXT)
    assert pressable(unused) == ["undo", "drop_dev", "keep_dev"]
    assert "Next, by hand: nothing; the model downstream does not use these columns." in unused.text


def test_one_model_downstream_is_a_button_and_several_are_a_menu():
    one = render_live(Live.PROMOTED, refresh(State.DONE, plan=plan(readers=(reader("agg_a"),))), CONTEXT)
    button = next(x for x in elements(one) if x["action_id"] == "downstream")
    assert json.loads(button["value"]) == {"r": 42, "m": "model.shop.agg_a"}
    two = render_live(Live.PROMOTED, refresh(State.DONE, plan=plan(readers=(reader("b", None), reader("a")))), CONTEXT)
    menu = next(x for x in elements(two) if x["action_id"] == "downstream")
    assert [o["text"]["text"] for o in menu["options"]] == ["a", "b"]


def test_faulty_puts_undo_first():
    assert pressable(render_live(Live.PROMOTED, refresh(State.FAULTY), CONTEXT)) == ["undo", "accept"]


@pytest.mark.parametrize(
    ("lost", "label"),
    [
        (loss(), "Undo anyway: lose 2 rows"),
        (loss(written=1), "Undo anyway: lose 1 row"),
        (loss(written=0, removed=3), "Undo anyway: lose 0 rows"),
        (loss(written=4, exact=False), "Undo anyway: lose up to 4 rows"),
    ],
)
def test_undo_anyway_is_there_once_it_is_counted_and_names_the_number(lost, label):
    faulty = render_live(Live.PROMOTED, refresh(State.FAULTY, loss=lost), CONTEXT)
    assert pressable(faulty) == ["undo", "accept", "undo_forced"]
    assert list(elements(faulty))[-1]["text"]["text"] == label


def test_an_undone_card_says_that_production_is_as_before_and_not_what_had_changed():
    done, undone = (render_live(Live.CARD, refresh(s), CONTEXT).text for s in (State.DONE, State.UNDONE))
    assert "-> 1,676,204,911" in done
    assert "1,676,204,911" not in undone
    assert "Changed" not in undone
    assert "Production is as it was before the promotion" not in undone  # somebody said so, and nobody has compared
    assert "a person said that the undo happened" in undone
    compared = refresh(State.UNDONE, undo=refresh(State.DONE).promotion)
    assert compared.undo.after
    assert "Production is as it was before the promotion" in render_live(Live.CARD, compared, CONTEXT).text


@pytest.mark.parametrize(
    ("live", "state", "changes", "who"),
    [
        (Live.PROMOTED, State.FAULTY, {}, "<!subteam^S0DATA>, <@U0BOB> and <@U0ALICE>"),
        (Live.APPROVAL, State.NEEDS_ATTENTION, {}, "<!subteam^S0DATA>, <@U0BOB> and <@U0ALICE>"),
        (Live.APPROVAL, State.STALE, {}, "<@U0ALICE>"),
        (Live.APPROVAL, State.AWAITING, {"report": replace(report(), nothing_changes=True)}, "<@U0ALICE>"),
    ],
)
def test_who_has_to_hear_of_it_is_named_in_the_post(live, state, changes, who):
    shown = render_live(live, refresh(state, **changes), CONTEXT)
    assert f"Notified: {who}." in shown.text
    assert f"Notified: {who}." in shown.blocks[0]["text"]["text"]  # Slack tells those in the blocks


def test_doubt_stands_where_it_arose():
    doubt = refresh(State.NEEDS_ATTENTION)
    buttons = ["look", "happened", "not_happened"]
    assert pressable(render_live(Live.APPROVAL, doubt, CONTEXT)) == buttons
    assert pressable(render_live(Live.PROMOTED, doubt, CONTEXT)) == []
    undo = replace(doubt, undo_request=UndoRequest(by=BOB, at=NOW, forced=False, was=State.DONE, problem=None))
    assert pressable(render_live(Live.APPROVAL, undo, CONTEXT)) == []
    assert pressable(render_live(Live.PROMOTED, undo, CONTEXT)) == buttons


def test_values_stay_in_the_warehouse_where_the_settings_say_so():
    counts = replace(CONTEXT, settings=settings(post_rows="counts"))
    secret = ("11,290", "1,676", "1,712")
    waiting = refresh(State.AWAITING)
    shown = [render_live(live, waiting, counts).text for live in Live]
    shown.append(json.dumps(forms.explain_form(waiting, counts.settings)))
    assert not [s for s in secret for text in shown if s in text]
    (post,) = posts_for(Topic.RESULT, refresh(State.AWAITING), e.Started(at=NOW), counts)
    assert [f.name for f in post.files] == ["R42 details.txt"]


NEEDS = {
    "approve": e.Approved,
    "reject": e.Rejected,
    "explain": e.Explained,
    "waive": e.Waived,
    "cancel": e.CancelAsked,
    "close": e.CancelAsked,
    "recheck": e.RecheckAsked,
    "rebuild": e.RebuildAsked,
    "add_columns": e.RebuildAsked,
    "undo": e.UndoAsked,
    "undo_forced": e.UndoAsked,
    "accept": e.Accepted,
    "look": e.LookAgain,
    "happened": e.Settled,
    "not_happened": e.Settled,
    "add_clocks": e.RebuildAsked,
}
ALWAYS = {"downstream", "drop_dev", "keep_dev"}


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("live", list(Live))
@pytest.mark.parametrize("text", ["", HOSTILE])
def test_every_state_is_rendered_without_a_dead_button_and_within_the_limits(live, state, text):
    shown = posted(live, state, text)
    message = render_live(live, shown, CONTEXT)
    within_limits(message)
    for action in pressable(message):
        assert action in ALWAYS or allows(shown, NEEDS[action])
    if text:
        harmless(message)


def test_ends_offer_nothing_but_the_way_back_and_the_next_step():
    for state in (s for s in State if not TABLE[s]):
        for live in Live:
            assert pressable(render_live(live, posted(live, state), CONTEXT)) == []


def posted(live: Live, state: State, text: str = "") -> Refresh:
    """A refresh that has this message: the plan is only posted once there is one."""
    shown = refresh(state, text)
    return replace(shown, plan=shown.plan or plan(text)) if live is Live.PLAN else shown


def test_the_plan_offers_the_clocks_until_the_build_begins_again():
    building = refresh(State.BUILDING)
    message = render_live(Live.PLAN, building, CONTEXT)
    assert "`modified_on` keeps prod's value, unless added to `columns=`." in message.text
    assert pressable(message) == ["add_clocks"]
    again = render_live(Live.PLAN, replace(building, again=("dex_volumes", "MODIFIED_ON")), CONTEXT)
    assert (again.text, pressable(again)) == (message.text, [])
    wider = replace(building.request, columns=("dex_volumes", "modified_on"))
    queued = render_live(Live.PLAN, replace(building, request=wider), CONTEXT)  # until it is planned anew
    assert (queued.text, pressable(queued)) == (message.text, [])
