"""What a message says where it had to be shortened."""

from __future__ import annotations

from bot.wording.text import plural


def blocks_left_out(count: int) -> str:
    return f"… {plural(count, 'more part')} in the details file"
