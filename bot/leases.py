"""What a running step or a click being decided holds, and renews itself: nothing else keeps it (design section 6)."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod

from bot.errors import Cancelled, ClickTaken, DeadlinePassed, LostClaim, RefreshError
from bot.messages import Click
from bot.model import Refresh
from bot.settings import WorkerSection
from bot.store import Claim, Store

_CARD_SECONDS = 10.0


class _Held(ABC):
    """A lease that whoever holds it renews, until a deadline.

    Call `check` at least every quarter of it: nothing else keeps it. `abandoned` is set when the process stops.
    """

    _lost: type[RefreshError]  # what somebody else having it now raises

    def __init__(self, store: Store, settings: WorkerSection, abandoned: threading.Event | None) -> None:
        self._store = store
        self._seconds = settings.lease.total_seconds()
        self._renew_at = time.monotonic() + self._seconds / 4
        self._deadline = time.monotonic() + settings.step_deadline.total_seconds()
        self._allowed = settings.step_deadline
        self._abandoned = abandoned or threading.Event()

    @property
    @abstractmethod
    def name(self) -> str:
        """For the log."""

    @abstractmethod
    def _renewed(self) -> bool: ...

    @abstractmethod
    def cancelled(self) -> bool:
        """Whether a person asked to cancel. Raises as `check`."""

    @property
    def lapsed(self) -> bool:
        """Whether it was not renewed in time: somebody else may do the work, whatever this one waits for."""
        return time.monotonic() > self._renew_at + self._seconds * 3 / 4

    def check(self) -> None:
        """Renew when it is time. Raises LostClaim or ClickTaken when somebody else has it now, DeadlinePassed."""
        if self._abandoned.is_set():
            raise self._lost("This process is stopping.", f"{self.name} abandoned")
        if time.monotonic() > self._deadline:
            raise DeadlinePassed(f"This took longer than {self._allowed} and was stopped.")
        if time.monotonic() >= self._renew_at:
            self.renew()

    def renew(self) -> None:
        """Raises LostClaim or ClickTaken."""
        if not self._renewed():
            raise self._lost("Somebody else goes on with this meanwhile.", self.name)
        self._renew_at = time.monotonic() + self._seconds / 4


class Lease(_Held):
    """What a running step holds: its claim, which it renews itself, and a deadline."""

    _lost = LostClaim

    def __init__(
        self, store: Store, claim: Claim, settings: WorkerSection, abandoned: threading.Event | None = None
    ) -> None:
        super().__init__(store, settings, abandoned)
        self.claim = claim
        self._shown_at = time.monotonic()

    @property
    def name(self) -> str:
        return f"{self.refresh.ref} fence {self.claim.fence}"

    @property
    def refresh(self) -> Refresh:
        """As it was when it was claimed."""
        return self.claim.refresh

    def _renewed(self) -> bool:
        return self._store.renew(self.claim, self._seconds)

    def check(self) -> None:
        """As every lease, and now and then the card shows how much time has gone by."""
        super().check()
        if time.monotonic() >= self._shown_at + _CARD_SECONDS:
            self._shown_at = time.monotonic()
            self._store.touch_card(self.refresh.id)

    def progress(self, text: str, share: float | None = None) -> None:
        """Show on the card what is being done. Raises as `check`."""
        self.check()
        if not self._store.progress(self.claim, text, share):
            raise LostClaim("This refresh has moved on meanwhile.", self.name)

    def cancelled(self) -> bool:
        self.check()
        return self._store.cancel_asked(self.refresh.id)

    def stay(self) -> None:
        """While something slow runs that may be cancelled. Raises Cancelled, and as `check`."""
        if self.cancelled():
            raise Cancelled("Cancelled.")


class ClickLease(_Held):
    """What a click being decided holds, which takes as long as production's tables are large."""

    _lost = ClickTaken

    def __init__(
        self, store: Store, click: Click, settings: WorkerSection, abandoned: threading.Event | None = None
    ) -> None:
        super().__init__(store, settings, abandoned)
        self.click = click

    @property
    def name(self) -> str:
        return f"click {self.click.id} attempt {self.click.attempt}"

    def _renewed(self) -> bool:
        return self._store.renew_click(self.click, self._seconds)

    def cancelled(self) -> bool:
        """Never by a person: what was pressed was pressed. Raises as `check`."""
        self.check()
        return False
