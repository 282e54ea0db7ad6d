"""Slack over HTTP: Bolt behind uvicorn, with a health page; Bolt's own development server is not used."""

from __future__ import annotations

import socket
import threading

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.starlette import SlackRequestHandler
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PATH = "/slack/events"  # commands, buttons, forms, options and events alike
_GRACE_SECONDS = 5


class HttpServer:
    """Listens on all interfaces, as a process behind a router has to; every request is checked by Slack's signature."""

    def __init__(self, app: App, port: int, host: str = "0.0.0.0") -> None:
        handler = SlackRequestHandler(app)

        async def events(request: Request) -> Response:
            return await handler.handle(request)

        async def health(_: Request) -> Response:
            return PlainTextResponse("ok")

        routes = [Route(PATH, events, methods=["POST"]), Route("/health", health)]
        config = uvicorn.Config(
            Starlette(routes=routes),
            host=host,
            port=port,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server((host, port))
        self.port: int = self._socket.getsockname()[1]
        arguments = {"sockets": [self._socket]}
        self._thread = threading.Thread(target=self._server.run, kwargs=arguments, name="http", daemon=True)

    def start(self) -> None:
        """Requests wait in the socket from the moment this object was made. Raises OSError when the port is taken."""
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(_GRACE_SECONDS + 1)
