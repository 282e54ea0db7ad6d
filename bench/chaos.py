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
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench import readers
from bench.people import CHANNEL, People, steered
from bench.processes import Workers
from bench.readers import Seen
from bench.scene import LEASE_SECONDS, Scene
from sandbox.postgres import Postgres

_AT_ONCE = 5
_ONCE = ("deciding/commit put_index", "building/build: create schema")  # later nobody comes by any more
_MODELS = 8
_ATTENTION = 0.05  # refreshes that needed a person to look, of the workers ended while promoting
_QUIET = 5 * LEASE_SECONDS  # after the last fault everything has to have ended or to wait for a person
_REPLIES = ("chat.postMessage", "chat.update", "files.completeUploadExternal", "files.getUploadURLExternal")
_STATEMENTS = {  # and the instants that a lost reply of theirs leads to
    r"CREATE OR REPLACE TRANSIENT TABLE .ANALYTICS.\..PROD.": r"(promoting|undoing)/(fence|look|commit (release|record|forget))",
    r"CREATE TRANSIENT TABLE .*BACKUP": r"promoting/commit release",
    r"ALTER TABLE .* RENAME TO .*CANDIDATE": r"building/(build: drop|commit release)",
    r"HASH_AGG.*.ANALYTICS.\..PROD.": r"(verifying|checking)/commit release",
    r"SELECT COUNT": r"checking/commit release",
}


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
        self.scene, self.workers, self.refreshes, self.chance, self.server = scene, workers, refreshes, chance, server
        self.lost_replies, self.restarts = 0, 0
        self.accepted: set[str] = set()  # refreshes of which the bot said that they are on their way
        self._busy: dict[str, str] = {}  # model -> the refresh that people wait for
        self._ask_again: dict[str, float] = {}
        self._trouble = 0
        self._hit: Counter[str] = Counter()
        self.people = People(scene, chance, lambda: self.workers.unseen, ways)

    def run(self) -> None:
        """Until everything that was asked for has ended, or 5 leases have passed since the last fault."""
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
                if self.workers.faults and len(self._busy) <= 1:
                    self.workers.calm()
                if self.accepted <= {s.ref for s in seen if s.ended} | self.told:
                    return self._settle()
                if not self.workers.faults and time.monotonic() - self.last_fault > _QUIET:
                    return self._settle()
            elif len(self.accepted) - 4 * self._trouble > 6:
                self._make_trouble()
            self._pause()

    @property
    def _enough(self) -> bool:
        played = len(self.accepted) >= self.refreshes and not (self.thorough and self.workers.unseen)
        return played or time.monotonic() > self.until

    @property
    def last_fault(self) -> float:
        return self.workers.last_fault

    def report(self) -> dict[str, object]:
        seen = self.seen()
        counts = readers.count(self.accepted, seen, self.told, self.scene.world.snowflake)
        return {
            "refreshes": len(self.accepted),
            "kills": self.workers.kills,
            "freezes": self.workers.freezes,
            "lost_replies": self.lost_replies,
            "restarts": self.restarts,
            "lost": counts.lost,
            "promoted": sum(n for ref, n in counts.promotions.items() if " " not in ref),
            "undone": sum(n for ref, n in counts.promotions.items() if ref.endswith(" undo")),
            "promoted_twice": counts.promoted_twice,
            "stuck": sum(not s.ended and not s.waits_for_people for s in seen),
            "failed": sum(s.state == "failed" for s in seen) + len(self._not_begun),
            "needs_attention": len(self.people.attention),
            "messages_lost": counts.messages_lost,
            "messages_doubled": counts.messages_doubled,
            "killed_in": dict(sorted(self.workers.killed_in.items())),
            "ways": dict(sorted(self.people.played.items())),
            "instants": len(self.workers.instants),
            "instants_reached": len(self.workers.instants) - len(self.workers.unseen),
            "not_reached": self.workers.unseen,
        }

    def seen(self) -> list[Seen]:
        return readers.refreshes(self.scene.world.slack.control, CHANNEL)

    @property
    def told(self) -> set[str]:
        return self._not_begun | readers.cancelled(self.scene.world.slack.control, "alice")

    @property
    def _not_begun(self) -> set[str]:
        return readers.not_begun(self.scene.world.slack.control, "alice")

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
                self._busy[model] = ref

    def ask_until_accepted(self, model: str) -> str:
        """The refresh; refused while no worker has read the project yet."""
        while not (ref := self.people.ask(model)):
            self._pause()
        self.accepted.add(ref)
        return ref

    # --- trouble ----------------------------------------------------------------------------------------------------

    def _make_trouble(self) -> None:
        """One lost reply of each service every four refreshes; a restart of the database every twelve."""
        self._trouble += 1
        self.scene.world.slack.control.fault("lost_reply", self.chance.choice(_REPLIES))
        self.scene.world.snowflake.inject(
            steered(self.chance, _STATEMENTS, self.workers.unseen, self._hit), "lost_reply"
        )
        self.lost_replies += 2
        if self.server and self._trouble % 3 == 0:
            self.server.crash() if self.restarts % 2 else self.server.stop()
            self.server.start()
            self.restarts += 1
        self.workers.last_fault = time.monotonic()


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
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object a database")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of it is left behind
    bad = False
    for database in ("sqlite", "postgresql") if given.database == "both" else (given.database,):
        began = time.monotonic()
        with stage(database, given.refreshes, given.seed) as chaos:
            chaos.until, chaos.thorough = time.monotonic() + 60 * given.minutes, True
            orders = [f"kill:{instant}: {when}" for instant in _ONCE for when in ("before", "after")]
            chaos.workers.first = [order for order in reversed(orders) for _ in range(chaos.workers.count)]
            chaos.run()
            found = {"database": database, **chaos.report(), "seconds": round(time.monotonic() - began)}
        bad = bad or any(found[k] for k in ("lost", "promoted_twice", "stuck", "messages_lost", "messages_doubled"))
        bad = bad or len(chaos.people.attention) > _ATTENTION * chaos.workers.killed_in["promoting"]
        sys.stdout.write(json.dumps(found) + "\n" if given.json else _words(found))
    sys.exit(1 if bad else 0)


def _words(found: dict[str, object]) -> str:
    return "\n".join(f"{key:18} {value}" for key, value in found.items()) + "\n\n"


if __name__ == "__main__":
    main()
