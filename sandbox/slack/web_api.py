"""The Web API: tokens, scopes, faults and arguments in one place; the methods themselves are in `api_*.py`."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from sandbox.slack.errors import SlackError
from sandbox.slack.faults import Fault
from sandbox.slack.socket_mode import SocketMode
from sandbox.slack.state import Json, State
from sandbox.slack.workspace import Channel

TokenKind = Literal["bot", "app", "none"]


@dataclass(frozen=True, kw_only=True)
class Tokens:
    bot: str
    app: str


@dataclass(kw_only=True)
class Call:
    """One call: the arguments of a form, a query or a JSON body, read alike."""

    state: State
    sockets: SocketMode
    tokens: Tokens
    args: dict[str, Any] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        value = self.args.get(name, default)
        return value if isinstance(value, str) else json.dumps(value)

    def need(self, name: str) -> str:
        """A required argument. Raises SlackError."""
        if not self.text(name):
            raise SlackError.invalid("invalid_arguments", [f"missing required field: {name}"])
        return self.text(name)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"1", "true"}

    def number(self, name: str, default: int) -> int:
        try:
            return int(self.text(name, str(default)))
        except ValueError as e:
            raise SlackError.invalid("invalid_arguments", [f"{name} is not a number"]) from e

    def data(self, name: str) -> Any:
        """An argument that is JSON: given as such in a JSON body, as text in a form. Raises SlackError."""
        value = self.args.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError as e:
            raise SlackError.invalid("invalid_arguments", [f"{name} is not valid JSON"]) from e

    def channel(self, *, member: bool = False) -> Channel:
        """The channel by id, as the bot may see it. Raises SlackError."""
        workspace = self.state.workspace
        channel = workspace.channels.get(self.need("channel"))
        inside = channel is not None and workspace.app.bot_user_id in channel.members
        if channel is None or (channel.is_private and not inside):
            raise SlackError("channel_not_found")
        if member and not inside:
            raise SlackError("not_in_channel")
        return channel

    def need_scope(self, *wanted: str) -> None:
        """Any of these scopes is enough. Raises SlackError."""
        provided = self.state.workspace.app.scopes
        if wanted and not set(wanted) & set(provided):
            raise SlackError("missing_scope", needed=wanted[0], provided=",".join(provided))


@dataclass(frozen=True, kw_only=True)
class Method:
    name: str
    run: Callable[[Call], Json]
    scopes: tuple[str, ...]  # any of them is enough
    token: TokenKind


METHODS: dict[str, Method] = {}


def method(
    name: str, *scopes: str, token: TokenKind = "bot"
) -> Callable[[Callable[[Call], Json]], Callable[[Call], Json]]:
    """Register a function as a Web API method with the scopes it asks for."""

    def register(run: Callable[[Call], Json]) -> Callable[[Call], Json]:
        METHODS[name] = Method(name=name, run=run, scopes=scopes, token=token)
        return run

    return register


def authorise(found: Method, given: str, call: Call) -> None:
    """The token must be the right one and its app must have asked for the scope. Raises SlackError."""
    if found.token == "none":
        return
    if not given:
        raise SlackError("not_authed")
    kinds = {"bot": call.tokens.bot, "app": call.tokens.app}
    kind = next((k for k, token in kinds.items() if hmac.compare_digest(token, given)), None)
    if kind is None:
        raise SlackError("invalid_auth")
    if kind != found.token:
        raise SlackError("not_allowed_token_type")
    call.need_scope(*found.scopes)


class Lost(Response):
    """Break the connection instead of answering: the caller cannot know whether the call was executed."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        scope["state"]["transports"][tuple(scope["client"])].abort()
        await asyncio.sleep(0)  # lets the server notice before it looks for an answer


@dataclass(frozen=True, kw_only=True)
class WebApi:
    state: State
    sockets: SocketMode
    tokens: Tokens

    async def handle(self, request: Request) -> Response:
        name = request.path_params["method"]
        token, args = await _arguments(request)
        fault = self.state.faults.take(name)
        if fault and fault.kind in {"429", "5xx", "outage"}:
            return self._refuse(name, args, fault)
        answer = self._answer(name, token, args, fault)
        if fault and fault.kind == "late":
            await asyncio.sleep(fault.seconds)
        scopes = {"X-OAuth-Scopes": ",".join(self.state.workspace.app.scopes)}  # on every answer, as in Slack
        return Lost() if fault and fault.kind == "lost_reply" else JSONResponse(answer, headers=scopes)

    def _answer(self, name: str, token: str, args: Json, fault: Fault | None) -> Json:
        call = Call(state=self.state, sockets=self.sockets, tokens=self.tokens, args=args)
        with self.state.changing():
            try:
                found = METHODS.get(name)
                if found is None:
                    raise SlackError("unknown_method", req_method=name)
                authorise(found, token, call)
                if fault and fault.kind == "error":
                    raise SlackError(fault.error)
                answer = {"ok": True, **found.run(call)}
            except SlackError as e:
                answer = e.answer()
            lost = bool(fault and fault.kind == "lost_reply")
            self._record(
                name, args, status=0 if lost else 200, ok=answer["ok"], error=answer.get("error", ""), lost=lost
            )
        return answer

    def _refuse(self, name: str, args: Json, fault: Fault) -> Response:
        status = {"429": 429, "outage": 503}.get(fault.kind, fault.status)
        error = "ratelimited" if status == 429 else "service_unavailable"
        self._record(name, args, status=status, ok=False, error=error, lost=False)
        headers = {"Retry-After": f"{fault.seconds:.0f}"} if status == 429 else {}
        return JSONResponse({"ok": False, "error": error}, status_code=status, headers=headers)

    def _record(self, name: str, args: Json, *, status: int, ok: bool, error: str, lost: bool) -> None:
        self.state.record(
            {"kind": "api", "method": name, "args": args, "status": status, "ok": ok, "error": error, "lost": lost}
        )


async def _arguments(request: Request) -> tuple[str, Json]:
    """Token and arguments, whichever way they came; a JSON body goes over a query, as in Slack."""
    args: Json = dict(request.query_params)
    body = await request.body()
    kind = request.headers.get("content-type", "")
    if kind.startswith("application/json") and body:
        try:
            parsed = json.loads(body)
        except ValueError:
            parsed = {}
        args |= {k: v for k, v in parsed.items() if v is not None} if isinstance(parsed, dict) else {}
    elif kind.startswith("application/x-www-form-urlencoded"):
        args |= dict(parse_qsl(body.decode(), keep_blank_values=True))
    in_body = str(args.pop("token", ""))
    scheme, _, in_header = request.headers.get("authorization", "").partition(" ")
    return (in_header.strip() if scheme.lower() == "bearer" else in_body), args
