"""One writer per table, as in Snowflake: the second waits. A transaction keeps its locks until it ends."""

from __future__ import annotations

import threading

from .catalog import Name
from .errors import SnowflakeError, cancelled


class Locks:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._owners: dict[Name, int] = {}

    def acquire(self, names: set[Name], session: int, stop: threading.Event, seconds: float = 300) -> set[Name]:
        """Wait until all of these are free or already this session's; returns those that are new to it.

        Raises 000604 when cancelled and 000625 after `seconds`.
        """

        def free() -> bool:
            return all(self._owners.get(name, session) == session for name in names)

        with self._changed:
            if not self._changed.wait_for(lambda: stop.is_set() or free(), seconds):
                raise SnowflakeError(
                    "000625", "57014", f"Statement was waiting {seconds:.0f} s for a lock and aborted."
                )
            if stop.is_set():
                raise cancelled()
            fresh = names - self._owners.keys()
            self._owners.update(dict.fromkeys(fresh, session))
            return fresh

    def release(self, session: int, names: set[Name] | None = None) -> None:
        """Give back these locks of the session, or all."""
        with self._changed:
            gone = [n for n, owner in self._owners.items() if owner == session and (names is None or n in names)]
            for name in gone:
                del self._owners[name]
            self._changed.notify_all()

    def wake(self) -> None:
        """Let waiting statements see that they were cancelled."""
        with self._changed:
            self._changed.notify_all()
