"""The local Slack without Socket Mode: signed requests to a real Bolt app, and the control API over HTTP."""

from __future__ import annotations

import json
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from slack_bolt import App
from slack_bolt.adapter.starlette import SlackRequestHandler
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.slack import SlackSandbox
from tests.contract.bolt_bot import CHANNEL, actions, app_on, button, client, field, modal, option


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as sandbox:
        yield sandbox


@pytest.fixture
def app(slack: SlackSandbox) -> Iterator[App]:
    """A Bolt app that serves HTTP and checks signatures; the sandbox delivers to it."""
    bolt = app_on(slack)
    handler = SlackRequestHandler(bolt)

    async def endpoint(request: Request) -> Response:
        return await handler.handle(request)

    listener = socket.create_server(("127.0.0.1", 0))
    routes = [Route("/slack/events", endpoint, methods=["POST"])]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    slack.delivery.request_url = f"http://127.0.0.1:{listener.getsockname()[1]}/slack/events"
    yield bolt
    server.should_exit = True
    thread.join(5)


def test_commands_clicks_forms_and_events_arrive_signed(slack: SlackSandbox, app: App) -> None:
    seen: list[str] = []

    @app.command("/dbt-refresh")
    def command(ack: Any, body: dict[str, Any], client: Any) -> None:
        seen.append(body["text"])
        client.views_open(trigger_id=body["trigger_id"], view=modal(field("model", {"type": "external_select"})))
        ack("on it")

    app.options("model")(lambda ack, payload: ack(options=[option(payload["value"])]))
    app.view("form")(lambda ack: ack(response_action="errors", errors={"model": "not this one"}))
    app.action("go")(lambda ack, body: (seen.append(body["user"]["id"]), ack()))
    opened = threading.Event()
    app.event("app_home_opened")(lambda event: (seen.append(event["tab"]), opened.set()))
    slack.control.command("alice", "ez_ethereum_metrics")
    assert [m["text"] for m in slack.control.private("alice")] == ["on it"]
    assert slack.control.submit("alice", "form", {"model": "ez_ethereum_metrics"}).error == "errors"
    ts = client(slack).chat_postMessage(channel=CHANNEL, text="x", blocks=[actions(button("go"))])["ts"]
    slack.control.click("bob", CHANNEL, ts, "go")
    slack.control.open_home("carol")
    assert opened.wait(5)
    assert seen == ["ez_ethereum_metrics", "U0BOB", "home"]
    assert {e["through"] for e in slack.control.traffic("delivery")} == {"http"}


def test_a_request_with_another_secret_is_refused_by_the_app(slack: SlackSandbox, app: App) -> None:
    app.command("/dbt-refresh")(lambda ack: ack())
    slack.delivery.signing_secret = "not the app's"
    assert slack.control.command("alice", "help").error == "dispatch_failed"
    old = slack.delivery.signature("a=b", at=int(time.time()) - 600)
    assert old["X-Slack-Signature"] != slack.delivery.signature("a=b")["X-Slack-Signature"]


def test_an_app_that_does_not_listen_or_is_slow(slack: SlackSandbox, app: App) -> None:
    slack.delivery.ack_seconds = 0.3
    release = threading.Event()
    app.command("/dbt-refresh")(lambda ack: (release.wait(5), ack()))
    assert slack.control.command("alice", "help").error == "operation_timed_out"
    release.set()
    slack.delivery.request_url = "http://127.0.0.1:9/slack/events"
    assert slack.control.command("alice", "help").error == "dispatch_failed"
    assert [m["error"] for m in slack.control.private("alice")] == ["operation_timed_out", "dispatch_failed"]


def over_http(slack: SlackSandbox, operation: str, body: bytes, kind: str = "application/json") -> tuple[int, Any]:
    request = urllib.request.Request(f"{slack.url}/_control/{operation}", data=body, headers={"Content-Type": kind})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as e:
        with e:
            return e.code, json.load(e)


def test_the_control_api_over_http_is_the_same(slack: SlackSandbox) -> None:
    ts = client(slack).chat_postMessage(channel=CHANNEL, text="x", blocks=[actions(button("go"))])["ts"]

    def post(operation: str, **arguments: Any) -> tuple[int, Any]:
        return over_http(slack, operation, json.dumps(arguments).encode())

    assert post("thread", channel=CHANNEL, ts=ts)[1]["result"] == slack.control.thread(CHANNEL, ts)
    status, answer = post("click", user="bob", channel=CHANNEL, ts=ts, action_id="go")
    assert (status, answer["result"]["error"]) == (200, "dispatch_failed")
    assert post("click", user="bob", channel=CHANNEL, ts=ts, action_id="gone")[0] == 409
    assert post("private", user="nobody")[0] == 400
    assert post("_in_loop")[0] == 404
    assert over_http(slack, "restart", b"{}", "text/plain")[0] == 415
