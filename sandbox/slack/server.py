"""The stand-in as one object: a Starlette app in a thread of its own, on the loopback interface only."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from uvicorn.protocols.http.h11_impl import H11Protocol

from sandbox.slack import api_chat, api_conversations, api_files, api_people, api_views  # noqa: F401  (they register)
from sandbox.slack.control import SlackControl
from sandbox.slack.control_http import control_routes
from sandbox.slack.delivery import Delivery
from sandbox.slack.interactions import Interactions
from sandbox.slack.page import page_routes
from sandbox.slack.response_urls import respond
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.state import State
from sandbox.slack.web_api import Tokens, WebApi
from sandbox.slack.workspace import Workspace, demo

HOST = "127.0.0.1"
START_SECONDS = 10.0
PING_SECONDS = 0.25  # often, because slack-sdk ends a quiet connection only when it next hears something


class SlackSandbox:
    """A local Slack for one app and one workspace.

    `request_url` switches from Socket Mode to signed HTTP requests; it may also be set later. `ack_seconds` is how
    long Slack waits for an acknowledgement.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        workspace: Workspace | None = None,
        request_url: str = "",
        ack_seconds: float = 3.0,
    ) -> None:
        self.bot_token = f"xoxb-sandbox-{secrets.token_hex(8)}"
        self.app_token = f"xapp-1-sandbox-{secrets.token_hex(8)}"
        self.signing_secret = secrets.token_hex(16)
        self.port = port
        self.state = State(workspace=workspace or demo())
        sockets = SocketMode(state=self.state)
        self.delivery = Delivery(
            state=self.state,
            sockets=sockets,
            signing_secret=self.signing_secret,
            request_url=request_url,
            ack_seconds=ack_seconds,
        )
        self._interactions = Interactions(state=self.state, delivery=self.delivery)
        self.control = SlackControl(state=self.state, interactions=self._interactions)
        self._api = WebApi(state=self.state, sockets=sockets, tokens=Tokens(bot=self.bot_token, app=self.app_token))
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address of the page."""
        return self.state.url

    @property
    def api_url(self) -> str:
        """Base URL for a WebClient; ends with `/api/`."""
        return f"{self.state.url}/api/"

    def start(self) -> None:
        """Listen and return when requests are answered. Raises OSError when the port is taken."""
        listener = socket.create_server((HOST, self.port))
        self.port = listener.getsockname()[1]
        self.state.url = f"http://{HOST}:{self.port}"
        started = threading.Event()
        config = uvicorn.Config(
            self._app(started),
            http=_protocol(),
            ws="websockets-sansio",
            log_config=None,
            access_log=False,
            lifespan="on",
            ws_ping_interval=PING_SECONDS,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="sandbox-slack", daemon=True
        )
        self._thread.start()
        if not started.wait(START_SECONDS):
            raise OSError("the Slack sandbox did not start")

    def stop(self) -> None:
        """End all connections and the thread; what was said stays readable through `control`."""
        if self._server is None or self._thread is None:
            return
        self.state.stopping.set()
        with self.state.changing():
            self._server.should_exit = True
        self._thread.join(START_SECONDS)
        self._server = self._thread = self.delivery.loop = None

    def __enter__(self) -> SlackSandbox:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _app(self, started: threading.Event) -> Starlette:
        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            self.delivery.loop = asyncio.get_running_loop()
            started.set()
            yield

        return Starlette(
            lifespan=lifespan,
            routes=[
                Route("/api/{method}", self._api.handle, methods=["GET", "POST"]),
                Route("/upload/v1/{file_id}", partial(_with_state, self.state, api_files.upload), methods=["POST"]),
                Route("/response/{key}", self._respond, methods=["POST"]),
                WebSocketRoute("/link/", self.delivery.sockets.endpoint),
                Mount("/_control", routes=control_routes(self.control)),
                *page_routes(self.state, self.control),
            ],
        )

    async def _respond(self, request: Request) -> Response:
        return await respond(request, self._interactions)


async def _with_state(state: State, handler: Any, request: Request) -> Response:
    return await handler(request, state)


def _protocol() -> type[H11Protocol]:
    """uvicorn's protocol, keeping its transports by client address, so that a connection can be cut without an answer."""
    transports: dict[tuple[str, int], asyncio.Transport] = {}

    class Recorded(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.app_state["transports"] = transports
            transports[transport.get_extra_info("peername")] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.transport.get_extra_info("peername"), None)
            super().connection_lost(exc)

    return Recorded
