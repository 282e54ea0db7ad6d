"""The bot's processes under fault: workers that end or freeze themselves at an instant, and are ended at random."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from bench.scene import LEASE_SECONDS

_LISTENING = "listening/"
PHASES = ("building", "checking", "promoting", "verifying", "sending")
_LEASED = (*PHASES[:4], "undoing")  # in which a worker holds a lease
FREEZES = 20
_PATIENCE = 60.0  # seconds that a worker has to come by its instant, before it is ended where it stands
_STOPS_WITHIN = 40.0  # they end 28 seconds after SIGTERM at the latest
_ENOUGH = 100  # instants that a fault-free beginning passes, from then on workers are ended
_SOME = 5  # instants of which a worker freezes at the first that it passes
_FEW = 20  # instants that are left
_LISTENERS = 6  # of how many faults one is theirs: while there are none nobody can act
_FREEZE = LEASE_SECONDS + 2.0
_LEADS = {  # instants that are come by only after somebody was ended at another one
    "promoting/commit rest": "promoting/commit promotion intended: after",
    "undoing/commit rest": "undoing/commit undo intended: after",
}


@dataclass
class Worker:
    process: subprocess.Popen[bytes]
    listens: bool
    order: str  # `kill:` or `freeze:` and instants, of which the first that it passes counts
    since: float
    frozen: float = 0.0  # when, while it is


@dataclass
class Workers:
    """`count` worker processes and one of listeners, each started again whenever it ends.

    `faults` ends the faults, not the workers.
    """

    environ: dict[str, str]
    directory: Path
    count: int
    chance: random.Random
    each: float  # faults for each refresh that has ended, at most: work has to get done between them
    kills: int = 0
    freezes: int = 0
    last_fault: float = 0.0
    faults: bool = True
    ended: int = 0  # refreshes
    killed_in: Counter[str] = field(default_factory=Counter)
    frozen_in: Counter[str] = field(default_factory=Counter)
    reached: set[str] = field(default_factory=set)  # instants at which a worker was ended
    running: list[Worker] = field(default_factory=list)
    _listeners_struck: int = 0
    aim: str = ""  # a regex: only such instants are aimed at
    once: tuple[str, ...] = ()  # instants of the beginning: after the first refreshes nobody comes by any more

    def tick(self) -> None:
        """Look after each worker once."""
        self.running = [w for w in self.running if self._alive(w)]
        while sum(not w.listens for w in self.running) < self.count:
            early = [] if self.ended else [i for i in self.once if i not in self.reached]
            self.start("kill:" + "\n".join(early) if early else "")
        if not any(w.listens for w in self.running):
            self.start(listens=True)

    def wait_until_struck(self, worker: Worker) -> None:
        """Until it has ended or frozen itself as it was told."""
        os.waitid(os.P_PID, worker.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self, worker: Worker) -> None:
        worker.process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self.end(*self.running)

    def end(self, *workers: Worker) -> None:
        """Thaw them and let them drain."""
        self.running = [w for w in self.running if w not in workers]
        for worker in workers:
            if worker.process.poll() is None:
                worker.process.send_signal(signal.SIGCONT)
                worker.process.send_signal(signal.SIGTERM)
        for worker in workers:
            try:
                worker.process.wait(_STOPS_WITHIN)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()

    def calm(self) -> None:
        """No more faults; what is frozen thaws, and orders that were not reached are taken back with their worker."""
        self.faults, self.last_fault = False, time.monotonic()  # what thaws may still do harm
        for worker in self.running:
            if worker.frozen:
                self._thawed(worker, self.last_fault)
            elif worker.order and worker.process.poll() is None:
                worker.order = ""  # no fault: it does not count
                worker.process.kill()

    @property
    def instants(self) -> list[str]:
        return sorted(self._passed())

    def _passed(self) -> Counter[str]:
        """How many workers came by each named instant."""
        seen = self.directory / "seen"
        return Counter(filter(None, seen.read_text().split("\n"))) if seen.exists() else Counter()

    @property
    def unseen(self) -> list[str]:
        """Named instants that were passed and are aimed at, and at which no worker was ended yet."""
        return [i for i in self.instants if i not in self.reached and re.search(self.aim, i)]

    def _alive(self, worker: Worker) -> bool:
        now = time.monotonic()
        if worker.frozen:
            if now - worker.frozen > _FREEZE:
                self._thawed(worker, now)
            return True
        if worker.process.poll() is not None:
            self._ended(worker)
            return False
        if _stopped(worker.process.pid):
            self._froze(worker, now, self._struck_at(worker))
        elif not worker.order and self._may_strike(worker) and now > worker.since:
            self._arm(worker, now)
        elif self.faults and worker.order and now - worker.since > _PATIENCE:
            self._strike(worker, now)
        return True

    def _froze(self, worker: Worker, now: float, instant: str) -> None:
        worker.frozen, self.freezes, self.last_fault = now, self.freezes + 1, now
        self.frozen_in[instant.partition("/")[0]] += 1

    def _thawed(self, worker: Worker, now: float) -> None:
        self.thaw(worker)
        worker.frozen, worker.order, worker.since = 0.0, "", now

    @property
    def frozen_past_a_lease(self) -> int:
        """Freezes of workers that held a lease then."""
        return sum(self.frozen_in[phase] for phase in _LEASED)

    def _may_strike(self, worker: Worker) -> bool:
        armed = sum(bool(w.order) for w in self.running)
        return (
            self.faults
            and self.kills + self.freezes + armed < self.each * self.ended + 3
            and len(self.instants) >= _ENOUGH
            and not (worker.listens and self._listeners_struck > self.kills / _LISTENERS)
        )

    def _arm(self, worker: Worker, now: float) -> None:
        worker.order, worker.since = self._order(worker), now
        self._listeners_struck += worker.listens
        Path(f"{self._orders(worker)}.at").unlink(missing_ok=True)  # where it froze before
        waiting = self.directory / f"order.{worker.process.pid}"
        waiting.write_text(worker.order)
        waiting.replace(self._orders(worker))

    def _strike(self, worker: Worker, now: float) -> None:
        """It did not come by its instant: end or freeze it wherever it is."""
        worker.order, worker.since, self.last_fault = "", now, now
        if self.chance.random() < 0.3:
            worker.process.send_signal(signal.SIGSTOP)
            self._froze(worker, now, "anywhere")
        else:
            worker.process.kill()
            worker.order = "kill:"

    def _ended(self, worker: Worker) -> None:
        if worker.process.returncode != -signal.SIGKILL:
            raise RuntimeError(f"a worker ended by itself: {worker.process.returncode}, see {self.directory / 'log'}")
        if not worker.order:
            return
        self.kills, self.last_fault = self.kills + 1, time.monotonic()
        instant = self._struck_at(worker)
        self.reached.add(instant)
        self.killed_in[instant.partition("/")[0]] += 1

    def _struck_at(self, worker: Worker) -> str:
        at = Path(f"{self._orders(worker)}.at")
        return at.read_text() if at.exists() else "anywhere"

    def _orders(self, worker: Worker) -> Path:
        return self.directory / f"seen.{worker.process.pid}"

    def start(self, order: str = "", *, listens: bool = False) -> Worker:
        """One more worker (or listener), with an instant at which it ends (`kill:...`) or freezes itself (`freeze:...`)."""
        environ = self.environ | {"CHAOS_AT": order, "CHAOS_SEEN": str(self.directory / "seen")}
        with (self.directory / "log").open("ab") as log:
            command = [sys.executable, "-m", "bench.worker", "web" if listens else "worker"]
            process = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        worker = Worker(process, listens, order, time.monotonic() + 4.0)  # it needs a moment to start
        self.running.append(worker)
        return worker

    def _order(self, worker: Worker) -> str:
        """Any instant at which nobody was ended yet, of the rarer half: the others come by at any time. Then those of
        the phase that had the fewest.
        """
        passed = self._passed()
        known = [i for i in sorted(passed) if i.startswith(_LISTENING) == worker.listens]
        if self.frozen_past_a_lease < FREEZES and self.chance.random() < 0.15:
            where = [i for i in known if i.startswith(_LEASED)] or known
            return "freeze:" + "\n".join(self.chance.sample(where, min(_SOME, len(where))))
        rare = sorted({*known}.intersection(self.unseen), key=passed.__getitem__)
        new = rare[: max(_FEW, len(rare) // 2)]
        new += [before for after, before in _LEADS.items() if any(i.startswith(after) for i in new)]
        fewest = min(PHASES, key=lambda phase: self.killed_in[phase])
        again = [i for i in known if i.startswith(fewest)] or known
        return "kill:" + "\n".join(new or again)


def _stopped(pid: int) -> bool:
    try:
        found = os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOHANG)
    except ChildProcessError:
        return False
    return found is not None and found.si_pid == pid
