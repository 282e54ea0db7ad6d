"""Handing something a person did to the app: through Socket Mode, or by a signed request when a URL is set."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sandbox.slack.socket_mode import NotConnected, SocketMode
from sandbox.slack.state import Json, State


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """How a delivery went; `error` is what the person sees when it failed."""

    ok: bool
    error: str = ""  # "", dispatch_failed (nobody there, or refused), operation_timed_out
    body: Any = None
    ack_ms: float | None = None


@dataclass(kw_only=True)
class Delivery:
    """`request_url` set: signed HTTP instead of Socket Mode. `ack_seconds` is Slack's patience."""

    state: State
    sockets: SocketMode
    signing_secret: str
    request_url: str = ""
    ack_seconds: float = 3.0
    loop: asyncio.AbstractEventLoop | None = None  # the server's, while it runs

    def send(self, kind: str, payload: Json, *, accepts_response: bool = False) -> Receipt:
        """Deliver and wait for the acknowledgement. Call from any thread but the server's own."""
        if self.loop is None:
            return Receipt(ok=False, error="dispatch_failed")
        return asyncio.run_coroutine_threadsafe(self._send(kind, payload, accepts_response), self.loop).result()

    async def _send(self, kind: str, payload: Json, accepts_response: bool) -> Receipt:
        name = payload["type"] if kind == "interactive" else kind
        fault = self.state.faults.take(name, delivery=True)
        if fault:
            await asyncio.sleep(fault.seconds)
        started = time.monotonic()
        through = "http" if self.request_url else "socket"
        try:
            if self.request_url:
                body = await asyncio.to_thread(self._post, kind, payload)
            else:
                through, body = await self.sockets.send(
                    kind, payload, accepts_response=accepts_response, timeout=self.ack_seconds
                )
            receipt = Receipt(ok=True, body=body, ack_ms=(time.monotonic() - started) * 1000)
        except TimeoutError:
            receipt = Receipt(ok=False, error="operation_timed_out")
        except (NotConnected, OSError):
            receipt = Receipt(ok=False, error="dispatch_failed")
        self.state.record(
            {
                "kind": "delivery",
                "envelope": kind,
                "type": name,
                "through": through,
                "payload": payload,
                "ok": receipt.ok,
                "error": receipt.error,
                "ack_ms": receipt.ack_ms,
                "response": receipt.body,
            }
        )
        return receipt

    def _post(self, kind: str, payload: Json) -> Any:
        """One signed request; the answer's JSON or text. Raises OSError (refused, not 200) and TimeoutError."""
        if kind == "slash_commands":
            body, content_type = urlencode(payload), "application/x-www-form-urlencoded"
        elif kind == "events_api":
            body, content_type = json.dumps(payload), "application/json"
        else:
            body, content_type = urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded"
        request = urllib.request.Request(self.request_url, data=body.encode(), headers=self.signature(body))
        request.add_header("Content-Type", content_type)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                request, timeout=self.ack_seconds
            ) as answer:
                text = answer.read().decode()
                is_json = answer.headers.get_content_type() == "application/json"
        except urllib.error.URLError as e:
            if isinstance(e.reason, TimeoutError):
                raise TimeoutError from e
            raise
        return json.loads(text) if is_json and text else text

    def signature(self, body: str, at: int | None = None) -> dict[str, str]:
        """Slack's v0 signature headers for a raw body."""
        stamp = str(at if at is not None else int(time.time()))
        digest = hmac.new(self.signing_secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}
