"""Hanging up on Slack while slack_sdk is about to listen."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from slack_bolt import App
from slack_sdk import WebClient

from bot import socket_mode
from sandbox.slack import SlackSandbox


@pytest.fixture
def slack() -> Iterator[SlackSandbox]:
    with SlackSandbox() as server:
        yield server


class Listening(logging.Handler):
    """Holds slack_sdk where it has decided to listen and says so in its log."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.go_on = threading.Event(), threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if "Starting to receive messages" in record.getMessage():
            self.reached.set()
            self.go_on.wait(20)


def test_a_session_that_begins_meanwhile_does_not_keep_the_process(slack: SlackSandbox) -> None:
    client = WebClient(slack.bot_token, base_url=slack.api_url)
    logger, listening = logging.getLogger("tests.socket_mode"), Listening()
    logger.setLevel(logging.INFO)
    logger.addHandler(listening)
    app = App(client=client, logger=logger)
    handler = socket_mode.connect(app, slack.app_token, WebClient(slack.app_token, base_url=slack.api_url))
    assert listening.reached.wait(20)
    hanging_up = threading.Thread(target=socket_mode.hang_up, args=(handler, 30))
    hanging_up.start()
    slack.control.wait(lambda: not handler.client.is_connected(), what="the connection closed")
    listening.go_on.set()
    hanging_up.join(20)
    assert not hanging_up.is_alive()
    assert not handler.client.current_session_runner.is_alive()
