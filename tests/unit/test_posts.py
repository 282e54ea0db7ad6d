"""Every topic's posts, in the thread, in private and in the audit channel, and the reminders."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot import events as e
from bot.blocks import posts_for, reminder, render_live
from bot.machine import Topic
from bot.messages import AUDIT_HEAD, Live
from bot.model import (
    Actor,
    Decision,
    Origin,
    Problem,
    Series,
    State,
    UndoRequest,
    Verdict,
)
from bot.settings import (
    SlackSection,
)
from tests.refreshes import EVENTS
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
    snapshot,
)

COMPARED = EVENTS[e.Checked]

CAROL = Actor(user_id="U0CAROL", team_id="T0DEMO", name="carol")
AFTER = {
    Topic.CARD: State.BUILDING,
    Topic.PLAN: State.BUILDING,
    Topic.RESULT: State.AWAITING,
    Topic.READY: State.AWAITING,
    Topic.NOTHING: State.AWAITING,
    Topic.APPROVED: State.APPROVED,
    Topic.LAPSED: State.AWAITING,
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
    Topic.AUDIT_CHANGE: State.VERIFYING,
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
    if topic is Topic.LAPSED:
        event = e.ApprovalsLapsed(at=NOW, lapsed=(e.Lapse(by=BOB, rule="deleted" + text),))
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
        "*R42* finished `ez_ethereum_metrics` (backfill from 2026-04-08): asked by <@U0ALICE>, approved by <@U0BOB> · "
        "<{thread_link}|thread> · audit chain `{audit_head}`"
    )


def test_the_audit_line_of_a_refresh_that_came_to_nothing_says_that_production_is_untouched():
    (post,) = posts_for(Topic.AUDIT_END, refresh(State.REJECTED), e.Started(at=NOW), CONTEXT)
    assert post.message.text.startswith(
        "*R42* rejected, production untouched: `ez_ethereum_metrics` (backfill from 2026-04-08), asked by <@U0ALICE>, "
        "rejected by <@U0BOB>, “no” · "
    )


ASKED = "asked by <@U0ALICE>, “frozen Dune batch”"
SETTLED = e.Settled(at=NOW, by=CAROL, happened=True, reason="read it", expires_at=NOW)
HEAD, END = "`ez_ethereum_metrics` (backfill from 2026-04-08)", " · <{thread_link}|thread>"


@pytest.mark.parametrize(
    ("state", "event", "said"),
    [
        (State.VERIFYING, e.Promoted, f"replaced production of {HEAD}: {ASKED}, approved by <@U0BOB>"),
        (
            State.VERIFYING,
            SETTLED,
            f"replaced production of {HEAD}: {ASKED}, approved by <@U0BOB>, said to have happened by <@U0CAROL>, “read it”",
        ),
        (
            State.STALE,
            replace(SETTLED, happened=False),
            f"did not replace production of {HEAD}: said not to have happened by <@U0CAROL>, “read it”",
        ),
        (State.FAULTY, e.Verified, f"failed its verification: {HEAD}, Prod changed, {ASKED}, approved by <@U0BOB>"),
        (State.NEEDS_ATTENTION, e.Doubted, f"needs a person: {HEAD}, Prod changed, {ASKED}, approved by <@U0BOB>"),
    ],
)
def test_what_is_done_to_production_is_a_line_with_who_and_why(state, event, said):
    happened = EVENTS[event] if isinstance(event, type) else event
    shown = refresh(state, problem=Problem(kind="faulty", text="Prod changed."))
    (post,) = posts_for(Topic.AUDIT_CHANGE, shown, happened, CONTEXT)
    assert (post.channel, post.thread) == ("C0AUDIT", False)
    assert post.message.text == f"*R42* {said}{END}"
    silent = replace(CONTEXT, settings=settings().model_copy(update={"slack": SlackSection(channels=("C",))}))
    assert posts_for(Topic.AUDIT_CHANGE, shown, happened, silent) == ()


def test_an_undo_says_why_in_the_thread_and_in_the_audit_channel():
    request = UndoRequest(by=CAROL, at=NOW, forced=False, was=State.DONE, problem=None, reason="the source was wrong")
    undone = refresh(State.UNDONE, undo_request=request)
    (post,) = posts_for(Topic.UNDONE, undone, e.Started(at=NOW), CONTEXT)
    assert "*Undone by <@U0CAROL> 14:07 UTC.* “the source was wrong.”" in post.message.text
    assert "is what it was before the promotion was not compared" in post.message.text
    (post,) = posts_for(Topic.UNDONE, replace(undone, undo=undone.promotion), e.Started(at=NOW), CONTEXT)
    assert "`ETHEREUM.PROD_CORE.EZ_METRICS` is what it was before the promotion." in post.message.text
    (line,) = posts_for(Topic.AUDIT_END, undone, e.Started(at=NOW), CONTEXT)
    assert "undone by <@U0CAROL>, “the source was wrong”, the model is on hold · " in line.message.text
    (line,) = posts_for(Topic.AUDIT_END, undone, replace(SETTLED, reason="the values are back"), CONTEXT)
    assert "on hold, said to have happened by <@U0CAROL>, “the values are back” · " in line.message.text


@pytest.mark.parametrize(("key", "way"), [(("DATE",), "WHERE NOT EXISTS"), ((), "MINUS SELECT")])
def test_an_undo_that_took_rows_of_others_along_offers_them_back(key, way):
    kept = snapshot(PROD.renamed("BEFORE_UNDO"))
    undone = refresh(State.UNDONE)
    grain = Origin(columns=key, source="unique_key")
    rules = replace(undone.plan.rules, grain=grain)
    undo = replace(undone.promotion, kept=kept, loss=loss())
    undone = replace(undone, undo=undo, plan=replace(undone.plan, rules=rules))
    (post,) = posts_for(Topic.UNDONE, undone, e.Started(at=NOW), CONTEXT)
    assert "*2 rows that others wrote were lost by this.*" in post.message.text
    assert f"is in `{kept.relation}` until 2026-04-2" in post.message.text
    statement = post.message.text.split("```")[1]
    assert f"INSERT INTO {undone.prod.sql} (" in statement
    assert f"FROM {kept.relation.sql} k" in statement
    assert way in statement
    (line,) = posts_for(Topic.AUDIT_END, undone, e.Started(at=NOW), CONTEXT)
    assert "2 rows of others taken along, the model is on hold" in line.message.text


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


# What cannot be made


def test_a_result_goes_on_without_the_picture_and_says_so() -> None:
    def broken(_series: Series, _title: str) -> bytes:
        raise ValueError("ParseFatalException")

    told = posts_for(Topic.RESULT, refresh(State.AWAITING), COMPARED, replace(CONTEXT, picture=broken))[0]
    assert [f.name for f in told.files] == ["R42 outliers.csv", "R42 details.txt"]
    assert told.message.text.endswith("_The picture could not be drawn._ The bot's log says why.")
    assert told.message.text.startswith("Tests: *pass*.")


def test_a_result_whose_words_break_still_asks_for_the_decision() -> None:
    """A number that is none, as no check writes it: whatever breaks the words must not break the step."""
    odd = finding("outliers", Verdict.FAIL, blocks=True, reported="many", to_explain="some")
    unreadable = refresh(State.AWAITING, report=report(findings=(odd,)))
    told = posts_for(Topic.RESULT, unreadable, COMPARED, CONTEXT)[0]
    assert "could not be put into words" in told.message.text
    (ready,) = posts_for(Topic.READY, unreadable, COMPARED, CONTEXT)
    assert ready.live is Live.APPROVAL
    assert any("reject" in str(b) for b in ready.message.blocks)


def test_what_cannot_be_put_into_words_keeps_its_buttons_but_for_approve() -> None:
    """A statement that is none, as no step stores it."""
    unreadable = refresh(State.AWAITING, statements=(None,))
    shown = render_live(Live.APPROVAL, unreadable, CONTEXT)
    assert "could not be put into words" in shown.text
    pressed = pressable(shown)
    assert "reject" in pressed
    assert "approve" not in pressed
