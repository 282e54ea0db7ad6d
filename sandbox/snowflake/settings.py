"""What a session says about itself: USE and ALTER SESSION."""

from __future__ import annotations

from . import wire
from .errors import SnowflakeError, impossible, unsupported
from .job import Job
from .lexer import Cursor
from .wire import Result

# Session parameters that may be set, with Snowflake's defaults as SHOW PARAMETERS gives them.
PARAMETERS = {
    "QUERY_TAG": "",
    "TIMEZONE": "Etc/UTC",
    "STATEMENT_TIMEOUT_IN_SECONDS": "172800",
    "LOCK_TIMEOUT": "43200",
    "AUTOCOMMIT": "true",
    "ABORT_DETACHED_QUERY": "false",
    "CLIENT_SESSION_KEEP_ALIVE": "false",
    "USE_CACHED_RESULT": "true",
    "WEEK_START": "0",
    "ERROR_ON_NONDETERMINISTIC_MERGE": "true",
    "TIMESTAMP_OUTPUT_FORMAT": "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
    "STATEMENT_QUEUED_TIMEOUT_IN_SECONDS": "0",
}


def alter_session(job: Job, cursor: Cursor) -> Result:
    """ALTER SESSION SET k = v ... | UNSET k, ..."""
    if cursor.accept("UNSET"):
        while not cursor.done:
            job.session.parameters.pop(cursor.identifier(), None)
            cursor.accept(",")
        return wire.status()
    cursor.expect("SET")
    options = cursor.options()
    cursor.end()
    for key, value in options.items():
        if key not in PARAMETERS:
            raise SnowflakeError("001420", "42601", f"SQL compilation error:\ninvalid session parameter '{key}'")
        if (key == "TIMEZONE" and value.upper() not in ("UTC", "ETC/UTC")) or (
            key.startswith("QUOTED") and value.lower() != "false"
        ):
            raise unsupported(f"ALTER SESSION SET {key} = '{value}'")
        job.session.parameters[key] = value
    return wire.status()


def use(job: Job, cursor: Cursor) -> Result:
    """USE ROLE | SECONDARY ROLES | WAREHOUSE | DATABASE | SCHEMA"""
    session = job.session
    if cursor.accept("SECONDARY", "ROLES"):
        choice = cursor.take().word
        if choice not in ("NONE", "ALL"):
            raise unsupported(job.sql)
        session.secondary = choice == "ALL"
        return wire.status()
    kind = cursor.one_of("ROLE", "WAREHOUSE", "DATABASE", "SCHEMA")
    parts = cursor.name()
    cursor.end()
    if kind == "ROLE":
        _use_role(job, parts[0])
    elif kind == "WAREHOUSE":
        job.access.warehouse(parts[0])
        session.warehouse = parts[0]
    elif kind == "SCHEMA" or (not kind and len(parts) == 2):
        session.database, session.schema = _existing(job, job.scope(parts))
    else:
        job.access.scope(parts[0])
        session.database = parts[0]
        session.schema = "PUBLIC" if job.access.sees((parts[0], "PUBLIC")) else ""
    return wire.status()


def _existing(job: Job, scope: tuple[str, str]) -> tuple[str, str]:
    if scope not in job.account.schemas and scope[1] != "INFORMATION_SCHEMA":
        raise impossible()
    job.access.scope(*scope)
    return scope


def _use_role(job: Job, role: str) -> None:
    held = job.account.user(job.session.user).roles | {"PUBLIC"}
    job.account.role(role)
    if role not in job.account.closure(held):
        raise SnowflakeError(
            "003013", "42501", f"SQL access control error:\nRequested role '{role}' is not assigned to the executing user. Specify another role to activate."
        )  # fmt: skip
    job.session.role = role
