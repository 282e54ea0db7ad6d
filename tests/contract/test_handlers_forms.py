"""The forms: to ask, to explain, to decide with a reason; what is wrong is said at its field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from bot.blocks import render_live
from bot.messages import Live
from bot.model import Mode, Request, State, Verdict
from sandbox.slack import SlackSandbox
from tests.contract.listeners import Bot, listening, waiting
from tests.contract.slacks import CHANNEL
from tests.unit import samples

FORCED = {"name": "ez_ethereum_metrics", "reason": "wrong day"}


@pytest.fixture
def bot(slack: SlackSandbox, tmp_path: Path) -> Iterator[Bot]:
    with listening(slack, tmp_path) as made:
        yield made


# --- to ask -----------------------------------------------------------------------------------------------------------


def test_the_form_asks_like_a_command(bot: Bot) -> None:
    assert bot.slack.control.command("alice", "").ok
    form = bot.form("alice")
    assert form["callback_id"] == "ask"
    offered = bot.slack.control.options("alice", "model", "metrics eth")
    assert [o["value"] for o in offered] == ["model.shop.ez_ethereum_metrics"]
    answers = {
        "model": "ez_ethereum_metrics",
        "mode": "backfill",
        "since": "2026-04-08",
        "columns": "dex_volumes, fees",
        "reason": "batch",
    }
    assert bot.slack.control.submit("alice", "ask", answers).ok
    refresh = bot.store.get(1)
    assert refresh
    assert refresh.name == "ez_ethereum_metrics"
    assert refresh.request.columns == ("dex_volumes", "fees")
    (letter,) = bot.store.take_letters("test", 5, 60.0)
    assert letter.private_to == "U0ALICE"
    assert "*R1* is on its way" in letter.message.text


@pytest.mark.parametrize(
    ("answers", "field", "says"),
    [
        ({"model": "ez_ethereum_metrics", "mode": "backfill"}, "since", "A backfill needs a date"),
        ({"model": "fact_dex", "at": "2031-01-01"}, "at", "lies in the future"),
        (
            {"model": "ez_ethereum_metrics", "mode": "backfill", "since": "2026-04-08", "at": "2026-04-01"},
            "at",
            "2026-04-01 lies before the backfill date 2026-04-08",
        ),
        ({"model": "fact_dex", "since": "2026-04-08"}, "since", "choose the backfill above"),
        ({"model": "fact_dex", "columns": "fees"}, "columns", "choose the backfill above"),
        ({"model": "ez_ethereum_metrics"}, "model", "full_refresh: false"),
        (
            {"model": "ez_ethereum_metrics", "mode": "backfill", "since": "2026-04-08", "columns": "fees drop-b"},
            "columns",
            "“drop-b” cannot be a column's name",
        ),
    ],
)
def test_what_is_wrong_is_said_next_to_its_field(bot: Bot, answers: dict[str, str], field: str, says: str) -> None:
    bot.slack.control.command("alice", "")
    bot.form("alice")
    receipt = bot.slack.control.submit("alice", "ask", answers)
    assert not receipt.ok
    form = bot.form("alice")
    assert says in form["errors"][field]
    assert "model." not in form["errors"][field]  # the id that the menu carries is nobody's business
    assert bot.store.recent() == []


@pytest.mark.parametrize(
    "reason",
    [
        "” warehouse=ANALYTICS_XL “",
        "the feed said “frozen” at 9 — it’s not",
        "at=2031-01-01 columns=fees --full",
        '5" of rain, see <https://dune.example|Dune> &amp; more',
    ],
)
def test_what_a_reason_holds_is_never_read_as_a_command(bot: Bot, reason: str) -> None:
    bot.slack.control.command("alice", "")
    bot.form("alice")
    answers = {"model": "ez_ethereum_metrics", "mode": "backfill", "since": "2026-04-08", "reason": reason}
    assert bot.slack.control.submit("alice", "ask", answers | {"columns": "“dex_volumes”, fees"}).ok
    refresh = bot.store.get(1)
    assert refresh
    assert refresh.request == Request(
        model="model.shop.ez_ethereum_metrics",
        mode=Mode.BACKFILL,
        since=date(2026, 4, 8),
        columns=("dex_volumes", "fees"),
        reason=reason,
    )


def test_the_shortcut_opens_the_form(bot: Bot) -> None:
    assert bot.slack.control.shortcut("alice", "refresh_open").ok
    assert bot.form("alice")["callback_id"] == "ask"


def test_the_home_tab_is_drawn_when_it_is_opened_and_its_button_opens_the_form(bot: Bot) -> None:
    waiting(bot)
    bot.slack.control.open_home("bob")
    home = bot.slack.control.wait(lambda: bot.slack.control.home("bob"), 5, "a home tab")
    assert home
    assert "*R1*" in json.dumps(home["blocks"])
    bot.slack.control.press("bob", "form", view="home")
    assert bot.form()["callback_id"] == "ask"


# --- to decide --------------------------------------------------------------------------------------------------------


def test_explain_opens_a_form_with_all_groups_and_stores_one_reason(bot: Bot) -> None:
    refresh = waiting(bot)
    ts = bot.shows(render_live(Live.APPROVAL, refresh, samples.CONTEXT))
    bot.presses("explain", ts)
    form = bot.form()
    assert form["callback_id"] == "explain"
    assert not bot.slack.control.submit("bob", "explain", {"reason": "other"}).ok
    assert "needs a word" in bot.form()["errors"]["note"]
    assert bot.slack.control.submit("bob", "explain", {"reason": "upstream correction", "note": "Dune"}).ok
    (click,) = bot.clicks()
    assert click.action == "explain"
    assert click.payload == {"groups": ["g0", "g1"], "reason": "upstream correction", "note": "Dune"}
    assert click.revision == refresh.revision


@pytest.mark.parametrize(
    ("action", "state", "live", "answers", "payload"),
    [
        ("reject", State.AWAITING, Live.APPROVAL, {"reason": "wrong day"}, {"reason": "wrong day"}),
        ("accept", State.FAULTY, Live.PROMOTED, {"reason": "known"}, {"reason": "known"}),
        ("happened", State.NEEDS_ATTENTION, Live.APPROVAL, {"reason": "seen"}, {"reason": "seen"}),
        ("not_happened", State.NEEDS_ATTENTION, Live.APPROVAL, {"reason": "no"}, {"reason": "no"}),
        ("undo", State.DONE, Live.PROMOTED, {"reason": "wrong day"}, {"reason": "wrong day"}),
        ("undo", State.FAULTY, Live.PROMOTED, {"reason": "wrong day"}, {"reason": "wrong day"}),
        ("undo_forced", State.FAULTY, Live.PROMOTED, FORCED, FORCED),
    ],
)
def test_forms_that_decide_are_stored_as_clicks(
    bot: Bot, action: str, state: State, live: Live, answers: dict[str, str], payload: dict[str, str]
) -> None:
    refresh = waiting(bot, state, loss=samples.loss() if action == "undo_forced" else None)
    bot.presses(action, bot.shows(render_live(live, refresh, samples.CONTEXT)))
    assert bot.form()["callback_id"] == action
    assert bot.slack.control.submit("bob", action, answers).ok
    (click,) = bot.clicks()
    assert (click.action, click.payload, click.channel) == (action, payload, CHANNEL)


@pytest.mark.parametrize("reason", ["   ", "\n\t\u00a0", "\u200b", " . "])
@pytest.mark.parametrize(
    ("action", "state", "live"),
    [
        ("waive", State.AWAITING, Live.APPROVAL),
        ("reject", State.AWAITING, Live.APPROVAL),
        ("accept", State.FAULTY, Live.PROMOTED),
        ("happened", State.NEEDS_ATTENTION, Live.APPROVAL),
        ("not_happened", State.NEEDS_ATTENTION, Live.APPROVAL),
        ("undo", State.DONE, Live.PROMOTED),
    ],
)
def test_a_reason_that_says_nothing_is_refused_at_its_field(
    bot: Bot, action: str, state: State, live: Live, reason: str
) -> None:
    failing = samples.finding("turned null", Verdict.FAIL, blocks=True, waivable=True, values=1, by_column=["FEES: 1"])
    refresh = waiting(bot, state, report=samples.report(findings=(failing,)))
    bot.presses(action, bot.shows(render_live(live, refresh, samples.CONTEXT)))
    bot.form()
    assert not bot.slack.control.submit("bob", action, {"reason": reason}).ok
    assert bot.form()["errors"] == {"reason": "Please say it in words: it stands in the thread as the reason."}
    assert bot.clicks() == []


def test_the_forced_undo_wants_the_name_typed(bot: Bot) -> None:
    refresh = waiting(bot, State.FAULTY, loss=samples.loss())
    bot.presses("undo_forced", bot.shows(render_live(Live.PROMOTED, refresh, samples.CONTEXT)))
    assert "lose 2 rows" in json.dumps(bot.form())
    assert not bot.slack.control.submit("bob", "undo_forced", FORCED | {"name": "ez"}).ok
    assert bot.form()["errors"]["name"] == "This is not the model's name."
    assert bot.clicks() == []


def test_an_undo_that_is_not_counted_any_more_is_not_forced(bot: Bot) -> None:
    """A button that an earlier version left in the thread, or that another undo has overtaken."""
    waiting(bot, State.FAULTY)
    old = samples.refresh(State.FAULTY, id=1, loss=samples.loss())
    bot.presses("undo_forced", bot.shows(render_live(Live.PROMOTED, old, samples.CONTEXT)))
    bot.told("bob", "What this would lose is not counted yet: press *Undo* first")
    assert bot.slack.control.modal("bob") is None


def test_a_form_of_a_state_that_is_over_is_not_opened(bot: Bot) -> None:
    waiting(bot, State.REJECTED)
    old = samples.refresh(State.AWAITING, id=1)
    bot.presses("explain", bot.shows(render_live(Live.APPROVAL, old, samples.CONTEXT)))
    bot.told("bob", "R1 has moved on and this did nothing: rejected by <@U0BOB>")
    assert bot.slack.control.modal("bob") is None
