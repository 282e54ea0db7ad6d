"""What a running step or a click being decided holds, and renews itself: nothing else keeps it (design section 6)."""

from __future__ import annotations

import threading
import time

from bot.errors import Cancelled, ClickTaken, DeadlinePassed, LostClaim
from bot.messages import Click
from bot.model import Refresh
from bot.settings import WorkerSection
from bot.store import Claim, Store


class Lease:
    """What a running step holds: its claim, which it renews itself, and a deadline.

    Call `check`, `progress` or `cancelled` at least every quarter of the lease: nothing else keeps it.
    """

    def __init__(
        self, store: Store, claim: Claim, settings: WorkerSection, abandoned: threading.Event | None = None
    ) -> None:
        self.claim = claim
        self._store = store
        self._seconds = settings.lease.total_seconds()
        self._renew_at = time.monotonic() + self._seconds / 4
        self._deadline = time.monotonic() + settings.step_deadline.total_seconds()
        self._allowed = settings.step_deadline
        self._abandoned = abandoned or threading.Event()

    @property
    def refresh(self) -> Refresh:
        """As it was when it was claimed."""
        return self.claim.refresh

    @property
    def lapsed(self) -> bool:
        """Whether it was not renewed in time: somebody else may drive the refresh, whatever this step waits for."""
        return time.monotonic() > self._renew_at + self._seconds * 3 / 4

    def check(self) -> None:
        """Renew when it is time. Raises LostClaim when somebody else drives it now, DeadlinePassed."""
        if self._abandoned.is_set():
            raise LostClaim("This process is stopping.", f"{self.refresh.ref} abandoned")
        if time.monotonic() > self._deadline:
            raise DeadlinePassed(f"This step took longer than {self._allowed} and was stopped.")
        if time.monotonic() >= self._renew_at:
            self.renew()

    def renew(self) -> None:
        """Raises LostClaim."""
        if not self._store.renew(self.claim, self._seconds):
            raise self._lost()
        self._renew_at = time.monotonic() + self._seconds / 4

    def progress(self, text: str, share: float | None = None) -> None:
        """Show on the card what is being done. Raises as `check`."""
        self.check()
        if not self._store.progress(self.claim, text, share):
            raise self._lost()

    def cancelled(self) -> bool:
        """Whether a person asked to cancel. Raises as `check`."""
        self.check()
        return self._store.cancel_asked(self.refresh.id)

    def stay(self) -> None:
        """While something slow runs that may be cancelled. Raises Cancelled, and as `check`."""
        if self.cancelled():
            raise Cancelled("Cancelled.")

    def _lost(self) -> LostClaim:
        return LostClaim("This refresh has moved on meanwhile.", f"{self.refresh.ref} fence {self.claim.fence}")


class ClickLease:
    """Keeps a click while production is looked at for it, which takes as long as its tables are large."""

    def __init__(self, store: Store, click: Click, settings: WorkerSection) -> None:
        self._store = store
        self._click = click
        self._seconds = settings.lease.total_seconds()
        self._renew_at = time.monotonic() + self._seconds / 4

    def stay(self) -> None:
        """Renew when it is time; to be called while a statement runs. Raises ClickTaken."""
        if time.monotonic() < self._renew_at:
            return
        if not self._store.renew_click(self._click, self._seconds):
            raise ClickTaken("Another worker decides this meanwhile.", f"click {self._click.id}")
        self._renew_at = time.monotonic() + self._seconds / 4
