"""Forms of every state: within the limits of Slack whatever people wrote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.blocks import forms
from bot.index import Entry
from bot.messages import Message
from bot.model import (
    Explanation,
    Loss,
    State,
    Verdict,
)
from tests.unit.limits import check, harmless
from tests.unit.samples import (
    BOB,
    HOSTILE,
    NOW,
    PROD,
    finding,
    loss,
    refresh,
    report,
    settings,
)


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
    yield forms.undo_forced_form(faulty, loss(breaks=("streams",)))
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
    assert seen == {"ask", "explain", "waive", "reject", "accept", "undo", "undo_forced", "happened", "not_happened"}


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
    def said(what: Loss) -> str:
        return forms.undo_forced_form(refresh(State.FAULTY), what)["blocks"][0]["text"]["text"]

    assert "is replaced by its backup (3,032 rows)" in said(loss())
    assert "*An undo would lose 2 rows that somebody else wrote.* Production is backed up first" in said(loss())
    assert "1 row of the candidate was changed or deleted" in said(loss(removed=1))
    assert "Its streams break or go with it." in said(loss(breaks=("streams",)))
    assert "up to 2 rows: so many are not in the backup" in said(loss(exact=False))
