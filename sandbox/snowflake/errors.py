"""Errors as Snowflake words them: a six-digit code, an SQLSTATE and a message."""

from __future__ import annotations


class SnowflakeError(Exception):
    """A statement or login was refused; it travels to the client as a normal error answer, never as an HTTP 5xx."""

    def __init__(self, code: str, sqlstate: str, message: str) -> None:
        super().__init__(f"{code} ({sqlstate}): {message}")
        self.code = code
        self.sqlstate = sqlstate
        self.message = message


def insufficient(kind: str, name: str) -> SnowflakeError:
    return SnowflakeError(
        "003001", "42501", f"SQL access control error:\nInsufficient privileges to operate on {kind.lower()} '{name}'"
    )


def missing(kind: str, name: str) -> SnowflakeError:
    """The object is not there, or the role has no privilege at all on it: Snowflake does not say which."""
    state = "42S02" if kind in ("Object", "Table", "View") else "02000"
    return SnowflakeError("002003", state, f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.")


def impossible() -> SnowflakeError:
    """What USE, SHOW .. IN and the like say about an object that is not there or not visible."""
    return SnowflakeError(
        "002043", "02000", "SQL compilation error:\nObject does not exist, or operation cannot be performed."
    )


def exists(name: str, kind: str = "Object") -> SnowflakeError:
    return SnowflakeError("002002", "42710", f"SQL compilation error:\n{kind} '{name}' already exists.")


def syntax(near: str) -> SnowflakeError:
    return SnowflakeError("001003", "42000", f"SQL compilation error:\nsyntax error unexpected '{near}'.")


def unsupported(what: str) -> SnowflakeError:
    """The sandbox cannot do this; `what` names the statement or the feature."""
    return SnowflakeError("000002", "0A000", f"Unsupported feature '{what}' (the Snowflake sandbox does not have it).")


def cancelled() -> SnowflakeError:
    return SnowflakeError("000604", "57014", "SQL execution canceled")


def timed_out(seconds: int) -> SnowflakeError:
    return SnowflakeError(
        "000630",
        "57014",
        f"Statement reached its statement or warehouse timeout of {seconds} second(s) and was canceled.",
    )


def no_warehouse() -> SnowflakeError:
    return SnowflakeError(
        "000606",
        "57P03",
        "No active warehouse selected in the current session. Select an active warehouse with the 'use warehouse' command.",
    )
