"""The demo as a newcomer meets it: `dbt-refresh demo` as a process of its own, and a person clicking in a real browser."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from sandbox.world import ROOT
from tests.chromium import chromium

ASKED = '/dbt-refresh fact_ethereum_daily_dex_volumes at=2026-04-08 reason="frozen Dune batch"'
PICTURE = os.environ.get("SCREENSHOT", "")  # where the README's picture goes: `make screenshot`
STEP = 30_000  # ms that a step of the bot may take on a busy machine
READ_SECONDS = 90.0  # within which the dbt project is read after the start


@pytest.fixture
def address() -> Iterator[str]:
    """The demo's page; the demo is ended as Ctrl-C does it, and ends in order."""
    demo = subprocess.Popen(
        [sys.executable, "-m", "bot", "demo", "--no-browser", "--port", "0"],
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert demo.stdout is not None
        yield next(found[0] for line in demo.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
    finally:
        demo.terminate()
        said, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0, said


@pytest.fixture
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    """The page as alice; any error in it fails the test."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    errors: list[str] = []
    opened.on("pageerror", lambda e: errors.append(str(e)))
    opened.goto(address)
    become(opened, "alice")
    opened.get_by_role("button", name="data-incidents").click()
    yield opened
    assert errors == []


def become(page: Page, person: str) -> None:
    page.get_by_role("radio", name=re.compile(rf"\b{person}\b")).click()
    expect(page.get_by_label(f"Write as {person}, or type /")).to_be_visible()


def ask(page: Page) -> Locator:
    """Ask until the bot has read the dbt project; returns the card."""
    composer = page.get_by_label("Write as alice, or type /")
    private = page.locator("article.private")
    end = time.monotonic() + READ_SECONDS
    while time.monotonic() < end:
        composer.fill(ASKED)
        composer.press("Enter")
        expect(private).to_have_count(1, timeout=STEP)
        if "is on its way" in private.inner_text():
            return page.locator("#messages article").filter(has_text="R1 · fact_ethereum_daily_dex_volumes")
        private.get_by_role("button", name="Dismiss").click()
        expect(private).to_have_count(0)
    raise AssertionError("the dbt project was never read")


def approve(page: Page) -> str:
    """Press Approve and say yes; returns what the dialog asked."""
    page.locator("#replies").get_by_role("button", name=re.compile("^Approve")).click()
    dialog = page.locator("#confirm")
    asked = dialog.inner_text()
    dialog.get_by_role("button", name="Approve").click()
    return asked


def explain(page: Page, outlier: str) -> None:
    """Open the form, in which the outliers stand, and say that upstream corrected them."""
    page.locator("#replies").get_by_role("button", name=re.compile("^Explain")).click()
    form = page.locator("#modal")
    expect(form).to_contain_text(outlier)
    form.get_by_label("Explanation").select_option("known upstream correction")
    form.get_by_label("Note").fill("Dune re-published the batch")
    form.get_by_role("button", name="Explain", exact=True).click()


def test_the_whole_demo_by_clicking(page: Page) -> None:
    card, replies = ask(page), page.locator("#replies")
    expect(card).to_contain_text("waiting for approval", timeout=2 * STEP)
    expect(card).to_contain_text("11,290,000,000,000,000 -> 1,676,204,911")
    expect(card).to_contain_text("Would change: daily_volume in 1 row.")
    expect(card).to_contain_text("Before an approval: explain 1 outlier group.")

    card.get_by_role("button", name="3 replies").click(timeout=STEP)
    expect(replies).to_contain_text("Prod ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES (transient)")
    expect(replies).to_contain_text("spot check, tests, safety: pass.")
    expect(replies.get_by_role("img", name=re.compile("daily_volume by day.*11.29 quadrillion"))).to_be_visible()
    expect(replies).to_contain_text("waits for 1 explanation")
    expect(replies.get_by_role("button", name=re.compile("^Approve"))).to_have_count(0)

    become(page, "bob")
    explain(page, "11,290,000,000,000,000 -> 1,676,204,911 (-99.99999 %)")
    expect(replies).to_contain_text("Explained by @bob: known upstream correction, “Dune re-published the batch”.")

    become(page, "alice")
    approve(page)
    expect(replies.locator("article.private")).to_contain_text(
        "You asked for R1, so someone else approves it (four eyes). @bob and @carol can.", timeout=STEP
    )
    expect(card).to_contain_text("waiting for approval")

    become(page, "bob")
    assert "ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES (3,032 rows) is replaced" in approve(page)
    expect(card).to_contain_text("R1 · fact_ethereum_daily_dex_volumes · full refresh · done", timeout=STEP)
    expect(replies).to_contain_text(
        re.compile(r"Approved by @bob \d\d:\d\d, promoted \d\d:\d\d UTC, verified: pass\. 3,032 rows"), timeout=STEP
    )
    expect(replies).to_contain_text("Backup kept 7 days.")
    expect(replies.get_by_role("button", name=re.compile("^Undo"))).to_be_visible()
    expect(replies.get_by_text("Refresh ez_ethereum_metrics", exact=True)).to_be_visible()
    expect(replies.get_by_role("button", name=re.compile("^(Approve|Reject|Explain)"))).to_have_count(0, timeout=STEP)
    if PICTURE:
        page.set_viewport_size({"width": 1280, "height": 1800})
        page.mouse.move(0, 0)
        page.screenshot(path=PICTURE, animations="disabled")
    the_next_one_downstream(page)


def the_next_one_downstream(page: Page) -> None:
    """A press on the promoted post asks for the backfill, which goes the same way; in the dark, as many read it."""
    page.emulate_media(color_scheme="dark")
    page.locator("#replies").get_by_text("Refresh ez_ethereum_metrics", exact=True).click()
    card = page.locator("#messages article").filter(has_text="R2 · ez_ethereum_metrics · backfill from 2026-04-08")
    expect(card).to_contain_text("waiting for approval", timeout=2 * STEP)
    expect(card).to_contain_text("11,290,000,000,000,000 -> 1,676,204,911")
    expect(card).to_contain_text("Before an approval: explain 2 outlier groups.")
    words, behind = (tint(page, name) for name in ("color", "backgroundColor"))
    assert sum(behind) < 3 * 60 < 3 * 160 < sum(words)

    become(page, "alice")
    card.get_by_role("button", name="3 replies").click(timeout=STEP)
    explain(page, "dex_volumes")
    expect(page.locator("#replies")).to_contain_text("Explained by @alice (2 groups): known upstream correction")
    assert "ETHEREUM.PROD_CORE.EZ_METRICS" in approve(page)
    expect(card).to_contain_text("R2 · ez_ethereum_metrics · backfill from 2026-04-08 · done", timeout=STEP)


def tint(page: Page, name: str) -> list[int]:
    """Red, green and blue of what is read or of what stands behind it, as the browser computes them."""
    found = page.evaluate("name => getComputedStyle(document.body)[name]", name)
    return [int(part) for part in re.findall(r"\d+", found)[:3]]
