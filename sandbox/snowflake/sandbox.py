"""SnowflakeSandbox: the local Snowflake as one object, for the demo and for tests."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import snowflake.connector
import uvicorn
from snowflake.connector import SnowflakeConnection

from . import state
from .faults import Action, Fault
from .job import World
from .lexer import split
from .log import Statement
from .server import Server
from .state import Saved

T = TypeVar("T")


class SnowflakeSandbox:
    """A Snowflake account in this process, served on 127.0.0.1 from a thread of its own.

    The account is `sandbox`; its one user at the start is `ADMIN` (role ACCOUNTADMIN, password `admin`).
    """

    host = "127.0.0.1"

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._world = World()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen; returns when clients can connect."""
        # The explicit protocol number lets asyncio switch Nagle's algorithm off: 40 ms less for each statement.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.host, self.port))
        self.port = listener.getsockname()[1]
        started = threading.Event()
        self._routes = Server(self._world)
        config = uvicorn.Config(
            self._routes.app, log_level="critical", access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = _Uvicorn(config, started)
        self._thread = threading.Thread(
            target=self._server.run, args=([listener],), name="snowflake-sandbox", daemon=True
        )
        self._thread.start()
        if not started.wait(30):
            raise RuntimeError("the Snowflake sandbox did not start")

    def stop(self) -> None:
        """Stop listening and forget everything; a stopped sandbox is not started again."""
        for job in list(self._world.running.values()):
            job.cancel()
        if self._server and self._thread:
            self._server.should_exit = True
            self._thread.join(10)
            self._routes.pool.shutdown(wait=True, cancel_futures=True)
            for session in list(self._world.sessions.values()):
                state.close_session(self._world, session)
            self._world.sessions.clear()
            self._world.store.close()
        self._server = self._thread = None

    # Clients ------------------------------------------------------------------------------------------------------

    def connect(
        self, user: str, password: str = "", private_key: bytes | None = None, role: str | None = None, **kw: Any
    ) -> SnowflakeConnection:
        """A session through the real connector; `private_key` is DER (PKCS 8)."""
        parameters = {"CLIENT_TELEMETRY_ENABLED": False, **kw.pop("session_parameters", {})}
        how = {"private_key": private_key} if private_key else {"password": password}
        return snowflake.connector.connect(
            account="sandbox",
            user=user,
            role=role,
            host=self.host,
            port=self.port,
            protocol="http",
            session_parameters=parameters,
            **how,
            **{"login_timeout": 10, "network_timeout": 60, "platform_detection_timeout_seconds": 0.0, **kw},
        )

    def admin(self) -> SnowflakeConnection:
        return self.connect("ADMIN", "admin")

    def run_script(self, sql: str, **replace: str) -> None:
        """Run a script's statements as ADMIN, `<NAME>` replaced by the keyword `name`; raises at the first error."""
        text = re.sub(r"<([A-Z][A-Z0-9_]*)>", lambda m: _by_name(replace).get(m[1], m[0]), sql)
        connection = self.admin()
        try:
            for statement in split(text):
                connection.cursor().execute(statement)
        finally:
            connection.close()

    # What happened ------------------------------------------------------------------------------------------------

    @property
    def log(self) -> Sequence[Statement]:
        """Every statement since the start or the last restore, as sent, oldest first."""
        return tuple(self._world.log.statements)

    def wait(self, predicate: Callable[[Sequence[Statement]], T], timeout: float = 60.0, what: str = "") -> T:
        """Wait until `predicate(log)` is true and return its value; asked at each statement's start and end.

        Raises TimeoutError. A `restore` begins another log, which this does not see.
        """
        log = self._world.log
        with log.changed:
            found = log.changed.wait_for(lambda: predicate(tuple(log.statements)), timeout)
        if not found:
            raise TimeoutError(f"no such statement within {timeout:g} s: {what}")
        return found

    def writes(self, databases: set[str]) -> list[Statement]:
        """Statements that ask for a change in these databases, judged by their text alone, refused ones included."""
        return [statement for statement in self.log if statement.writes(databases)]

    def census(self, databases: set[str]) -> dict[str, tuple[int, int, str]]:
        """`db.schema.name` of tables and views -> (rows, content hash, a mark that is new after each replace).

        Read from the data alone; a view has 0 rows and the hash of its definition.
        """
        return state.census(self._world, databases)

    # What a test arranges -----------------------------------------------------------------------------------------

    def inject(
        self,
        match: str,
        action: Action,
        *,
        code: str = "000603",
        message: str = "injected failure",
        seconds: float | None = None,
        times: int = 1,
        after: bool = False,
        skip: int = 0,
    ) -> Fault:
        """A fault for the next `times` statements that `match` (a regular expression, any case) finds, after `skip` others.

        fail: error `code`; slow: `seconds` (1) later; hang: until cancelled, `seconds` (3600) at most; lost_reply: executed,
        the connection closed without an answer; misreport: executed, then answered once with `code`, after which a code of
        a dead session (390111, 390114 ...) has ended it; poll: answered only when the client asks for the result, as every
        statement is that takes longer than 45 seconds. `after`: act once the statement was executed.
        Returns the fault: its `times` is 0 once it has struck as often as it should.
        """
        default = {"hang": 3600.0}.get(action, 1.0)
        pattern = re.compile(match, re.IGNORECASE | re.DOTALL)
        fault = Fault(pattern, action, code, message, default if seconds is None else seconds, times, after, skip)
        self._world.faults.add(fault)
        return fault

    def clear_faults(self) -> None:
        self._world.faults.clear()

    def record_show(self, kind: str, row: dict[str, object]) -> None:
        """Let SHOW <kind> (STREAMS, DYNAMIC TABLES, MATERIALIZED VIEWS, TASKS, PIPES) list a row, or POLICY_REFERENCES and
        TAG_REFERENCES return it for the table `row["entity"]` (`row["error"]`: refuse the question instead). With
        `row["roles"]` only those roles see what SHOW lists.
        """
        self._world.account.recorded.setdefault(kind.upper(), []).append(row)

    def show_as(self, table: str, kind: str) -> None:
        """Let a table's metadata say that it is a DYNAMIC, HYBRID, ICEBERG or EXTERNAL one, or of a view that it is a
        MATERIALIZED or (another role's) SECURE one.
        """
        database, schema, name = table.split(".")
        self._world.account.relations[database, schema, name].shown_as = kind

    def filter_rows(self, table: str, role: str, condition: str) -> None:
        """Let a role see only some rows, as a row access policy would; "" ends it. Clones made from here on have it too."""
        database, schema, name = table.split(".")
        self._world.account.relations[database, schema, name].filters[role] = condition

    def set_clock(self, ahead: timedelta) -> None:
        """Make the account's clock, of CURRENT_TIMESTAMP and the query history, differ from this machine's."""
        self._world.ahead = ahead

    def save(self) -> Saved:
        """The whole account: data, kinds, owners, grants, roles, users."""
        return state.save(self._world)

    def restore(self, saved: Saved) -> None:
        """Back to a saved state, with an empty log and no faults. Open sessions stay open."""
        state.restore(self._world, saved)


def _by_name(replace: dict[str, str]) -> dict[str, str]:
    return {name.upper(): value for name, value in replace.items()}


class _Uvicorn(uvicorn.Server):
    """Says when it listens, and leaves the process's signal handlers alone."""

    def __init__(self, config: uvicorn.Config, started: threading.Event) -> None:
        super().__init__(config)
        self._listening = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening.set()
