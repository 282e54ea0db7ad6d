"""The connector's HTTP protocol: login, token renewal, query, result, abort, heartbeat, status; never a 5xx."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import runner
from .errors import SnowflakeError
from .faults import ReplyLost
from .job import Job, World
from .session import Session, start
from .state import close_session
from .wire import Result

Answer = dict[str, Any]
# A token or session that cannot be renewed; 390112 can, and the client then repeats its request under the same id.
_DEAD_SESSION = frozenset({"390104", "390111", "390113", "390114", "390115"})


class Lost(Response):
    """An answer that never arrives: the connection breaks in the middle of it, which the connector does not repeat."""

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})


@dataclass(slots=True)
class Reply:
    """What a statement is answered with; `once` instead of that the first time, `polled` when the client asks again."""

    true: Answer
    query_id: str
    once: Answer | None = None
    polled: bool = False

    def told(self) -> Answer:
        answer, self.once = self.once or self.true, None
        return answer

    def in_progress(self) -> Answer:
        data = {"queryId": self.query_id, "getResultUrl": f"/queries/{self.query_id}/result"}
        return {"success": True, "code": "333333", "message": None, "data": data}


class Server:
    """Routes of one account. Statements run in threads; a request id that comes again gets the first one's answer."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.pool = ThreadPoolExecutor(64, thread_name_prefix="snowflake")
        self._ids = itertools.count(1001)
        self._answers: dict[str, asyncio.Task[Reply | None]] = {}
        self._requests: dict[str, Job] = {}
        self._polled: dict[str, Reply] = {}
        self.app = Starlette(
            routes=[
                Route("/session/v1/login-request", self.login, methods=["POST"]),
                Route("/session", self.session, methods=["POST"]),
                Route("/session/heartbeat", self.session, methods=["POST"]),
                Route("/session/token-request", self.renew, methods=["POST"]),
                Route("/queries/v1/query-request", self.query, methods=["POST"]),
                Route("/queries/v1/abort-request", self.abort, methods=["POST"]),
                Route("/queries/{id}/result", self.result, methods=["GET"]),
                Route("/monitoring/queries/{id}", self.status, methods=["GET"]),
                Route("/telemetry/send", self.telemetry, methods=["POST"]),
            ],
            exception_handlers={Exception: _gap},
        )

    async def login(self, request: HttpRequest) -> Response:
        body = await _json(request)
        duck = self.world.store.connect()
        try:
            session = start(
                self.world.account, duck, next(self._ids), body.get("data") or {}, dict(request.query_params)
            )
        except SnowflakeError as error:
            duck.close()
            return JSONResponse({"success": False, "code": error.code, "message": error.message, "data": {}})
        self.world.sessions[session.token] = session
        return JSONResponse(_succeeded(_login_data(session)))

    async def session(self, request: HttpRequest) -> Response:
        session = self._session(request)
        if session is None:
            return JSONResponse(_no_session())
        if request.query_params.get("delete"):
            del self.world.sessions[session.token]
            closing = asyncio.get_running_loop().run_in_executor(self.pool, close_session, self.world, session)
            if not any(job.session is session for job in list(self.world.running.values())):
                await closing  # else it ends with its last statement, and the client does not wait for that
        return JSONResponse(_succeeded(None))

    async def query(self, request: HttpRequest) -> Response:
        session, body = self._session(request), await _json(request)
        if session is None:
            return JSONResponse(_no_session())
        request_id = request.query_params.get("requestId") or str(id(request))
        again = request_id in self._answers
        if not again:
            self._answers[request_id] = asyncio.ensure_future(self._run(session, body, request_id))
            self._forget()
        if body.get("asyncExec"):
            await asyncio.sleep(0)
            return JSONResponse(self._accepted(request_id))
        reply = await asyncio.shield(self._answers[request_id])
        if reply is None:  # lost; a client that asks again learns nothing either
            return Response(status_code=410) if again else Lost()
        if reply.polled:
            self._polled[reply.query_id] = reply
            return JSONResponse(reply.in_progress())
        return JSONResponse(self._told(reply, session))

    async def result(self, request: HttpRequest) -> Response:
        """What a statement that took long was answered with."""
        session, reply = self._session(request), self._polled.get(request.path_params["id"])
        if session is None or reply is None:
            return JSONResponse(_no_session())
        return JSONResponse(self._told(reply, session))

    async def renew(self, request: HttpRequest) -> Response:
        """Another session token for the master token, which here is the same one."""
        session = self._session(request)
        if session is None:
            return JSONResponse(_no_session())
        tokens = {"sessionToken": session.token, "masterToken": session.token, "masterValidityInSeconds": 14400}
        return JSONResponse(_succeeded(tokens))

    def _told(self, reply: Reply, session: Session) -> Answer:
        answer = reply.told()
        if answer["code"] in _DEAD_SESSION and self.world.sessions.pop(session.token, None):
            self.pool.submit(close_session, self.world, session)
        return answer

    async def _run(self, session: Session, body: dict[str, Any], request_id: str) -> Reply | None:
        request = runner.Request(
            str(body.get("sqlText") or ""),
            body.get("bindings") or {},
            body.get("parameters") or {},
            bool(body.get("describeOnly")),
        )
        job = runner.accept(self.world, session, request)
        self._requests[request_id] = job
        polled = self.world.faults.of_reply(request.sql, "poll") is not None
        try:
            result = await asyncio.get_running_loop().run_in_executor(self.pool, runner.run, job, request)
        except ReplyLost:
            return None
        except SnowflakeError as error:
            return Reply(_refused(error, job), job.entry.query_id, polled=polled)
        wrong = self.world.faults.of_reply(request.sql, "misreport")
        once = _refused(SnowflakeError(wrong.code, "08001", wrong.message), job) if wrong else None
        return Reply(_succeeded(_query_data(job, result)), job.entry.query_id, once, polled)

    def _forget(self) -> None:
        """Keep only the newest requests that could still be repeated or aborted."""
        for kept in (self._answers, self._requests, self._polled):
            while len(kept) > 500:
                kept.pop(next(iter(kept)))

    def _accepted(self, request_id: str) -> Answer:
        query_id = self._requests[request_id].entry.query_id
        data = {"queryId": query_id, "getResultUrl": f"/queries/{query_id}/result", "queryAbortsAfterSecs": 300}
        return {"success": True, "code": "333334", "message": None, "data": data}

    async def abort(self, request: HttpRequest) -> Response:
        body = await _json(request)
        job = self._requests.get(str(body.get("requestId")))
        if job is not None and job.entry.ended is None:
            job.cancel()
        return JSONResponse(_succeeded(None))

    async def status(self, request: HttpRequest) -> Response:
        entry = self.world.log.find(request.path_params["id"])
        queries = []
        if entry is not None:
            code, _, message = (entry.error or "").partition(": ")
            queries = [{"id": entry.query_id, "status": entry.status, "errorCode": code, "errorMessage": message}]
        return JSONResponse(_succeeded({"queries": queries}))

    async def telemetry(self, _request: HttpRequest) -> Response:
        return JSONResponse(_succeeded("Log Received"))

    def _session(self, request: HttpRequest) -> Session | None:
        header = request.headers.get("authorization", "")
        return self.world.sessions.get(header.removeprefix('Snowflake Token="').removesuffix('"'))


async def _gap(request: HttpRequest, error: Exception) -> Response:
    """A gap of the sandbox outside any statement; the connector would repeat a 5xx for ever."""
    message = f"The Snowflake sandbox failed on {request.url.path}: {type(error).__name__}: {error}"
    return JSONResponse({"success": False, "code": "000603", "message": message, "data": None})


async def _json(request: HttpRequest) -> dict[str, Any]:
    body = await request.body()
    if request.headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return json.loads(body or b"{}")


def _succeeded(data: object) -> Answer:
    return {"success": True, "code": None, "message": None, "data": data}


def _refused(error: SnowflakeError, job: Job) -> Answer:
    data = {"errorCode": error.code, "sqlState": error.sqlstate, "queryId": job.entry.query_id}
    return {"success": False, "code": error.code, "message": error.message, "data": data}


def _no_session() -> Answer:
    message = "Session no longer exists. New login required to access the service."
    return {"success": False, "code": "390111", "message": message, "data": None}


def _login_data(session: Session) -> Answer:
    return {
        "token": session.token,
        "masterToken": session.token,
        "sessionId": session.id,
        "serverVersion": "9.99.0",
        "parameters": [
            {"name": "AUTOCOMMIT", "value": session.parameters.get("AUTOCOMMIT", "true").lower() != "false"},
            {"name": "CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", "value": 3600},
            {"name": "CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", "value": 0},
            {"name": "TIMEZONE", "value": "Etc/UTC"},
        ],
        "sessionInfo": {
            "databaseName": session.database or None,
            "schemaName": session.schema or None,
            "warehouseName": session.warehouse or None,
            "roleName": session.role,
        },
    }


def _query_data(job: Job, result: Result) -> Answer:
    session = job.session
    return {
        "parameters": [{"name": "TIMEZONE", "value": "Etc/UTC"}],
        "queryId": job.entry.query_id,
        "statementTypeId": result.type,
        "finalDatabaseName": session.database or None,
        "finalSchemaName": session.schema or None,
        "finalWarehouseName": session.warehouse or None,
        "finalRoleName": session.role,
        **result.data,
    }
