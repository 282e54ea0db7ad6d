"""Chaos: many refreshes while workers are killed and frozen, replies get lost and the database restarts.

Only dbt is a stub; the bot's processes, slack-bolt, the connector and both sandboxes are real. `make chaos` runs it on
both databases; with `--json` one JSON object a database is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from bench import readers
from bench.people import CHANNEL, People
from bench.processes import FREEZES, PHASES, Workers
from bench.readers import Seen
from bench.scene import EXPIRES_SECONDS, LEASE_SECONDS, Scene
from bench.trouble import Trouble
from sandbox.postgres import Postgres

_AT_ONCE = 5
_BETWEEN = 4  # refreshes between one trouble and the next
_ONCE = tuple(
    f"{instant}: {when}"
    for instant in ("deciding/commit put_index", "building/build: create schema")
    for when in ("before", "after")
)
_MODELS = 8
_ATTENTION = 0.05  # refreshes that needed a person to look, of the workers ended while promoting
_QUIET = 5 * LEASE_SECONDS  # after the last fault everything has to have ended or to wait for a person
_LAST = EXPIRES_SECONDS + _QUIET  # faults go on so long after nobody asks any more, at most
BROKEN = (
    "lost",
    "promoted_twice",
    "wrong",
    "stuck",
    "messages_lost",
    "messages_doubled",
    "buttons_left",
    "cancels_ignored",
    "unapproved",
    "asked_twice",
)
_LONG = 200  # refreshes from which on a run has to have seen enough
_KILLS = 10  # in each phase
_FAILED = 0.05  # refreshes that may fail in words


class Chaos:
    def __init__(
        self,
        scene: Scene,
        workers: Workers,
        refreshes: int,
        chance: random.Random,
        server: Postgres | None,
        ways: Iterable[str] = (),
    ):
        self.until = float("inf")  # monotonic time at which people stop asking
        self.thorough = False  # they go on asking as long as there are instants at which nobody was ended
        self.scene, self.workers, self.refreshes = scene, workers, refreshes
        self.accepted: set[str] = set()  # refreshes of which the bot said that they are on their way
        self._busy: dict[str, str] = {}  # model -> the refresh that people wait for
        self._ask_again: dict[str, float] = {}
        self._last_asked = time.monotonic()
        self.trouble = Trouble(scene, chance, server, lambda: self.workers.unseen)
        self.people = People(scene, chance, lambda: self.workers.unseen, ways)

    def run(self) -> None:
        """Until everything that was asked for has ended, or 5 leases have passed since the last fault; and all workers."""
        self.scene.world.slack.control.wait_connected(timeout=60)
        while True:
            self.workers.tick()
            seen, busy = self.seen(), set(self._busy.values())
            for refresh in seen:
                if refresh.ref in busy:
                    self.people.answer(refresh)
            self.people.let_go()
            self._ask(seen)
            self.workers.ended = sum(s.ended for s in seen)
            if self._enough:
                if self._over(seen):
                    break
            elif len(self.accepted) - _BETWEEN * self.trouble.times > 6:
                self.trouble.make()
                self.workers.last_fault = time.monotonic()
            self._pause()
        self._settle()
        self.workers.stop()  # what it still sends is counted too

    def _over(self, seen: list[Seen]) -> bool:
        """Nobody asks any more: first the faults end, then everything else does, or is stuck."""
        now = time.monotonic()
        if self.workers.faults:
            if len(self._busy) <= 1 or now - self._last_asked > _LAST:
                self.workers.calm()
                self.trouble.calm()
            return False
        ended = self.accepted <= {s.ref for s in seen if s.ended} | self.told
        return (ended and not self._busy) or now - self.last_fault > _QUIET

    @property
    def _enough(self) -> bool:
        if not self.workers.faults:  # without them an instant that is new is no reason to go on
            return True
        played = len(self.accepted) >= self.refreshes and not (self.thorough and self.workers.unseen)
        return played or time.monotonic() > self.until

    @property
    def last_fault(self) -> float:
        return self.workers.last_fault

    def report(self) -> dict[str, Any]:
        seen, slack = self.seen(), self.scene.world.slack.control
        promoted, deliveries = readers.promotions(self.scene.world.snowflake), slack.traffic("delivery")
        counts = readers.count(self.accepted, seen, self.told, promoted, readers.audit(slack))
        ignored = {ref for ref in self.people.cancels if promoted[ref]} - readers.too_late(slack, "alice")
        found: dict[str, Any] = {
            "refreshes": len(self.accepted),
            "kills": self.workers.kills,
            "freezes": self.workers.freezes,
            "lost_replies": self.trouble.lost_replies,
            "wrong_answers": sum(self.trouble.wrong_answers.values()),
            "expired_tokens": self.trouble.expired_tokens,
            "moved": dict(sorted(self.trouble.moved.items())),
            "redelivered": self.trouble.redelivered,
            "restarts": self.trouble.restarts,
            "lost": counts.lost,
            "promoted": sum(n for ref, n in promoted.items() if " " not in ref),
            "undone": sum(n for ref, n in promoted.items() if ref.endswith(" undo")),
            "promoted_twice": counts.promoted_twice,
            "wrong": counts.wrong,
            "stuck": sum(not s.ended and not s.waits_for_people for s in seen),
            "failed": sum(s.state == "failed" for s in self._unspoiled(seen)) + len(readers.not_begun(slack, "alice")),
            "unapproved": len(readers.unapproved(deliveries, seen, promoted, self.scene.quorum, "U0ALICE")),
            "asked_twice": readers.asked_twice(deliveries),
            "needs_attention": len({s.ref for s in seen if s.doubts and not s.only_refused()}),
            "refused": len({s.ref for s in seen if s.doubts and s.only_refused()}),
            "cancels_ignored": len(ignored),
            "pressed_again": self.people.pressed_again,
            "messages_lost": counts.messages_lost,
            "messages_doubled": counts.messages_doubled,
            "buttons_left": counts.buttons_left,
            "killed_in": dict(sorted(self.workers.killed_in.items())),
            "frozen_in": dict(sorted(self.workers.frozen_in.items())),
            "answered_wrongly": dict(sorted(self.trouble.wrong_answers.items())),
            "codes_left": self.trouble.codes_left,
            "ways": dict(sorted(self.people.played.items())),
            "instants": len(self.workers.instants),
            "instants_reached": len(self.workers.reached.intersection(self.workers.instants)),
            "not_reached": self.workers.unseen,
        }
        return found | {"short": self._short(len(found["not_reached"]), found["failed"])}

    def _short(self, not_reached: int, failed: int) -> list[str]:
        """What a long run has to have seen and this one has not."""
        killed, frozen, refreshes = self.workers.killed_in, self.workers.frozen_past_a_lease, len(self.accepted)
        trouble = self.trouble
        faults = self.workers.kills + self.workers.freezes + trouble.lost_replies + trouble.restarts
        short = [f"{killed[p]} of {_KILLS} workers killed while {p}" for p in PHASES if killed[p] < _KILLS]
        short += [f"{frozen} of {FREEZES} workers frozen while they held a lease"] if frozen < FREEZES else []
        short += [f"{refreshes} of {self.refreshes} refreshes"] if refreshes < self.refreshes else []
        short += [f"{faults} faults over {refreshes} refreshes"] if 2 * faults < refreshes else []
        short += [f"{not_reached} instants at which no worker was killed"] if not_reached else []
        codes = len(self.trouble.codes_left)
        short += [f"{codes} codes with which no statement was answered"] if codes else []
        return short + ([f"{failed} of {refreshes} refreshes failed"] if failed > _FAILED * refreshes else [])

    def seen(self) -> list[Seen]:
        return readers.refreshes(self.scene.world.slack.control, CHANNEL)

    def _unspoiled(self, seen: list[Seen]) -> list[Seen]:
        """Those that nobody made fail."""
        return [s for s in seen if not self.people.ways.get(s.ref, "").startswith("fail")]

    @property
    def told(self) -> set[str]:
        return self._not_begun | readers.cancelled(self.scene.world.slack.control, "alice")

    @property
    def _not_begun(self) -> set[str]:
        slack, cards = self.scene.world.slack.control, {s.ref for s in self.seen()}
        without = {ref: model for ref, model in self.people.asked.items() if ref not in cards}
        return readers.not_begun(slack, "alice") | readers.not_seen(slack.private("alice"), without)

    def _pause(self) -> None:
        """Until something changes in Slack, a fifth of a second at most."""
        state = self.scene.world.slack.state
        with state.changed:
            state.changed.wait(0.2)

    def _settle(self) -> None:
        """Late posts and updates of the last refreshes: until nothing has changed in Slack for a lease."""
        state = self.scene.world.slack.state
        until, known, since = time.monotonic() + _QUIET, -1, 0.0
        while time.monotonic() < until and not (known == state.revision and time.monotonic() - since > LEASE_SECONDS):
            if known != state.revision:
                known, since = state.revision, time.monotonic()
            self.workers.tick()
            self._pause()

    def _ask(self, seen: list[Seen]) -> None:
        """As long as there is a model that nobody waits for; what the bot refuses is asked for again later."""
        ended = {s.ref for s in seen if s.ended and not self.people.wants_more(s)} | self.told
        self._busy = {model: ref for model, ref in self._busy.items() if ref not in ended}
        now = time.monotonic()
        for model in self.scene.models:
            if self._enough or len(self._busy) >= _AT_ONCE:
                return
            if model in self._busy or now < self._ask_again.get(model, 0.0):
                continue
            self._ask_again[model] = now + 2.0
            if ref := self.people.ask(model):
                self.accepted.add(ref)
                self._busy[model], self._last_asked = ref, now

    def ask_until_accepted(self, model: str) -> str:
        """The refresh; refused while no worker has read the project yet."""
        while not (ref := self.people.ask(model)):
            self._pause()
        self.accepted.add(ref)
        return ref


@contextlib.contextmanager
def stage(
    database: str, refreshes: int, seed: int, workers: int = 3, each: float = 2.0, ways: Iterable[str] = ()
) -> Iterator[Chaos]:
    """Both sandboxes, the database, a web process and the workers; all of it ended at the end. `ways` of people: all."""
    with contextlib.ExitStack() as ending:
        directory = Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="dbt-refresh-chaos-")))
        server = None
        url = f"sqlite:///{directory / 'refresh.db'}"
        if database == "postgresql":
            server = Postgres()
            ending.callback(server.remove)
            server.start()
            url = server.url
        scene = Scene(directory, _MODELS, url)
        ending.callback(scene.stop)
        scene.start()
        environ = dict(os.environ) | scene.environ | {"DO_NOT_TRACK": "1"}
        chance = random.Random(seed)
        team = Workers(environ, directory, workers, chance, each)
        ending.callback(team.stop)
        team.start(listens=True)
        if kept := os.environ.get("CHAOS_KEEP_LOGS"):
            ending.callback(_keep, directory, Path(kept))
        yield Chaos(scene, team, refreshes, chance, server, ways)


def _keep(directory: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for name in ("log", "seen", "refresh.db"):
        if (directory / name).exists():
            (to / name).write_bytes((directory / name).read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refreshes", type=int, default=200, help="more, until each named instant had its fault")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--minutes", type=float, default=45.0, help="ask for no more refreshes after that")
    parser.add_argument("--aim", default="", help="a regex: only at instants that it finds somebody has to be killed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object a database")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of it is left behind
    bad = False
    for database in ("sqlite", "postgresql") if given.database == "both" else (given.database,):
        began = time.monotonic()
        with stage(database, given.refreshes, given.seed) as chaos:
            chaos.until, chaos.thorough = time.monotonic() + 60 * given.minutes, True
            chaos.workers.once, chaos.workers.aim = _ONCE, given.aim
            chaos.run()
            found = {"database": database, **chaos.report(), "seconds": round(time.monotonic() - began)}
        bad = bad or any(found[k] for k in BROKEN) or bool(given.refreshes >= _LONG and found["short"])
        bad = bad or found["needs_attention"] > _ATTENTION * chaos.workers.killed_in["promoting"]
        sys.stdout.write(json.dumps(found) + "\n" if given.json else _words(found))
    sys.exit(1 if bad else 0)


def _words(found: dict[str, object]) -> str:
    return "\n".join(f"{key:18} {value}" for key, value in found.items()) + "\n\n"


if __name__ == "__main__":
    main()
