"""The local Slack's page: what each person sees, live, and the page itself in a real browser where there is one."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from slack_bolt import App

import sandbox.slack
from sandbox.slack import SlackSandbox
from tests.chromium import chromium
from tests.contract.bolt_bot import (
    CHANNEL,
    actions,
    app_on,
    button,
    client,
    connected,
    field,
    modal,
    option,
    plain,
    section,
)

STATIC = Path(sandbox.slack.__file__).parent / "static"


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as sandbox:
        yield sandbox


def seen(slack: SlackSandbox, user: str, thread: str = "") -> dict[str, Any]:
    with urllib.request.urlopen(
        f"{slack.url}/_page/seen?user={user}&channel={CHANNEL}&thread={thread}", timeout=5
    ) as answer:
        return json.load(answer)


def test_everybody_sees_their_own_private_messages_only(slack: SlackSandbox) -> None:
    web = client(slack)
    root = web.chat_postMessage(channel=CHANNEL, text="root")["ts"]
    web.chat_postEphemeral(channel=CHANNEL, user="U0ALICE", text="for alice", thread_ts=root)
    assert [m["text"] for m in seen(slack, "U0ALICE", root)["thread"]] == ["root", "for alice"]
    assert [m["text"] for m in seen(slack, "U0BOB", root)["thread"]] == ["root"]
    assert [m["text"] for m in seen(slack, "U0ALICE")["messages"]] == ["root"]
    assert [c["name"] for c in seen(slack, "U0EVE")["channels"]] == ["shared-vendor"]


def test_the_stream_ticks_with_each_change(slack: SlackSandbox) -> None:
    with urllib.request.urlopen(f"{slack.url}/_page/stream", timeout=5) as stream:
        first = stream.readline()
        stream.readline()
        slack.control.say("dave", "hello")
        later = stream.readline()
    assert int(later.removeprefix(b"data: ")) > int(first.removeprefix(b"data: "))


def test_the_page_asks_nothing_of_the_outside_world() -> None:
    for file in STATIC.iterdir():
        links = set(re.findall(r"https?://[^\s\"'`)]+", file.read_text(encoding="utf-8")))
        assert links <= {"http://www.w3.org/2000/svg"}, file.name


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser: Any, slack: SlackSandbox) -> Iterator[Page]:
    """The page as alice; any error in it fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    opened = context.new_page()
    errors: list[str] = []
    opened.on("pageerror", lambda e: errors.append(str(e)))
    opened.goto(f"{slack.url}/#U0ALICE/{CHANNEL}")
    yield opened
    context.close()
    assert errors == []


def bot_for_the_page(slack: SlackSandbox) -> App:
    """Opens a form on a command and refuses short reasons; its button answers privately."""
    app = app_on(slack)
    form = modal(
        field("model", {"type": "external_select", "min_query_length": 2}),
        field("why", {"type": "plain_text_input", "multiline": True}),
    )

    @app.command("/dbt-refresh")
    def command(ack: Any, body: dict[str, Any], client: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=form)

    @app.view("form")
    def submitted(ack: Any, view: dict[str, Any], client: Any) -> None:
        values = view["state"]["values"]
        if len(values["why"]["why"]["value"]) < 5:
            ack(response_action="errors", errors={"why": "Say more, please."})
            return
        ack()
        client.chat_postMessage(
            channel=CHANNEL, text=f"asked for {values['model']['model']['selected_option']['value']}"
        )

    app.options("model")(lambda ack: ack(options=[option("ez_ethereum_metrics", "ez_ethereum_metrics (EZ_METRICS)")]))
    app.action("approve")(lambda ack, respond: (ack(), respond("someone else approves it")))
    return app


def test_a_person_asks_through_the_form_with_the_keyboard(slack: SlackSandbox, page: Page) -> None:
    with connected(slack, bot_for_the_page(slack)):
        composer = page.get_by_label("Write as alice, or type /")
        composer.fill("/dbt-refresh")
        composer.press("Enter")
        form = page.locator("#modal")
        expect(form).to_be_visible()
        page.keyboard.type("ez")
        expect(form.get_by_role("option")).to_have_text("ez_ethereum_metrics (EZ_METRICS)")
        page.keyboard.press("Enter")
        form.get_by_role("button", name="Send").click()
        expect(form.locator("[data-block=why] .error")).to_have_text("Please complete this required field.")
        form.get_by_label("why").fill("bad")
        form.get_by_role("button", name="Send").click()
        expect(form.locator("[data-block=why] .error")).to_have_text("Say more, please.")
        form.get_by_label("why").fill("frozen batch")
        form.get_by_role("button", name="Send").click()
        expect(form).to_be_hidden()
        expect(page.locator("#messages article").last).to_contain_text("asked for ez_ethereum_metrics")


def test_a_confirm_dialog_and_a_private_answer(slack: SlackSandbox, page: Page) -> None:
    sure = {
        "title": plain("Sure?"),
        "text": plain("It replaces production."),
        "confirm": plain("Yes"),
        "deny": plain("Not yet"),
    }
    with connected(slack, bot_for_the_page(slack)):
        web = client(slack)
        ts = web.chat_postMessage(
            channel=CHANNEL, text="card", blocks=[section("*R42*"), actions(button("approve", confirm=sure))]
        )["ts"]
        page.locator(f'article[data-ts="{ts}"]').get_by_role("button", name="Approve").click()
        page.get_by_role("button", name="Not yet").click()
        assert slack.control.traffic("delivery") == []
        page.locator(f'article[data-ts="{ts}"]').get_by_role("button", name="Approve").click()
        page.get_by_role("button", name="Yes").click()
        expect(page.locator("article.private")).to_contain_text("someone else approves it")
        web.chat_update(channel=CHANNEL, ts=ts, text="R42 done")
        expect(page.locator(f'article[data-ts="{ts}"]')).to_contain_text("R42 done")
        page.locator("[data-user=U0BOB]").click()
        expect(page.locator("article.private")).to_have_count(0)


def test_thread_table_picture_and_file_are_readable_on_a_phone(slack: SlackSandbox, page: Page) -> None:
    web = client(slack)
    page.set_viewport_size({"width": 390, "height": 844})
    rows = [[{"type": "raw_text", "text": f"cell {r} {c}"} for c in range(6)] for r in range(20)]
    root = web.chat_postMessage(channel=CHANNEL, text="root <script>alert(1)</script> &lt;b&gt;")["ts"]
    web.chat_postMessage(
        channel=CHANNEL, thread_ts=root, text="t", blocks=[{"type": "table", "rows": rows}, section("```a  b\nc  d```")]
    )
    web.files_upload_v2(channel=CHANNEL, thread_ts=root, filename="a.csv", content='x,"y, z"\n1,2\n', title="Rows")
    page.get_by_role("button", name="2 replies").click()
    replies = page.locator("#replies")
    expect(replies.locator("table").first.locator("tr")).to_have_count(20)
    expect(replies.locator("pre")).to_have_text("a  b\nc  d")
    expect(replies).to_contain_text("root <script>alert(1)</script> <b>")
    replies.get_by_role("button", name="Preview").click()
    expect(replies.locator(".preview th")).to_have_text(["x", "y, z"])
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_nobody_listens(slack: SlackSandbox, page: Page) -> None:
    expect(page.locator("#banner")).to_contain_text("not connected")
    page.get_by_label("Write as alice, or type /").fill("/dbt-refresh help")
    page.keyboard.press("Enter")
    expect(page.locator("article.failure")).to_contain_text("is not connected")
