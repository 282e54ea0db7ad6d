"""Messages and forms of every state: within Slack's limits whatever people wrote, and no dead button anywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import events as e
from bot.blocks import forms, posts_for, reminder, render_live
from bot.blocks.answers import answer
from bot.blocks.budget import BLOCKS, CHARACTERS, fit, message, size
from bot.blocks.home import home_view
from bot.blocks.kit import pre, section
from bot.index import Entry
from bot.machine import TABLE, Topic, allows
from bot.messages import AUDIT_HEAD, Live, Message
from bot.model import (
    Decision,
    Explanation,
    Problem,
    Refresh,
    State,
    UndoRequest,
    Verdict,
    Waiver,
)
from bot.settings import (
    SlackSection,
)
from tests.unit.samples import (
    BOB,
    CONTEXT,
    DIGEST,
    HOSTILE,
    NOW,
    PROD,
    finding,
    plan,
    reader,
    refresh,
    report,
    settings,
)


def elements(message: Message) -> Iterator[dict]:
    for block in message.blocks:
        yield from block.get("elements", ()) if block["type"] == "actions" else ()


def pressable(message: Message) -> list[str]:
    return [x["action_id"] for x in elements(message)]


# --- what people read ------------------------------------------------------------------------------------------------


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
    opening = "*Ready for approval* · 1 of <!subteam^S0DATA>, not <@U0ALICE> · expires tomorrow 14:07 UTC · waits for 2 explanations"
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
    assert json.loads(approve["value"]) == {"r": 42, "v": 7, "d": DIGEST[:12]}
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
    assert pressable(render_live(Live.PROMOTED, refresh(State.FAULTY), CONTEXT)) == ["undo", "accept", "undo_forced"]


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


# --- every state -----------------------------------------------------------------------------------------------------

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


def harmless(message: Message) -> None:
    """No alarm, no mention of our victim, no link that somebody else wrote."""
    for text in [message.text, *mrkdwn(message)]:
        assert "<!channel>" not in text
        assert "<http://evil" not in text
        assert "\u202e" not in text


def mrkdwn(message: Message) -> Iterator[str]:
    def walk(node):
        if isinstance(node, dict):
            if node.get("type") == "mrkdwn":
                yield node["text"]
            for child in node.values():
                yield from walk(child)
        elif isinstance(node, list | tuple):
            for child in node:
                yield from walk(child)

    yield from walk(message.blocks)


def within_limits(message: Message) -> None:
    assert message.text.strip()
    assert len(message.text) <= 4000
    assert len(message.blocks) <= BLOCKS
    assert size(message.blocks) <= CHARACTERS
    for block in message.blocks:
        check(block)


def check(block: dict) -> None:
    match block["type"]:
        case "section":
            assert 0 < len(block["text"]["text"]) <= 3000
        case "header":
            assert 0 < len(block["text"]["text"]) <= 150
        case "context":
            assert 0 < len(block["elements"]) <= 10
            assert all(0 < len(x["text"]) <= 2000 for x in block["elements"])
        case "actions":
            assert 0 < len(block["elements"]) <= 25
            assert len(block.get("block_id", "")) <= 255
            ids = [x["action_id"] for x in block["elements"]]
            assert len(set(ids)) == len(ids)
            for element in block["elements"]:
                check_element(element)
        case "input":
            assert 0 < len(block["label"]["text"]) <= 2000
            assert len(block.get("hint", {"text": ""})["text"]) <= 2000
            check_element(block["element"])
        case "rich_text":
            assert block["elements"][0]["elements"][0]["text"]
        case other:
            assert other == "divider"


def check_element(element: dict) -> None:
    assert 0 < len(element["action_id"]) <= 255
    if element["type"] == "button":
        assert 0 < len(element["text"]["text"]) <= 75
        assert 0 < len(element["value"]) <= 2000
        assert 0 < len(element["accessibility_label"]) <= 75
        if dialog := element.get("confirm"):
            assert len(dialog["title"]["text"]) <= 100
            assert len(dialog["text"]["text"]) <= 300
            assert len(dialog["confirm"]["text"]) <= 30
            assert len(dialog["deny"]["text"]) <= 30
    options = element.get("options", [])
    assert len(options) <= 100
    assert "options" not in element or options
    for option in options:
        assert 0 < len(option["text"]["text"]) <= 75
        assert 0 < len(option["value"]) <= 150
        assert len(option.get("description", {"text": "x"})["text"]) <= 75
    initial = element.get("initial_options", [element["initial_option"]] if "initial_option" in element else [])
    assert element["type"] == "external_select" or all(i in options for i in initial)
    assert len(element.get("placeholder", {"text": ""})["text"]) <= 150
    assert len(element.get("initial_value", "")) <= element.get("max_length", 3000) <= 3000


# --- topics ----------------------------------------------------------------------------------------------------------

AFTER = {
    Topic.CARD: State.BUILDING,
    Topic.PLAN: State.BUILDING,
    Topic.RESULT: State.AWAITING,
    Topic.READY: State.AWAITING,
    Topic.NOTHING: State.AWAITING,
    Topic.APPROVED: State.APPROVED,
    Topic.PROMOTED: State.DONE,
    Topic.FAULTY: State.FAULTY,
    Topic.ACCEPTED: State.DONE,
    Topic.REFUSED: State.FAILED,
    Topic.FAILED: State.FAILED,
    Topic.WITHDRAWN: State.STALE,
    Topic.REJECTED: State.REJECTED,
    Topic.CANCELLED: State.CANCELLED,
    Topic.EXPIRED: State.EXPIRED,
    Topic.NEEDS_ATTENTION: State.NEEDS_ATTENTION,
    Topic.SETTLED: State.VERIFYING,
    Topic.UNDO_REFUSED: State.DONE,
    Topic.UNDONE: State.UNDONE,
    Topic.AUDIT_START: State.BUILDING,
    Topic.AUDIT_END: State.DONE,
}


@pytest.mark.parametrize("topic", list(Topic))
@pytest.mark.parametrize("text", ["", HOSTILE])
def test_every_topic_has_its_posts(topic, text):
    acceptance = Decision(approve=True, by=BOB, at=NOW, digest=DIGEST, reason="fine" + text)
    shown = refresh(AFTER[topic], text, acceptance=acceptance if topic is Topic.ACCEPTED else None)
    event: e.Event = e.UndoRefused(at=NOW, problem=Problem(kind="undo refused: moved", text="Prod changed."))
    if topic is Topic.SETTLED:
        event = e.Settled(at=NOW, by=BOB, happened=True, reason="read it" + text, expires_at=NOW + timedelta(hours=24))
    posts = posts_for(topic, shown, event, CONTEXT)
    assert posts
    assert len({p.key for p in posts}) == len(posts)
    for post in posts:
        assert len(post.key) <= 200
        within_limits(post.message)
        if text:
            harmless(post.message)


def test_without_an_audit_channel_the_head_of_the_chain_stands_in_the_thread():
    context = replace(CONTEXT, settings=settings().model_copy(update={"slack": SlackSection(channels=("C",))}))
    done = refresh(State.DONE)
    assert posts_for(Topic.AUDIT_START, done, e.Started(at=NOW), context) == ()
    (post,) = posts_for(Topic.AUDIT_END, done, e.Started(at=NOW), context)
    assert (post.channel, post.thread) == (done.channel, True)
    assert post.message.text == f"Audit chain of {done.ref}: `{AUDIT_HEAD}`"


def test_failed_before_its_card_the_asker_hears_which_one():
    unplanned = replace(refresh(State.FAILED), plan=None, report=None, problem=Problem(kind="x", text="No warehouse."))
    (post,) = posts_for(Topic.REFUSED, unplanned, e.Failed(at=NOW, problem=unplanned.problem), CONTEXT)
    assert (post.private_to, post.thread) == (unplanned.asker.user_id, False)
    assert post.message.text == f"*{unplanned.ref} of `ez_ethereum_metrics` could not begin.* No warehouse."


def test_cancelled_before_its_card_only_the_asker_hears_of_it():
    unplanned = replace(refresh(State.CANCELLED), plan=None, report=None, cancel=BOB)
    (post,) = posts_for(Topic.CANCELLED, unplanned, e.CancelAsked(at=NOW, by=BOB), CONTEXT)
    assert (post.private_to, post.thread) == (unplanned.asker.user_id, False)
    assert post.message.text.startswith(f"*{unplanned.ref} of `ez_ethereum_metrics` was cancelled by <@U0BOB>")
    mine = replace(unplanned, cancel=unplanned.asker)
    assert (
        posts_for(Topic.CANCELLED, mine, e.CancelAsked(at=NOW, by=mine.asker), CONTEXT) == ()
    )  # the click's answer says so
    (post,) = posts_for(Topic.CANCELLED, mine, e.Stopped(at=NOW), CONTEXT)
    assert post.private_to == mine.asker.user_id


def test_a_topic_can_come_again_under_another_key():
    first = posts_for(Topic.READY, refresh(State.AWAITING), e.Started(at=NOW), CONTEXT)
    again = posts_for(Topic.READY, refresh(State.AWAITING, revision=9), e.Started(at=NOW), CONTEXT)
    assert first[0].key != again[0].key
    assert first[0].live is Live.APPROVAL


def test_the_result_is_one_upload_with_picture_outliers_and_details():
    (post,) = posts_for(Topic.RESULT, refresh(State.AWAITING), e.Started(at=NOW), CONTEXT)
    assert [f.title for f in post.files] == ["ez_ethereum_metrics: dex_volumes", "outliers.csv", "details.txt"]
    assert post.message.blocks == ()


def test_a_failed_build_brings_its_sql_and_offers_to_try_again():
    sql, failed = posts_for(Topic.FAILED, refresh(State.FAILED), e.Started(at=NOW), CONTEXT)
    assert sql.files[0].content == b"select 1"
    (again,) = elements(failed.message)
    assert again["value"].startswith(
        "ethereum.ez_metrics backfill 2026-04-08 columns=dex_volumes,total_economic_activity"
    )


def test_the_audit_channel_gets_a_line_with_a_link_to_the_thread():
    (post,) = posts_for(Topic.AUDIT_END, refresh(State.DONE), e.Started(at=NOW), CONTEXT)
    assert (post.channel, post.thread) == ("C0AUDIT", False)
    assert post.message.text == (
        "*R42* promoted `ez_ethereum_metrics` (backfill from 2026-04-08): asked by <@U0ALICE>, approved by <@U0BOB> · "
        "<{thread_link}|thread> · audit chain `{audit_head}`"
    )


def test_the_audit_line_of_a_refresh_that_came_to_nothing_says_that_production_is_untouched():
    (post,) = posts_for(Topic.AUDIT_END, refresh(State.REJECTED), e.Started(at=NOW), CONTEXT)
    assert post.message.text.startswith(
        "*R42* rejected, production untouched: `ez_ethereum_metrics` (backfill from 2026-04-08), asked by <@U0ALICE>, "
        "rejected by <@U0BOB> · "
    )


def test_a_reminder_names_who_and_what_it_waits_for():
    post = reminder(refresh(State.AWAITING), CONTEXT, 1)
    assert post.message.text == (
        "*R42 still waits for a decision:* 1 of <!subteam^S0DATA>, not <@U0ALICE> · waits for 2 explanations. "
        "It expires tomorrow 14:07 UTC."
    )
    assert reminder(refresh(State.AWAITING), CONTEXT, 2).key != post.key


@pytest.mark.parametrize(
    ("waiting", "said"),
    [
        (
            refresh(State.STALE),
            "*R42 is still withdrawn:* it goes on when <@U0ALICE> or one of <!subteam^S0DATA> says so. "
            "*Rebuild* builds it anew on production as it is now. It expires tomorrow 14:07 UTC.",
        ),
        (
            refresh(State.FAULTY),
            "*R42 was promoted, and production is still not as approved:* one of <!subteam^S0DATA> undoes it or "
            "accepts it. *Undo* puts the backup back at once. *Accept* keeps production as it is, with a reason.",
        ),
        (
            refresh(State.FAULTY, problem=Problem(kind="not verified", text="Snowflake does not answer.")),
            "*R42 was promoted, and could still not be verified:* one of <!subteam^S0DATA> looks again, "
            "undoes it or accepts it. *Look again* verifies it once more. "
            "*Undo* puts the backup back at once. *Accept* keeps production as it is, with a reason.",
        ),
        (
            refresh(State.AWAITING, report=report(nothing=True)),
            "*R42 would change nothing:* <@U0ALICE> or one of <!subteam^S0DATA> ends it with *Close*, so that the "
            "table is free again. It expires tomorrow 14:07 UTC.",
        ),
    ],
)
def test_every_wait_is_reminded_of_with_what_its_buttons_do(waiting, said):
    assert reminder(waiting, CONTEXT, 1).message.text == said


UNDO = UndoRequest(by=BOB, at=NOW, forced=False, was=State.DONE, problem=None)


@pytest.mark.parametrize(("undo", "end"), [(None, "production is verified"), (UNDO, "the refresh counts as undone")])
def test_a_reminder_of_a_doubt_says_what_each_answer_means(undo, end):
    said = reminder(refresh(State.NEEDS_ATTENTION, undo_request=undo), CONTEXT, 1).message.text
    assert said.startswith("*R42 still needs a person:* one of <!subteam^S0DATA> says what happened to production.")
    assert all(f"*{button}*" in said for button in ("Look again", "It happened", "It did not"))
    assert end in said


def test_many_readers_become_a_file():
    many = tuple(reader(f"m{n}") for n in range(1266))
    live, listed = posts_for(Topic.PROMOTED, refresh(State.DONE, plan=plan(readers=many)), e.Started(at=NOW), CONTEXT)
    within_limits(live.message)
    assert listed.files[0].content.count(b"\n") == 1269


def test_a_refusal_before_the_card_is_private():
    (post,) = posts_for(Topic.REFUSED, refresh(State.FAILED, plan=None), e.Started(at=NOW), CONTEXT)
    assert (post.private_to, post.thread) == ("U0ALICE", False)


# --- forms -----------------------------------------------------------------------------------------------------------


def every_form(text: str) -> Iterator[dict]:
    waivable = tuple(
        finding(f"safety:{n}{text[:200]}", Verdict.FAIL, blocks=True, waivable=True, visible=False) for n in range(3)
    )
    tests = finding("tests", Verdict.FAIL, blocks=True, waivable=True, tests=3, passed=2, failing=[text], warning=[])
    waiting = refresh(State.AWAITING, text, waivers=(), report=report(text, 20, (*waivable, tests)))
    faulty, doubt = refresh(State.FAULTY, text), refresh(State.NEEDS_ATTENTION, text)
    entry = Entry(unique_id=f"model.shop.x{text}", name=f"x{text}", package="shop", materialized="table", prod=PROD)
    yield forms.ask_form(settings(), None, None, "")
    yield forms.ask_form(settings(), waiting.request, entry if len(text) < 100 else None, "C0INCIDENTS")
    yield forms.explain_form(waiting, settings())
    yield forms.waive_form(waiting, settings())
    yield forms.reject_form(waiting)
    yield forms.accept_form(faulty)
    yield forms.undo_form(faulty)
    yield forms.settle_form("happened", doubt)
    yield forms.settle_form("not_happened", doubt)


@pytest.mark.parametrize("text", ["", HOSTILE])
def test_every_form_is_within_the_limits(text):
    seen = set()
    for form in every_form(text):
        seen.add(form["callback_id"])
        for name in ("title", "submit", "close"):
            assert 0 < len(form[name]["text"]) <= 24
        assert len(form["private_metadata"]) <= 3000
        assert len(form["blocks"]) <= 100
        for block in form["blocks"]:
            check(block)
        harmless(Message(text="-", blocks=tuple(form["blocks"])))
    assert seen == {"ask", "explain", "waive", "reject", "accept", "undo_forced", "happened", "not_happened"}


def test_the_explain_form_chooses_all_that_is_unexplained():
    waiting = refresh(
        State.AWAITING, explanations=(Explanation(group="g0", reason="late data", note="", by=BOB, at=NOW),)
    )
    choice = forms.explain_form(waiting, settings())["blocks"][1]["element"]
    assert [o["value"] for o in choice["options"]] == ["g0", "g1"]
    assert [o["value"] for o in choice["initial_options"]] == ["g1"]
    assert choice["options"][0]["text"]["text"] == "dex_volumes · 2026-04-08"
    assert choice["options"][0]["description"]["text"] == "11,290,000,000,000,000 -> 1,676,204,911 (-99.99999 %)"


def test_the_forced_undo_names_what_is_lost():
    text = forms.undo_form(refresh(State.FAULTY))["blocks"][0]["text"]["text"]
    assert "Every row written after 14:07 UTC is lost" in text
    assert "3,032 rows" in text


# --- home, answers, the guard ----------------------------------------------------------------------------------------


def test_the_home_tab_sorts_by_what_waits_for_me():
    rows = [refresh(State.AWAITING, id=n) for n in range(200, 100, -1)]
    view = home_view("U0BOB", [*rows, refresh(State.DONE, id=9)], ["held_model"], lambda n: f"https://slack/{n}", NOW)
    assert len(view["blocks"]) <= 100
    text = json.dumps(view, ensure_ascii=False)
    assert "*R200*" in text
    assert "<https://slack/200|thread>" in text
    assert "Nothing of yours is going on." in text
    mine = json.dumps(home_view("U0ALICE", rows, [], lambda n: "", NOW))
    assert "Nothing waits." in mine


def test_offers_are_buttons():
    offered = answer("No.", ["a backfill 2026-04-08", "b" * 3000], form="a")
    assert pressable(offered) == ["offer:0", "form"]


texts = st.text(min_size=1, max_size=30).flatmap(lambda t: st.integers(1, 400).map(lambda n: t * n))


@given(st.lists(st.tuples(st.sampled_from([section, pre]), texts), max_size=60))
def test_any_blocks_are_made_to_fit(parts):
    made = message(*(make(text) for make, text in parts))
    assert len(made.text) <= 4000
    assert len(made.blocks) <= BLOCKS
    assert size(made.blocks) <= CHARACTERS
    for block in made.blocks:
        check(block)


def test_what_was_cut_is_said_and_buttons_stay():
    lines = "\n".join(f"line {n}" for n in range(5000))
    buttons = answer("x", ["a"]).blocks[1]
    fitted = fit([section("first"), *[section(lines[:2900]) for _ in range(60)], buttons])
    assert fitted[0]["text"]["text"] == "first"
    assert fitted[-1] == buttons
    assert "more parts in the details file" in json.dumps(fitted)
    assert "more lines in the details file" in json.dumps(fitted)
