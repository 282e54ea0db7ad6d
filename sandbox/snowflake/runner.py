"""From a statement's text to its answer: the log entry, faults, the handler, the error, the timeout."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
from fakesnow.converter import from_binding

from . import accounts, alter, dml, grants, settings, show, tables
from .errors import SnowflakeError, syntax, unsupported
from .faults import ReplyLost
from .job import Job, World
from .lexer import Cursor, split
from .log import Statement
from .session import Session
from .store import translate_error
from .wire import Result

Handler = Callable[[Job, Cursor], Result]
_KEPT_RESULTS = 100


@dataclass(slots=True)
class Request:
    """A query-request of the connector."""

    sql: str
    bindings: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    describe: bool = False


def accept(world: World, session: Session, request: Request) -> Job:
    """Log the statement as it came in, before anything looks at it."""
    parameters = {**session.parameters, **{k.upper(): str(v) for k, v in request.parameters.items()}}
    entry = Statement(
        query_id=str(uuid.uuid4()),
        sql=request.sql,
        user=session.user,
        role=session.role,
        warehouse=session.warehouse,
        tag=parameters.get("QUERY_TAG", ""),
        session_id=session.id,
        database=session.database,
        schema=session.schema,
        started=world.now(),
    )
    world.log.append(entry)
    job = Job(world, session, entry, describe=request.describe)
    job.seconds = int(float(parameters.get("STATEMENT_TIMEOUT_IN_SECONDS") or 0))
    world.running[entry.query_id] = job
    return job


def run(job: Job, request: Request) -> Result:
    """Execute an accepted statement; raises SnowflakeError, or ReplyLost where a fault says so."""
    started, error = time.perf_counter(), None
    timer = threading.Timer(job.seconds, job.expire, [job.seconds]) if 0 < job.seconds < 86400 else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        with job.session.lock:
            job.activate(True)
            try:
                return _execute(job, request)
            finally:
                job.activate(False)
    except SnowflakeError as refused:
        error = refused
        raise
    finally:
        if timer:
            timer.cancel()
        job.entry.ms = round((time.perf_counter() - started) * 1000, 1)
        job.entry.error = f"{error.code}: {error.message}" if error else None
        job.entry.ended = job.world.now()
        job.world.running.pop(job.entry.query_id, None)
        job.session.last_query_id = job.entry.query_id
        job.world.log.moved_on()


def _execute(job: Job, request: Request) -> Result:
    faults = job.world.faults
    try:
        faults.strike(job.sql, job.stop, job.hold, after=False)
        job.check()
        job.bindings = [_binding(request.bindings[key]) for key in sorted(request.bindings, key=int)]
        result = _dispatch(job)
        job.entry.rows = result.data.get("total")
        results = job.world.results
        results[job.entry.query_id] = result
        for past in list(results)[:-_KEPT_RESULTS]:  # other sessions do the same
            results.pop(past, None)
        faults.strike(job.sql, job.stop, job.hold, after=True)
        return result
    except (SnowflakeError, ReplyLost):
        raise
    except duckdb.Error as error:
        job.check()
        raise translate_error(error, job.sql) from error
    except Exception as error:  # a gap of the sandbox must be an SQL error: the connector would repeat a 5xx for ever
        raise unsupported(f"{job.sql[:300]}: {type(error).__name__}: {error}") from error
    finally:
        job.clean()


def _binding(binding: dict[str, Any]) -> Any:
    if isinstance(binding["value"], list):
        raise unsupported("array binding")
    return None if binding["value"] is None else from_binding(binding)


def _dispatch(job: Job) -> Result:
    statements = split(job.sql)
    if not statements:
        raise SnowflakeError("000900", "42601", "SQL compilation error:\nEmpty SQL statement.")
    if len(statements) > 1:
        raise SnowflakeError(
            "000008", "0A000", f"Actual statement count {len(statements)} did not match the desired statement count 1."
        )
    cursor = Cursor(statements[0])
    if job.session.broken and cursor.peek() not in ("ROLLBACK", "COMMIT"):
        raise unsupported("a statement after a failed one that followed writes in the same transaction; roll it back")
    if cursor.peek() in ("SELECT", "WITH", "("):
        return dml.query(job, cursor)
    handler = _HANDLERS.get(cursor.peek())
    if handler is None and cursor.peek() not in _NOT_HERE:
        raise syntax(cursor.take().text)
    if handler is None:
        raise unsupported(re.sub(r"\s+", " ", statements[0])[:200])
    cursor.take()
    return handler(job, cursor)


def _create(job: Job, cursor: Cursor) -> Result:
    replace = cursor.accept("OR", "REPLACE")
    cursor.one_of("LOCAL", "GLOBAL")
    modifier = cursor.one_of("TRANSIENT", "TEMPORARY", "TEMP", "VOLATILE", "SECURE")
    kind = cursor.take().word
    if kind == "TABLE":
        return tables.create_table(job, cursor, replace=replace, kind=modifier)
    if kind == "VIEW":
        return tables.create_view(job, cursor, replace=replace, kind=modifier)
    if kind in ("USER", "ROLE", "WAREHOUSE", "DATABASE", "SCHEMA"):
        return accounts.create(job, cursor, kind, replace=replace, transient=modifier == "TRANSIENT")
    raise unsupported(f"CREATE {modifier} {kind}".replace("  ", " "))


def _drop(job: Job, cursor: Cursor) -> Result:
    kind = cursor.take().word
    if kind in ("TABLE", "VIEW"):
        return alter.drop_relation(job, cursor, kind)
    if kind == "SCHEMA":
        return alter.drop_schema(job, cursor)
    if kind == "DATABASE":
        return alter.drop_database(job, cursor)
    if kind in ("USER", "ROLE", "WAREHOUSE"):
        return accounts.drop(job, cursor, kind)
    raise unsupported(f"DROP {kind}")


def _alter(job: Job, cursor: Cursor) -> Result:
    kind = cursor.take().word
    if kind in ("TABLE", "VIEW"):
        return alter.alter_relation(job, cursor, kind)
    if kind == "SESSION":
        return settings.alter_session(job, cursor)
    if kind == "USER":
        return accounts.alter_user(job, cursor)
    if kind == "WAREHOUSE":
        return accounts.alter_warehouse(job, cursor)
    raise unsupported(f"ALTER {kind}")


# Statements of Snowflake's that the sandbox does not have; any other word is a syntax error.
_NOT_HERE = {
    "CALL",
    "EXECUTE",
    "UNDROP",
    "EXPLAIN",
    "COPY",
    "PUT",
    "GET",
    "LIST",
    "LS",
    "REMOVE",
    "RM",
    "SET",
    "UNSET",
    "DECLARE",
}

_HANDLERS: dict[str, Handler] = {
    "CREATE": _create,
    "DROP": _drop,
    "ALTER": _alter,
    "TRUNCATE": alter.truncate,
    "COMMENT": alter.comment,
    "INSERT": dml.insert,
    "UPDATE": dml.update,
    "DELETE": dml.delete,
    "MERGE": dml.merge,
    "BEGIN": dml.begin,
    "START": dml.begin,
    "COMMIT": dml.commit,
    "ROLLBACK": dml.rollback,
    "GRANT": grants.grant,
    "REVOKE": grants.revoke,
    "SHOW": show.show,
    "DESCRIBE": show.describe,
    "DESC": show.describe,
    "USE": settings.use,
}
