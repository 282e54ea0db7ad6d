"""The place of a refresh that waits to be built or compared again, on its card and in the answer to the command."""

from __future__ import annotations

from bot.wording.text import plural


def place(before: int) -> str:
    """Waits for a free place, 2 refreshes before it"""
    return f"Waits for a free place, {plural(before, 'refresh', 'refreshes')} before it" if before else "Next in line"


def others_wait(before: int) -> str:
    """Others are in line: said at once, since a card comes only when the build begins."""
    return f" {plural(before, 'refresh waits', 'refreshes wait')} to be built before it." if before > 0 else ""
