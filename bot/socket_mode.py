"""Socket Mode: requests from Slack over a connection that we open, so that no address of ours need be public."""

from __future__ import annotations

import threading
import time

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient


def connect(app: App, app_token: str, client: WebClient) -> SocketModeHandler:
    """Answer requests from now on. `connect`, not `start`: the process keeps its own signal handlers."""
    handler = SocketModeHandler(app, app_token, web_client=client, ping_interval=10)
    handler.connect()
    return handler


def hang_up(handler: SocketModeHandler, seconds: float) -> None:
    """Take no more requests; returns when those under way are answered or `seconds` are over.

    A session that begins while slack_sdk closes (3.47) takes back its own end, and the close then waits for it for
    good: it is told until it listens. Who waits for messages is woken by an empty one, else it takes a second.
    """
    closing = threading.Thread(target=handler.close, name="hang up", daemon=True)
    closing.start()
    until = time.monotonic() + seconds
    while closing.is_alive() and time.monotonic() < until:
        handler.client.current_session_state.terminated = True
        handler.client.message_queue.put(None)
        closing.join(0.1)
