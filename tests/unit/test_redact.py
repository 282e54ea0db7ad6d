"""Snowflake quotes rows and single values in its messages: none of them reaches Slack or a log, names of objects do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.wording.warehouse import redact, refused

SHAPES = (
    "Numeric value '{}' is not recognized",
    "Boolean value '{}' is not recognized",
    "Date '{}' is not recognized",
    "Invalid date value: '{}'",
    "Can't parse '{}' as date with format 'YYYY-MM-DD'",
    "Can't parse '{}' as timestamp with format 'AUTO'",
    'Failed to cast variant value "{}" to FIXED',
    "Failed to cast variant value {} to DATE",
    'Error parsing JSON: unknown keyword "{}", pos 6',
    "Error parsing JSON: '{}'",
    "String '{}' is too long and would be truncated",
    "String '{}' cannot be inserted because it's bigger than column size.",
    "Invalid UTF8 detected in string '{}'",
    "The following string is not a legal hex-encoded value: '{}'",
    "100038 (22018): 01b2: Numeric value '{}' is not recognized\n  compiled code at target/m.sql",
    "Duplicate row detected during DML action\nRow Values: ['{}', 42]",
    "DML operation to table EZ failed on column EMAIL with error: String '{}' is too long",
)
PIECES = st.sampled_from(["'", "''", '"', '""', " ", "\n", "x", "' as date with format '", '" to FIXED', "]", "\\"])


@pytest.mark.parametrize(
    ("message", "left"),
    [
        (
            "Can't parse '4111-1111' as date with format 'YYYY-MM-DD'",
            "Can't parse '...' as date with format 'YYYY-MM-DD'",
        ),
        ('Failed to cast variant value "alice@example.com" to FIXED', "Failed to cast variant value '...' to FIXED"),
        ('Failed to cast variant value {"a": "b to C"} to OBJECT', "Failed to cast variant value '...' to OBJECT"),
        ('Error parsing JSON: unknown keyword "alice", pos 6', "Error parsing JSON: unknown keyword '...', pos 6"),
        ("Invalid date value: 'abc'", "Invalid date value: '...'"),
        ("Numeric value 'it''s x' is not recognized", "Numeric value '...' is not recognized"),
        ("Numeric value 'it's x' is not recognized", "Numeric value '...' is not recognized"),
        (
            "String 'abc' cannot be inserted because it's bigger than column size.",
            "String '...' cannot be inserted because it's bigger than column size.",
        ),
        (
            "Number out of representable range: type FIXED[SB1](2,0){not null}, value 4111",
            "Number out of representable range: type FIXED[SB1](2,0){not null}, value '...'",
        ),
        ("Date 'abc", "Date '...'"),
        ("Row Values: ['alice', 42]", "Row Values: [withheld]"),
        ("Row Values: ['alice', 4", "Row Values: [withheld]"),
    ],
)
def test_values_are_withheld_and_the_reason_stays(message: str, left: str) -> None:
    assert redact(message) == left


@pytest.mark.parametrize(
    "message",
    [
        "SQL compilation error: error line 1 at position 7\ninvalid identifier 'FOO'",
        "SQL compilation error:\nObject 'PROD.CORE.EZ' does not exist or not authorized.",
        "SQL access control error:\nInsufficient privileges to operate on table 'DATE'",
        "SQL compilation error: Value list does not match column list expecting 3 but got 2",
        "Env var required but not provided: 'DEV_USER'",
        "syntax error line 1 at position 0 unexpected 'SELEC'.",
    ],
)
def test_names_of_objects_stay(message: str) -> None:
    assert redact(message) == message


@given(st.sampled_from(SHAPES), st.lists(PIECES, max_size=6), st.lists(PIECES, max_size=6))
def test_no_secret_survives_whatever_is_around_it(shape: str, before: list[str], after: list[str]) -> None:
    secret = "".join([*before, "s3cr3t", *after])
    message = shape.format(secret)
    assert "s3cr3t" not in redact(message)
    assert "s3cr3t" not in refused(message)
