"""What surrounds dbt in a child: how it fails, the flags that code reads, the connector; runs inside the dbt children only."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable
from typing import Any

import dbt.flags
import snowflake.connector
from cryptography.hazmat.primitives.serialization import load_der_private_key
from dbt.adapters.snowflake.connections import SnowflakeConnectionManager
from dbt.cli.main import cli
from dbt_common.exceptions import DbtRuntimeError

from bot import arrow

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Failure(Exception):
    """A command that cannot be done; `kind` tells the parent which sentence people read."""

    def __init__(self, kind: str, message: str = "", **more: Any) -> None:
        super().__init__(message)
        self.reply = {"kind": kind, "message": _ANSI.sub("", message), **more}


def refuse_flags() -> None:
    """A flag of dbt's in the environment (DBT_FULL_REFRESH, DBT_EMPTY ...) would change the build silently."""
    commands = [cli, *cli.commands.values()]
    flags = {
        str(name)
        for c in commands
        for p in c.params
        for name in (p.envvar if isinstance(p.envvar, list) else [p.envvar])
    }
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS", "DBT_ENGINE_SEND_ANONYMOUS_USAGE_STATS"}
    ours = {"DO_NOT_TRACK"} | quiet
    found = sorted(
        name for name in os.environ if name not in ours and (name in flags or name.startswith("DBT_ENGINE_"))
    )
    if found:
        raise Failure("flags", ", ".join(found), names=found)


def flags_of_a_build(*, full_refresh: bool) -> None:
    """What code reads in `flags` is settled while parsing and compiling too: as one `dbt build` would have it."""
    of_command = dbt.flags.get_flag_obj

    def of_build() -> Any:
        found = of_command()
        found.FULL_REFRESH, found.WHICH, found.EMPTY = full_refresh, "build", False
        return found

    dbt.flags.get_flag_obj = of_build


def judge_statements(refused: Callable[[str, str, str], str]) -> None:
    """Ask before each statement of dbt's: `refused(sql, database, schema)` says why it must not be sent, or "".

    Database and schema are those of the session. Raises DbtRuntimeError, as a statement that fails does.
    """
    send = SnowflakeConnectionManager.add_query

    def add_query(self: Any, sql: str, *args: Any, **kwargs: Any) -> Any:
        login = self.get_thread_connection().credentials
        if why := refused(sql, login.database.upper(), login.schema.upper()):
            raise DbtRuntimeError(why)
        return send(self, sql, *args, **kwargs)

    SnowflakeConnectionManager.add_query = add_query


def quiet_connector(statement_timeout: float, private_key: str) -> None:
    """dbt sets no session parameters but the tag: the driver's telemetry goes off, orphaned statements end.

    Nor does a login ask three clouds whether it runs there. The key is given here and not in the profile, where code of
    the project could print it.
    """
    arrow.prepare()
    der = base64.b64decode(private_key)
    login = {"private_key": load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)} if der else {}
    connect = snowflake.connector.connect

    def connected(*args: Any, **kwargs: Any) -> Any:
        given = kwargs.pop("session_parameters", None) or {}
        ours = {
            "CLIENT_TELEMETRY_ENABLED": False,
            "ABORT_DETACHED_QUERY": True,
            "STATEMENT_TIMEOUT_IN_SECONDS": int(statement_timeout),
        }
        kwargs |= login | {"secondary_roles": "NONE", "platform_detection_timeout_seconds": 0.0}
        return connect(*args, session_parameters=given | ours, **kwargs)

    snowflake.connector.connect = connected
