"""The control API over HTTP: `POST /_control/<operation>` with the operation's arguments as JSON.

Only JSON bodies are taken, so that no other page in the browser can send one.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.slack.control import SlackControl
from sandbox.slack.delivery import Receipt
from sandbox.slack.errors import Impossible

OPERATIONS = (
    "command",
    "say",
    "click",
    "choose",
    "press",
    "options",
    "submit",
    "close",
    "shortcut",
    "open_home",
    "channel",
    "thread",
    "message",
    "private",
    "modal",
    "home",
    "traffic",
    "connections",
    "fault",
    "clear_faults",
    "restart",
    "ask_to_reconnect",
    "advance",
)


def control_routes(control: SlackControl) -> list[Route]:
    async def run(request: Request) -> Response:
        operation = request.path_params["operation"]
        if operation not in OPERATIONS:
            return _no(f"no such operation; there are: {', '.join(OPERATIONS)}", 404)
        if not request.headers.get("content-type", "").startswith("application/json"):
            return _no("send JSON", 415)
        arguments = await request.json()
        try:
            result = await run_in_threadpool(getattr(control, operation), **arguments)
        except Impossible as e:
            return _no(str(e), 409)
        except (KeyError, TypeError) as e:
            return _no(f"{type(e).__name__}: {e}", 400)
        return JSONResponse({"ok": True, "result": _plain(result)})

    return [Route("/{operation}", run, methods=["POST"])]


def _plain(result: Any) -> Any:
    return asdict(result) if isinstance(result, Receipt) else result


def _no(reason: str, status: int) -> Response:
    return JSONResponse({"ok": False, "error": reason}, status_code=status)
