"""Response URLs: five answers within half an hour, private unless they say otherwise, or a change of the clicked message."""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from sandbox.slack.api_chat import checked_content
from sandbox.slack.errors import SlackError
from sandbox.slack.interactions import Interactions
from sandbox.slack.state import RESPONSE_URL_USES, Json, ResponseUrl, State


async def respond(request: Request, interactions: Interactions) -> Response:
    state = interactions.state
    body = json.loads(await request.body() or b"{}")
    fault = state.faults.take("response_url")
    if fault and fault.kind != "late":
        return PlainTextResponse("service_unavailable", status_code=503)
    with state.changing():
        target = state.response_urls.get(request.path_params["key"])
        error = _refusal(state, target)
        try:
            if target and not error:
                target.uses += 1
                _apply(interactions, target, body)
        except SlackError as e:
            error = e.code
        state.record({"kind": "response_url", "method": "response_url", "args": body, "ok": not error, "error": error})
    if error:
        return JSONResponse({"ok": False, "error": error}, status_code=404 if error.endswith("_url") else 400)
    return PlainTextResponse("ok")


def _refusal(state: State, target: ResponseUrl | None) -> str:
    if target is None or target.expires < state.now():
        return "expired_url"
    return "used_url" if target.uses >= RESPONSE_URL_USES else ""


def _apply(interactions: Interactions, target: ResponseUrl, body: Json) -> None:
    """Delete or replace the clicked message, or post a new one. Raises SlackError."""
    state = interactions.state
    messages: list[Json] = state.ephemerals if target.ephemeral else state.messages.get(target.channel, [])
    clicked = next((m for m in messages if m["ts"] == target.message_ts), None)
    if clicked is not None and _true(body.get("delete_original")):
        messages.remove(clicked)
    elif clicked is not None and _true(body.get("replace_original")):
        changes = checked_content(state, body.get("text") or "", body.get("blocks"))
        clicked.pop("blocks", None)
        clicked.update(changes)
    else:
        thread_ts = body.get("thread_ts") or (target.thread_ts if target.message_ts else "")
        interactions.answer(target.user, target.channel, body, thread_ts)


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"
