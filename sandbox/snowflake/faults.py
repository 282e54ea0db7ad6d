"""Faults a test switches on: a matching statement fails, is slow, hangs, or its reply is lost, wrong or late."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .errors import SnowflakeError

Action = Literal["fail", "slow", "hang", "lost_reply", "misreport", "poll"]
_OF_THE_REPLY = ("misreport", "poll")  # acted on by the server, once there is one


class ReplyLost(Exception):
    """The statement was executed but its client is never told."""


@dataclass(slots=True)
class Fault:
    match: re.Pattern[str]
    action: Action
    code: str
    message: str
    seconds: float
    times: int
    after: bool  # act after the statement was executed, not before
    skip: int = 0  # let so many matching statements pass first


class Faults:
    """The faults that are on; each acts on its first `times` matching statements."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def strike(self, sql: str, cancelled: threading.Event, hold: Callable[[], None], *, after: bool) -> None:
        """Act on this statement, if a fault is meant for it; returns early when the statement is cancelled.

        `hold` is called before it is kept waiting.
        """
        fault = self._claim(sql, after)
        match fault and fault.action:
            case "fail":
                assert fault
                raise SnowflakeError(fault.code, "57014", fault.message)
            case "slow" | "hang":
                assert fault
                hold()
                cancelled.wait(fault.seconds)
            case "lost_reply":
                raise ReplyLost
            case _:
                pass

    def of_reply(self, sql: str, action: Action) -> Fault | None:
        """The fault of this action that is meant for the reply to this statement."""
        return self._first(sql, lambda fault: fault.action == action)

    def _claim(self, sql: str, after: bool) -> Fault | None:
        def due(fault: Fault) -> bool:
            late = fault.after or fault.action == "lost_reply"
            return fault.action not in _OF_THE_REPLY and late == after

        return self._first(sql, due)

    def _first(self, sql: str, due: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and due(fault) and fault.match.search(sql):
                    if fault.skip > 0:
                        fault.skip -= 1
                        continue
                    fault.times -= 1
                    return fault
        return None
