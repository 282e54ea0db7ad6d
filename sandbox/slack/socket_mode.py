"""Socket Mode: up to ten connections; each envelope goes to exactly one of them and waits for its acknowledgement."""

from __future__ import annotations

import asyncio
import json
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from sandbox.slack.errors import SlackError
from sandbox.slack.state import Json, State

CONNECTION_LIMIT = 10


class NotConnected(Exception):
    """The app has no open connection."""


@dataclass(kw_only=True, eq=False)
class Connection:
    socket: WebSocket
    id: str
    retiring: bool = False  # asked to reconnect: used only while there is no other


@dataclass(kw_only=True)
class SocketMode:
    state: State
    connections: list[Connection] = field(default_factory=list)
    tickets: set[str] = field(default_factory=set)
    waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)  # by envelope_id; any connection may answer
    _turn: int = 0

    def new_url(self, base: str) -> str:
        """A single-use address for one connection, as `apps.connections.open` gives it. Raises SlackError."""
        if len(self.connections) >= CONNECTION_LIMIT:
            raise SlackError("too_many_websockets")
        ticket = secrets.token_hex(12)
        self.tickets.add(ticket)
        return f"{base.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={self.state.workspace.app.id}"

    async def endpoint(self, socket: WebSocket) -> None:
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self.tickets:
            await socket.close(code=1008)
            return
        self.tickets.discard(ticket)
        await socket.accept()
        connection = Connection(socket=socket, id=ticket[:6])
        with self.state.changing():
            self.connections.append(connection)
        try:
            await socket.send_json(self._hello())
            while True:
                self._acknowledge(await socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            self._forget(connection)

    async def send(self, kind: str, payload: Json, *, accepts_response: bool, timeout: float) -> tuple[str, Any]:
        """Deliver to the next connection; returns its id and the body of the acknowledgement.

        Raises NotConnected, and TimeoutError when no acknowledgement comes in `timeout` seconds.
        """
        candidates = self.lasting() or self.connections
        if not candidates:
            raise NotConnected
        self._turn += 1
        connection = candidates[self._turn % len(candidates)]
        envelope_id = str(uuid.uuid4())
        reply = self.waiting[envelope_id] = asyncio.get_running_loop().create_future()
        envelope = {
            "type": kind,
            "envelope_id": envelope_id,
            "payload": payload,
            "accepts_response_payload": accepts_response,
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": 0, "retry_reason": ""}
        try:
            await connection.socket.send_text(json.dumps(envelope))
            return connection.id, await asyncio.wait_for(reply, timeout)
        except (WebSocketDisconnect, RuntimeError) as e:
            raise NotConnected from e
        finally:
            self.waiting.pop(envelope_id, None)

    def lasting(self) -> list[Connection]:
        """The connections that were not asked to go."""
        return [c for c in self.connections if not c.retiring]

    async def ask_to_reconnect(self, reason: str = "refresh_requested") -> None:
        """Slack's regular recycling: a `disconnect` envelope to each connection."""
        for connection in tuple(self.connections):
            connection.retiring = True
            await connection.socket.send_json(
                {"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}}
            )

    async def drop(self, *, abrupt: bool) -> None:
        """End all connections, with a close frame or by cutting the line, and forget the unused addresses."""
        self.tickets.clear()
        for connection in tuple(self.connections):
            self._forget(connection)
            if abrupt:
                address: Sequence[Any] = connection.socket.scope["client"]
                connection.socket.scope["state"]["transports"][tuple(address)].abort()
            else:
                await connection.socket.close(code=1012)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self.connections),
            "connection_info": {"app_id": self.state.workspace.app.id},
            "debug_info": {"host": "sandbox", "approximate_connection_time": 18060},
        }

    def _acknowledge(self, text: str) -> None:
        try:
            answer = json.loads(text)
        except ValueError:
            return
        reply = self.waiting.get(answer.get("envelope_id", ""))
        if reply is None:
            self.state.record({"kind": "ack", "type": "unknown", "ok": False, "error": "no such envelope, or too late"})
        elif not reply.done():
            reply.set_result(answer.get("payload"))

    def _forget(self, connection: Connection) -> None:
        with self.state.changing():
            if connection in self.connections:
                self.connections.remove(connection)
