"""What people can look up without changing anything: status, list, the typeahead, the Home tab."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bot import lookup
from bot.blocks import forms
from bot.blocks.answers import answer, listing
from bot.blocks.budget import message
from bot.blocks.home import home_view
from bot.blocks.kit import section
from bot.errors import Refusal
from bot.index import Index
from bot.messages import Block, Message
from bot.model import Refresh
from bot.settings import Settings
from bot.store import Store
from bot.wording import answers as say
from bot.wording import help as manual
from bot.wording.failures import no_index, older_index

_LISTED = 20


class Board:
    """Reads the store only; every answer is private to whoever asked."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self._store = store
        self._clock = clock

    def help(self) -> Message:
        return message(section(manual.text()))

    def status(self, number: int | None) -> Message:
        """One refresh, or everything that is going on. Raises Refusal for a number that never was."""
        if number is not None:
            refresh = self._known(number)
            return answer(say.status(refresh, self._store.permalink(refresh.id), self._clock()))
        lines = [say.line(r, self._store.permalink(r.id), self._clock()) for r in self._store.live()]
        return listing([say.going_on(), *lines] if lines else [say.nothing_going_on()], say.on_hold(self._held()))

    def latest(self) -> Message:
        lines = [say.line(r, self._store.permalink(r.id), self._clock()) for r in self._store.recent(_LISTED)]
        return listing([say.recent(), *lines] if lines else [say.none_yet()])

    def options(self, typed: str) -> list[Block]:
        """What the typeahead offers."""
        index = self._store.index()
        return [forms.model_option(e) for e in lookup.options(index, typed)] if index else []

    def home_tab(self, user: str) -> Block:
        newest = {r.id: r for r in [*self._store.live(), *self._store.recent(2 * _LISTED)]}
        refreshes = [newest[i] for i in sorted(newest, reverse=True)]
        return home_view(user, refreshes, self._held(), self._store.permalink, self._clock())

    def _held(self) -> list[str]:
        index = self._store.index()
        known = index.by_id if index else {}
        ids = [h.unique_id for h in self._store.holds()]
        return [known[i].name if i in known else i.rsplit(".", 1)[-1] for i in ids]

    def _known(self, number: int) -> Refresh:
        refresh = self._store.get(number)
        if refresh is None:
            raise Refusal(say.no_such_refresh(number))
        return refresh

    def _index(self) -> Index:
        index = self._store.index()
        if index is None:
            raise Refusal(no_index(self._store.problem()))
        return index

    def _older(self) -> str:
        return older_index(self._store.problem())
