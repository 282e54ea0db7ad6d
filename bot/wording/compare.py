"""What `dbt-refresh compare` says in a terminal."""

from __future__ import annotations

from bot.wording.text import plural

HEAD = ("check", "verdict", "what it saw")
STYLES = {"pass": "green", "warn": "yellow", "fail": "red", "unknown": "magenta"}
_RESULTS = ("Equal, or different only where it was asked for.", "Different.", "Could not be decided.")


def title(prod: str, dev: str) -> str:
    return f"{prod} against {dev}"


def result(code: int, statements: int, seconds: float) -> str:
    small = "Equal hashes are evidence (64 bit), not proof."
    return f"{_RESULTS[code]} {plural(statements, 'statement')} in {seconds:.1f} s. {small}"


def where_in_one_statement() -> str:
    return "--where is one condition: no semicolon, no comment"
