"""What the bot says when Snowflake says no, or says nothing."""

from __future__ import annotations

import re

from bot.wording.text import code, prose

# Snowflake quotes rows and single values in some messages; they must not reach Slack or a log. It does not escape a quote
# inside a value, so a value ends at the last quote that could end it, and where none does, with the message.
_ROW_VALUES = re.compile(r"(Row Values?:\s*)\[.*", re.IGNORECASE | re.DOTALL)
_VARIANT = re.compile(r"(\bvariant value\s+).*?(\s+to [A-Z_]+\W*)?\Z", re.IGNORECASE | re.DOTALL)
_NUMBER = re.compile(r"(\bvalue:?\s+)[-+.\d][-+.\w]*", re.IGNORECASE)
_FORMAT = r"""(?:AUTO|[YMDHS]+|U{4}|MON|DY|AM|PM|MI|HH(?:12|24)|FF\d?|TZ[HMD]|[-/:.,"\sTZ])+"""
_QUOTED = re.compile(
    rf"""(?<!["'])\b(values?|parse|parsing|json|xml|keyword|string|number|literal|date|timestamp|time)([\s:=([]+)
        (?P<quote>["'])(?:.*(?P=quote)(?=\sas\s\w+\swith\sformat\s'{_FORMAT}'\W*\Z)|.*(?P=quote)(?!\w)|.*)""",
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)


def redact(message: str) -> str:
    """Snowflake's own message without the data it may quote; names of objects stay."""
    without = _VARIANT.sub(r"\1'...'\2", _ROW_VALUES.sub(r"\1[withheld]", message))
    return _QUOTED.sub(r"\1\2'...'", _NUMBER.sub(r"\1'...'", without))


def refused(message: str) -> str:
    return f"Snowflake refused a statement: {prose(redact(message), 500)}"


def failed(message: str) -> str:
    return f"A statement failed in Snowflake: {prose(redact(message), 500)}"


def unconfirmed(message: str) -> str:
    return f"Snowflake did not confirm a statement: {prose(redact(message), 500)}"


def unreachable() -> str:
    return "Snowflake does not answer: please try again in a few minutes."


def in_doubt() -> str:
    return (
        "Snowflake did not confirm a statement on production. "
        "Whether it happened is not known yet; nothing is retried on its own."
    )


def cannot_log_in(user: str) -> str:
    return f"{code(user)} cannot log in to Snowflake: its key, its role or the network need an administrator."


def wrong_role(user: str, expected: str, actual: str) -> str:
    return (
        f"{code(user)} logged in with role {code(actual)} instead of {code(expected)}: "
        f"set its DEFAULT_ROLE, and grant it that role."
    )


def secondary_roles(user: str) -> str:
    return (
        f"{code(user)} has secondary roles, which would give it more rights than it needs: "
        "`ALTER USER … SET DEFAULT_SECONDARY_ROLES = ()`."
    )


def no_key(user: str) -> str:
    return f"No key file is set for the Snowflake user {code(user)}."


def unusable_key(user: str) -> str:
    return f"The key file of the Snowflake user {code(user)} cannot be used: check its path, its format (PEM) and the passphrase."
