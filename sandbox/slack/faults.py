"""Faults that a test switches on: what is hit, how, and how often."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Literal

FaultKind = Literal["429", "5xx", "error", "lost_reply", "late", "outage"]


@dataclass(kw_only=True)
class Fault:
    """`match` is a glob over Web API methods, or over envelope types for `late` deliveries.

    429: refused with Retry-After `seconds`. 5xx: HTTP `status`, nothing done. error: `ok: false` with `error`.
    lost_reply: done, then the connection breaks. late: answer or delivery comes `seconds` later.
    outage: every method answers 503 until it is cleared.
    """

    kind: FaultKind
    match: str = "*"
    times: int = 1
    seconds: float = 1.0
    status: int = 500
    error: str = "internal_error"


@dataclass
class Faults:
    active: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self.active.append(fault)

    def clear(self) -> None:
        with self._lock:
            self.active.clear()

    def take(self, name: str, *, delivery: bool = False) -> Fault | None:
        """The fault that hits this call or delivery, used up once; deliveries can only be late."""
        with self._lock:
            for fault in self.active:
                if (delivery and fault.kind != "late") or not fnmatch(name, fault.match):
                    continue
                if fault.kind != "outage":
                    fault.times -= 1
                    if fault.times <= 0:
                        self.active.remove(fault)
                return fault
        return None
