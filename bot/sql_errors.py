"""What an error number that Snowflake answers with proves about the statement.

Snowflake has no list of its numbers. Those here are known from the place named beside each to be found while a
statement is compiled, so that nothing of it has happened. Every other number, a new one too, leaves open whether the
statement ran: it can come after the work, such as when the session's token expires while the answer is fetched.
"""

from __future__ import annotations

from types import MappingProxyType

#: Syntax, names, privileges and features. Not 002002 (already exists): the connector repeats a request whose answer was
#: lost, so what exists may be what this very statement made. Not 003540 either: "SQL execution error".
BEFORE_EXECUTION = MappingProxyType(
    {
        2: "unsupported feature: snowflakedb/terraform-provider-snowflake, tests of the image repositories",
        904: "invalid identifier: https://github.com/PostHog/posthog/pull/63725",
        1003: "syntax error: https://github.com/sqitchers/sqitch/issues/737",
        2003: "does not exist or not authorized: snowflakedb/snowflake-cli, api/errno.py",
        2043: "does not exist, or the operation cannot be performed: snowflakedb/snowflake-cli, api/errno.py",
        2120: "a transient table as a permanent one: https://github.com/SQLMesh/sqlmesh/issues/4079",
        3001: "insufficient privileges: https://github.com/dbt-labs/dbt-external-tables/issues/214",
        90105: "no current database, `type: COMPILATION`: https://github.com/snowflakedb/snowflake-connector-python/issues/1241",
        391411: "not for hybrid tables: https://docs.snowflake.com/en/user-guide/tables-hybrid-clone",
    }
)
NOT_VISIBLE = frozenset({2003, 2043, 3001})
TRANSIENT_SOURCE = 2120

#: An incident inside Snowflake (https://github.com/open-metadata/OpenMetadata/issues/4486), and a cancel (the connector's
#: cursor.py, "SQL execution canceled"): the same statement may well succeed a moment later.
PASSING = frozenset({603, 604})
#: The statement's or the warehouse's timeout: https://github.com/estuary/flow/issues/238.
TIMED_OUT = 630
_OF_THE_SESSION = (  # tokens, sessions, policies and keys (the connector's network.py): they do not judge a statement
    range(390_000, 391_000),
    range(394_000, 396_000),
)
_OF_THE_CONNECTOR = range(250_000, 300_000)  # its own numbers: Snowflake said nothing


def judges_statement(code: int) -> bool:
    """Whether an answer with this number is about the statement, rather than the session or the connection."""
    return code > 0 and code not in _OF_THE_CONNECTOR and not any(code in numbers for numbers in _OF_THE_SESSION)
