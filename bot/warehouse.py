"""The Snowflake gateway: opens short-lived sessions of the two users.

The builder reads production and writes the dev schema; the promoter has the role that owns production. Neither
session has secondary roles, both run in UTC, and every statement carries the step's query tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import snowflake.connector
from snowflake.connector import SnowflakeConnection
from snowflake.connector.errors import Error, OperationalError

from bot import arrow, key_files
from bot.errors import RefreshError
from bot.patience import Alive
from bot.session import (
    History,
    HistoryRow,
    NotVisible,
    ReadFailed,
    Schema,
    Session,
    SqlError,
    TransientSource,
    Unreachable,
)
from bot.settings import KeyFile, Settings, UserSection
from bot.wording import warehouse as wording

__all__ = [
    "History",
    "HistoryRow",
    "NotVisible",
    "ReadFailed",
    "Schema",
    "Session",
    "SqlError",
    "TransientSource",
    "Unreachable",
    "Warehouse",
]

_LOGIN_SECONDS = 30


class Warehouse:
    """Opens sessions; holds no connection of its own. `network_seconds`: how long one answer may take to arrive."""

    network_seconds = 120

    def __init__(self, settings: Settings, installation: str) -> None:
        self._settings = settings
        self._installation = installation
        arrow.prepare()

    @contextmanager
    def builder(self, tag: str, warehouse: str = "", alive: Alive | None = None) -> Iterator[Session]:
        """A session that can never write to production. `alive` is called every second while a statement runs.

        Raises RefreshError when the identity is not as set up.
        """
        section, key = self._settings.warehouse.builder, self._settings.secrets.builder_key
        with self._open(section, key, tag, warehouse, abort_detached=True) as connection:
            yield Session(connection, section, doubts=False, alive=alive)

    @contextmanager
    def promoter(self, tag: str, alive: Alive | None = None) -> Iterator[Session]:
        """A session as the owner of production: a lost connection there raises InDoubt for statements that write.

        `alive` as for the builder.
        """
        section, key = self._settings.warehouse.promoter, self._settings.secrets.promoter_key
        with self._open(section, key, tag, "", abort_detached=False) as connection:
            yield Session(connection, section, doubts=True, alive=alive)

    @contextmanager
    def _open(
        self, section: UserSection, key: KeyFile, tag: str, warehouse: str, *, abort_detached: bool
    ) -> Iterator[SnowflakeConnection]:
        if key.file is None:
            raise RefreshError(wording.no_key(section.user))
        private_key = key_files.opened(section.user, key.file, key.passphrase)
        try:
            connection = self._connect(section, private_key, tag or self._installation, warehouse, abort_detached)
        except (OperationalError, OSError) as error:
            raise Unreachable(wording.unreachable(), wording.redact(str(error))) from None
        except (Error, ValueError) as error:
            raise RefreshError(wording.cannot_log_in(section.user), wording.redact(str(error))) from None
        try:
            connection.telemetry_enabled = False
            yield connection
        finally:
            connection.close(retry=False)

    def _connect(
        self, section: UserSection, key: Any, tag: str, warehouse: str, abort_detached: bool
    ) -> SnowflakeConnection:
        place = self._settings.warehouse
        address = {"host": place.host, "port": place.port, "protocol": place.protocol} if place.host else {}
        return snowflake.connector.connect(
            **address,
            account=place.account,
            user=section.user,
            role=section.role,
            warehouse=warehouse or section.warehouse,
            authenticator="SNOWFLAKE_JWT",
            private_key=key,
            secondary_roles="NONE",
            login_timeout=_LOGIN_SECONDS,
            network_timeout=self.network_seconds,
            application="dbt_refresh",
            platform_detection_timeout_seconds=0.0,  # else each login asks three clouds whether it runs there
            session_parameters={
                "QUERY_TAG": tag,
                "TIMEZONE": "UTC",
                "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
                "QUOTED_IDENTIFIERS_IGNORE_CASE": False,
                "STATEMENT_TIMEOUT_IN_SECONDS": int(place.statement_timeout.total_seconds()),
                "ABORT_DETACHED_QUERY": abort_detached,
                "CLIENT_TELEMETRY_ENABLED": False,
            },
        )
