"""The words: escaping that nothing gets through, times and lists as people write them, help that cannot lag behind."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot import commands, wording
from bot.commands import GRAMMAR, OPTIONS, parse
from bot.model import ColumnChange, Problem, Request, State
from bot.policy import ACTIONS
from bot.slack_manifest import manifest
from bot.wording import answers, buttons, card, downstream, forms, outcomes, rules, text
from bot.wording import help as manual
from bot.wording import plan as planned
from tests.unit.limits import UNSEEN
from tests.unit.samples import NOW, plan, reader, refresh

SPECIAL = st.text(st.sampled_from("<>&`*_~!@#|^ab \n\t\u202e\u2028\u200b\ufeff"), max_size=60) | st.text(max_size=60)


@given(SPECIAL)
def test_escaped_text_holds_no_markup_of_its_own(foreign):
    for made in (text.escape(foreign), text.prose(foreign), text.code(foreign), text.fenced(foreign)):
        assert not re.search(r"[<>]", made)
        assert not re.search(r"&(?!amp;|lt;|gt;)", made)
        assert not set(UNSEEN) & set(made)


@given(SPECIAL)
def test_code_and_fences_cannot_be_broken_out_of(foreign):
    assert text.code(foreign).count("`") == 2
    assert text.fenced(foreign).count("```") == 2
    assert "`" not in text.prose(foreign)
    assert "\n" not in text.prose(foreign) + text.code(foreign)


pieces = st.lists(
    st.sampled_from(["&amp;", "<@U0BOB>", "`code`", "word ", "\n", "```\nfence\n```", "<https://x|link>", "ab"]),
    max_size=80,
).map("".join)


@example("&amp;" * 3 + "<@U0BOB>" * 2 + "`code`<https://x|link>ab`code````\nfence\n```" + "&amp;" * 6, 103)
@given(pieces, st.integers(80, 400))
def test_shortening_never_breaks_markup_and_says_what_was_cut(whole, limit):
    short = text.shorten(whole, limit)
    assert len(short) <= limit
    if len(whole) <= limit:
        assert short == whole
        return
    assert "details file" in short
    assert not re.search(r"&(?!amp;)", short)
    assert not re.search(r"<(?!@U0BOB>|https://x\|link>)", short)
    assert short.count("```") % 2 == 0


@given(st.text(max_size=40))
def test_a_mention_is_only_ever_an_id(user):
    assert re.fullmatch(r"<(@|!subteam\^)[A-Za-z0-9]*>", text.mention(user))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (text.clock(NOW), "14:07 UTC"),
        (text.clock(NOW + timedelta(days=1), NOW), "tomorrow 14:07 UTC"),
        (text.clock(NOW - timedelta(days=1), NOW), "yesterday 14:07 UTC"),
        (text.clock(NOW - timedelta(days=9), NOW), "2026-04-12 14:07 UTC"),
        (text.lasted(66), "1:06"),
        (text.lasted(3723), "1:02:03"),
        (text.ago(timedelta(seconds=20)), "just now"),
        (text.ago(timedelta(minutes=3)), "3 min ago"),
        (text.ago(timedelta(hours=5)), "5 h ago"),
        (text.span(timedelta(hours=24)), "1 day"),
        (text.span(timedelta(minutes=30)), "30 minutes"),
        (text.plural(1, "row"), "1 row"),
        (text.plural(3032, "row"), "3,032 rows"),
        (text.listed(["a"]), "a"),
        (text.listed(["a", "b", "c"], "or"), "a, b or c"),
        (text.listed(list("abcdefghijk"), most=3), "a, b, c and 8 more"),
        (text.listed([]), ""),
    ],
)
def test_small_words(made, expected):
    assert made == expected


def written(*times: datetime) -> str:
    return card.written(times[-1], times, NOW)


def test_when_production_is_usually_written_is_learnt_from_its_changes():
    night = [datetime(2026, 4, d, 2, 14, tzinfo=UTC) for d in (18, 19, 20, 21)]
    assert written(*night) == "prod last written 02:14 UTC, usually nightly: approve before tomorrow 02:00 UTC"
    hourly = [datetime(2026, 4, 21, h, 5, tzinfo=UTC) for h in range(8, 14)]
    assert written(*hourly) == "prod last written 13:05 UTC, usually every 60 minutes: needs a quick approver"
    assert written(*night[-2:]) == "prod last written 02:14 UTC"
    weekly = [datetime(2026, 4, d, 2, tzinfo=UTC) for d in (1, 8, 15)]
    assert written(*weekly) == "prod last written 2026-04-15 02:00 UTC"


def test_what_else_changed_is_said_by_column():
    waiting = refresh(State.AWAITING)
    assert waiting.report is not None
    fees = ColumnChange(column="FEES", history=12, window=0, allowed=False)
    beside = replace(waiting.report, changes=(fees,))
    assert card.changes(waiting, beside) == "Asked for: unchanged. Anything else: `fees` in 12 rows."
    nothing = replace(waiting.report, changes=())
    assert card.changes(replace(waiting, request=Request(model="m")), nothing) == "Would change: nothing."


def test_what_changed_is_said_of_production_as_it_is_then():
    states = (State.AWAITING, State.STALE, State.CANCELLED, State.REJECTED, State.DONE, State.UNDONE)
    said = []
    for state in states:
        shown = refresh(state)
        assert shown.report is not None
        backfill = card.changes(shown, shown.report).split(".")[0]
        full = card.changes(replace(shown, request=Request(model="m")), shown.report).split(":")[0]
        said.append((backfill, full))
    assert said == [
        ("Asked for: changed", "Would change"),
        ("Asked for: changed", "Would change"),
        ("Asked for: would have changed", "Would have changed"),
        ("Asked for: would have changed", "Would have changed"),
        ("Asked for: changed", "Changed"),
        ("Asked for: changed", "Changed"),
    ]


def test_follow_up_counts_by_kind_and_ranks_the_next_level():
    readers = (
        reader("view_a", True, materialized="view"),
        reader("inc_b", None, materialized="incremental", honours_date=True),
        reader("fact_c", True),
        reader("fact_d", False),
        reader("deep_e", True, depth=2),
    )
    said = downstream.follow_up(plan(readers=readers), refresh(State.DONE).request.since, "backfill_date")
    assert (
        "1 incremental that honours the date and 3 that need a refresh of their own, not refreshed yet; 1 view needs nothing"
        in said
    )
    assert "First in line: `fact_c`, `inc_b` and `fact_d`." in said
    assert (
        """dbt build --select ez_ethereum_metrics+ --exclude ez_ethereum_metrics --vars '{"backfill_date": "2026-04-08"}'"""
        in said
    )


@pytest.mark.parametrize("state", list(State))
def test_a_late_click_is_told_what_happened_instead(state):
    said = answers.moved_on(refresh(state))
    assert said.startswith("R42 has moved on and this did nothing: ")
    if state is State.DONE:
        assert "approved by <@U0BOB> 14:07 UTC, done" in said
    if state is State.REJECTED:
        assert "rejected by <@U0BOB>" in said
    assert ".." not in said


def test_a_reason_that_ends_in_a_full_stop_gets_no_second_one():
    decision = replace(refresh(State.REJECTED).decisions[0], reason="The source is wrong.")
    assert outcomes.rejected(decision).endswith("The source is wrong. Production was not touched.")
    assert outcomes.accepted(decision).endswith("The source is wrong. Production stays as it is.")
    assert answers.held("m", None, NOW, "Dune is moving.", None, NOW).endswith(
        "UTC: Dune is moving. An approver lifts it with `/dbt-refresh unhold m`."
    )


def test_busy_reads_as_in_the_storyboard():
    holder = refresh(State.BUILDING)
    assert answers.busy(holder, "https://slack/1", NOW) == (
        "R42 already refreshes this table (building in dev, asked by <@U0ALICE> 6 min ago): <https://slack/1|thread>. "
        "Two refreshes of one table never run at once. Wait for it, or cancel it first: `/dbt-refresh cancel R42`."
    )
    assert answers.busy(refresh(State.PROMOTING), "", NOW).endswith("never run at once. It has to end first.")


def test_a_group_of_many_says_how_far_the_most_moved_where_values_may_be_shown():
    report = refresh(State.AWAITING).report
    assert report is not None
    many = replace(report.groups[0], count=37, direction="mixed")
    assert forms.group_note(many, with_values=True) == "37 values, mixed, the most -99.99999 %"
    assert forms.group_note(many, with_values=False) == "37 values, mixed"


def test_status_of_what_could_not_begin_says_why_without_a_thread_to_look_into():
    begun = refresh(State.FAILED)
    assert "stands in the thread" in answers.status(begun, "https://slack/1", NOW)
    unbegun = replace(begun, problem=Problem(kind="refused", text="`foo` is not a column of `ez_ethereum_metrics`."))
    said = answers.status(unbegun, "", NOW)
    assert "`foo` is not a column" in said
    assert "thread" not in said


def test_help_covers_the_grammar_and_what_it_shows_is_understood():
    assert set(manual.DOES) == {u.word for u in GRAMMAR}
    assert set(manual.MEANS) == set(OPTIONS)
    shown = manual.text()
    assert len(shown) <= 3000
    assert "targeted UPDATE" in shown
    assert "<" not in shown  # which would begin a link
    for usage in GRAMMAR:
        example = usage.form.replace("<model>", "ez_x").replace("<date>", "2026-04-08").replace("<id>", "R42")
        example = example.replace("[id]", "R42").replace(" ...", "")
        parsed = parse(example, date(2026, 4, 21))
        assert isinstance(parsed, commands.Command.__args__)  # type: ignore[attr-defined]
        assert example in shown or usage.form in shown.replace("&lt;", "<").replace("&gt;", ">")
    example = " ".join(f"{name}={value}" for name, value in OPTIONS.items())
    assert isinstance(parse(f"ez_x backfill 2026-04-08 {example}", date(2026, 4, 21)), commands.Ask)


def test_every_action_has_a_label_or_is_a_command():
    spoken_only = {"ask", "plan", "hold", "unhold", "add_columns", "add_clocks"}
    assert set(buttons.LABELS) | spoken_only >= ACTIONS
    assert set(rules.VERBS) == ACTIONS


def test_sentences_are_functions_of_values_only():
    """Nothing in `wording` reads a clock, a file or the network."""
    for module in (answers, buttons, card, downstream, rules, text, manual, wording):
        source = inspect.getsource(module)
        assert not re.search(r"\b(datetime\.now|time\.time|open\(|requests\.)", source), module.__name__


@pytest.mark.parametrize("url", ["", "https://bot.example.com/"])
def test_the_manifest_keeps_slacks_limits(url):
    made = manifest(url)
    shown, features = made["display_information"], made["features"]
    assert len(shown["name"]) <= 35
    assert len(shown["description"]) <= 140
    (command,) = features["slash_commands"]
    assert command["should_escape"] is True
    assert len(command["command"]) <= 32
    assert len(command["usage_hint"]) <= 1000
    assert len(command["description"]) <= 2000
    assert all(len(s["name"]) <= 24 for s in features["shortcuts"])
    assert made["settings"]["socket_mode_enabled"] is (not url)
    needs_url = [command, made["settings"]["event_subscriptions"], made["settings"]["interactivity"]]
    given = [m.get("url") or m.get("request_url") for m in needs_url]
    assert given == (["https://bot.example.com/slack/events"] * 3 if url else [None] * 3)


@pytest.mark.parametrize(("deployed", "said"), [(False, True), (True, False), (None, False)])
def test_the_plan_says_that_other_code_goes_live_too(deployed, said):
    text = planned.plan(
        replace(plan(), code_in_prod=deployed), Request(model="m"), date_var="d", columns_var="c", approval=""
    )
    assert ("is not what production was built with: changes of the model go live too." in text) is said


def test_what_cannot_be_seen_is_shown_by_its_number():
    assert text.code("fees\u200b") == "`fees&lt;U+200B&gt;`"
    assert text.prose("\ufeffabc\u202e") == "&lt;U+FEFF&gt;abc&lt;U+202E&gt;"
    assert text.visible("".join(map(chr, range(0x20, 0x7F)))) == "".join(map(chr, range(0x20, 0x7F)))
