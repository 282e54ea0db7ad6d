"""The App Home tab of one person, within its 100 blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bot.blocks.kit import Button, actions, button, divider, header, section
from bot.messages import Block
from bot.model import Refresh, State
from bot.wording import answers, home
from bot.wording.buttons import open_form

_EACH = 15
_WAITS = frozenset({State.AWAITING, State.STALE, State.FAULTY, State.NEEDS_ATTENTION})


def home_view(
    user: str, refreshes: Sequence[Refresh], held: Sequence[str], link: Callable[[int], str], now: datetime
) -> Block:
    """`refreshes` newest first, live ones included; `link` gives a thread's address; `held` are models' names."""
    waiting = [r for r in refreshes if r.state in _WAITS and (r.asker.user_id != user or r.state is not State.AWAITING)]
    mine = [r for r in refreshes if r.asker.user_id == user and r.live]
    lately = [r for r in refreshes if not r.live]
    blocks: list[Block] = [
        section(home.start()),
        actions([button(Button(action="form", label=open_form(), value=" "))]),
    ]
    for title, rows in ((home.WAITING, waiting), (home.MINE, mine), (home.RECENT, lately)):
        blocks += [divider(), header(title)]
        blocks += [section(answers.line(r, link(r.id), now)) for r in rows[:_EACH]] or [section(home.none(title))]
    if held:
        blocks += [divider(), header(home.FROZEN), section(answers.on_hold(held))]
    return {"type": "home", "blocks": blocks[:100]}
