"""Slack over HTTP: Bolt behind uvicorn, with a health page; Bolt's own development server is not used.

Anybody can reach this port. So what cannot be Slack's is turned away before it costs memory, and never with a traceback;
what may be Slack's is checked by Bolt, which knows the signing secret.
"""

from __future__ import annotations

import re
import socket
import threading

import uvicorn
from slack_bolt import App
from slack_bolt.adapter.starlette.handler import to_bolt_request, to_starlette_response
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PATH = "/slack/events"  # commands, buttons, forms, options and events alike
LIMIT = 1024 * 1024  # bytes of a request; the largest that Slack sends, a form with all its fields, has some 100 kB
_GRACE_SECONDS = 5
_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


class HttpServer:
    """Listens on all interfaces, as a process behind a router has to; every request is checked by Slack's signature."""

    def __init__(self, app: App, port: int, host: str = "0.0.0.0") -> None:
        async def events(request: Request) -> Response:
            if not _signed(request):
                return _hung_up("unsigned", 401)
            body = await _body(request)
            if body is None:
                return _hung_up("too large", 413)
            try:
                asked = to_bolt_request(request, body)
            except UnicodeDecodeError:
                return PlainTextResponse("not text", status_code=400)
            return to_starlette_response(app.dispatch(asked))

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


def _hung_up(text: str, status: int) -> Response:
    """An answer that ends the connection: else the rest of the body would be read, to be thrown away."""
    return PlainTextResponse(text, status_code=status, headers={"connection": "close"})


def _signed(request: Request) -> bool:
    """Whether timestamp and signature have the form of Slack's; Bolt's own check breaks over any other."""
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    signature = request.headers.get("x-slack-signature", "")
    return bool(_TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature))


async def _body(request: Request) -> bytes | None:
    """The body; None, and the rest unread, once it is known to be larger than LIMIT."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > LIMIT:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LIMIT:
            return None
    return bytes(body)
