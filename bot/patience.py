"""Waiting for something slow while staying alive: the step that waits keeps its own lease, and only while it waits."""

from __future__ import annotations

import fcntl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as NotYet
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
Alive = Callable[[], object]  # renews the lease; raises LostClaim, DeadlinePassed, or Cancelled where one may cancel
_DOUBLINGS = 64  # beyond any pause, and far from where a float overflows
_LOOK_SECONDS = 1.0
_GIVE_UP_SECONDS = 5.0  # after `abort`, before the thread is left to its own timeout


def doubled(first: float, attempt: int, longest: float) -> float:
    """Seconds to wait after `attempt` tries: none before the first, then twice as long each time."""
    return min(first * 2.0 ** min(attempt - 1, _DOUBLINGS), longest) if attempt > 0 else 0.0


def patiently(work: Callable[[], T], alive: Alive | None, abort: Callable[[], object]) -> T:
    """The result of `work`, done in a thread of its own while this one calls `alive`, before it and every second.

    What `alive` raises is raised here, after `abort` was called. `work` must be bounded by itself: for a statement
    the connector's network timeout and Snowflake's statement timeout see to that, so a thread that still runs means
    that Snowflake has answered lately.
    """
    if alive is None:
        return work()
    alive()  # many short statements are as long as one long one; and who thaws here learns that it is too late
    result: Future[T] = Future()
    threading.Thread(target=_settle, args=(work, result), name="statement", daemon=True).start()
    while True:
        try:
            return result.result(_LOOK_SECONDS)
        except NotYet:
            if result.done():  # then it is the work's own TimeoutError
                raise
        try:
            alive()
        except Exception:
            abort()
            wait([result], _GIVE_UP_SECONDS)
            raise


def ahead(work: Callable[[], T]) -> Callable[[], T]:
    """Begin `work` now, beside whatever follows; what is returned waits for its result. Bounded as for `patiently`."""
    result: Future[T] = Future()
    threading.Thread(target=_settle, args=(work, result), name="ahead", daemon=True).start()
    return result.result


@contextmanager
def turn(lock: threading.Lock, alive: Alive) -> Iterator[None]:
    """Hold `lock`, waiting for it as `patiently` does for a result."""
    while not lock.acquire(timeout=_LOOK_SECONDS):
        alive()
    try:
        yield
    finally:
        lock.release()


@contextmanager
def turn_on_host(path: Path, alive: Alive) -> Iterator[None]:
    """The same among all processes of this host that use the file `path`; it ends with the process that holds it."""
    with path.open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                alive()
                threading.Event().wait(_LOOK_SECONDS)
        yield


def _settle(work: Callable[[], T], result: Future[T]) -> None:
    try:
        result.set_result(work())
    except BaseException as error:  # raised again where the result is read
        result.set_exception(error)
