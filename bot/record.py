"""From an event to its consequences: one machine step, its messages rendered, all stored in one transaction.

Everything that changes a refresh goes through `Recorder`, so state, audit row, posts and live updates never part.
"""

from __future__ import annotations

from collections.abc import Callable

from bot import machine
from bot.blocks import posts_for
from bot.blocks.buttons import on_plan
from bot.context import Context
from bot.errors import LostClaim
from bot.events import Event
from bot.machine import Hold, Say, Touch
from bot.messages import Click, Live, Post
from bot.model import Refresh
from bot.store import Claim, Store


class Recorder:
    """Callable by the pipeline (with its claim) and by the decider of clicks (with the click)."""

    def __init__(self, store: Store, context: Callable[[Refresh], Context]) -> None:
        self._store = store
        self._context = context

    def __call__(
        self,
        before: Refresh,
        event: Event,
        *,
        claim: Claim | None = None,
        click: Click | None = None,
        also: tuple[Post, ...] = (),
        unless_held: bool = False,
    ) -> Refresh:
        """Store what `event` does to `before`.

        Raises machine.NotAllowed when the event means nothing in this state, and LostClaim when the row has moved
        on since `before` was read, and with `unless_held` Held for a model on hold: nothing is stored then.
        """
        (after, effects), posts = machine.step(before, event), list[Post]()
        touch = [Live.CARD, *([Live.PLAN] if bool(on_plan(before)) is not bool(on_plan(after)) else [])]
        hold = None
        for effect in effects:
            match effect:
                case Say(topic=topic):
                    posts += posts_for(topic, after, event, self._context(after))
                case Touch(live=live):
                    touch.append(live)
                case Hold():
                    hold = after.unique_id
        stored = self._store.commit(
            before,
            after,
            event=event,
            posts=(*posts, *also),
            touch=tuple(dict.fromkeys(touch)),
            hold=hold,
            claim=claim,
            click=click,
            unless_held=unless_held,
        )
        if stored is None:
            raise LostClaim("This refresh has moved on meanwhile.", f"{before.ref} revision {before.revision}")
        return stored
