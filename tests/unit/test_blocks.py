"""The home tab, answers, and what makes any message fit."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from bot.blocks.answers import answer
from bot.blocks.budget import BLOCKS, CHARACTERS, fit, message, size
from bot.blocks.home import home_view
from bot.blocks.kit import pre, section
from bot.model import (
    State,
)
from tests.unit.limits import check, pressable
from tests.unit.samples import (
    NOW,
    refresh,
)


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
