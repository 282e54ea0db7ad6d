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
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import readers
from bench.processes import Workers
from bench.readers import Seen
from bench.scene import LEASE_SECONDS, Scene
from sandbox.postgres import Postgres
from sandbox.slack.errors import Impossible

CHANNEL = "C0INCIDENTS"
_ON_ITS_WAY = re.compile(r"(R\d+)\* is on its way")
_AT_ONCE = 5
_MODELS = 8
_CLICK_AGAIN = 12.0  # seconds until a person presses a button again that did nothing
_ATTENTION = 0.05  # refreshes that needed a person to look, of the workers ended while promoting
_QUIET = 5 * LEASE_SECONDS  # after the last fault everything has to have ended or to wait for a person
_REPLIES = ("chat.postMessage", "chat.update", "files.completeUploadExternal", "files.getUploadURLExternal")
_STATEMENTS = (
    r"CREATE OR REPLACE TRANSIENT TABLE .ANALYTICS.\..PROD.",
    r"CREATE TRANSIENT TABLE .*BACKUP",
    r"ALTER TABLE .* RENAME TO .*CANDIDATE",
    r"SELECT COUNT",
)


class Chaos:
    def __init__(self, scene: Scene, workers: Workers, refreshes: int, chance: random.Random, server: Postgres | None):
        self.until = float("inf")  # monotonic time at which people stop asking
        self.scene, self.workers, self.refreshes, self.chance, self.server = scene, workers, refreshes, chance, server
        self.lost_replies, self.restarts = 0, 0
        self.accepted: set[str] = set()  # refreshes of which the bot said that they are on their way
        self.attention: set[str] = set()
        self._busy: dict[str, str] = {}  # model -> the refresh that people wait for
        self._ask_again: dict[str, float] = {}
        self._moved: set[str] = set()  # models with a change at the source that nobody has asked for yet
        self._pressed: dict[tuple[str, str], float] = {}
        self._trouble = 0

    def run(self) -> None:
        """Until everything that was asked for has ended, or 5 leases have passed since the last fault."""
        self.scene.world.slack.control.wait_connected(timeout=60)
        while True:
            self.workers.tick()
            seen = self.seen()
            for refresh in seen:
                self._answer(refresh)
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
        return len(self.accepted) >= self.refreshes or time.monotonic() > self.until

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
            "promoted": sum(counts.promotions.values()),
            "promoted_twice": counts.promoted_twice,
            "stuck": sum(not s.ended and not s.waits_for_people for s in seen),
            "failed": sum(s.state == "failed" for s in seen) + len(self.told),
            "needs_attention": len(self.attention),
            "messages_lost": counts.messages_lost,
            "messages_doubled": counts.messages_doubled,
            "killed_in": dict(sorted(self.workers.killed_in.items())),
            "instants": len(self.workers.instants),
            "instants_reached": len(self.workers.reached & set(self.workers.instants)),
        }

    def seen(self) -> list[Seen]:
        return readers.refreshes(self.scene.world.slack.control, CHANNEL)

    @property
    def told(self) -> set[str]:
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

    # --- people -----------------------------------------------------------------------------------------------------

    def _ask(self, seen: list[Seen]) -> None:
        """As long as there is a model that nobody waits for; what the bot refuses is asked for again later."""
        ended = {s.ref for s in seen if s.ended} | self.told
        self._busy = {model: ref for model, ref in self._busy.items() if ref not in ended}
        now = time.monotonic()
        for model in self.scene.models:
            if self._enough or len(self._busy) >= _AT_ONCE:
                return
            if model in self._busy or now < self._ask_again.get(model, 0.0):
                continue
            self._ask_again[model] = now + 2.0
            if ref := self._asked(model):
                self._busy[model] = ref

    def ask_until_accepted(self, model: str) -> str:
        """The refresh; refused while no worker has read the project yet."""
        while not (ref := self._asked(model)):
            self._pause()
        return ref

    def _asked(self, model: str) -> str:
        """The refresh that the bot says is on its way, else nothing."""
        if model not in self._moved:  # once for each refresh: many small steps would need an explanation
            self.scene.source_moves(model)
            self._moved.add(model)
        receipt = self.scene.world.slack.control.command("alice", model, CHANNEL)
        found = _ON_ITS_WAY.search(str(receipt.body))
        if not found:
            return ""
        self.accepted.add(found[1])
        self._moved.discard(model)
        return found[1]

    def _answer(self, refresh: Seen) -> None:
        if refresh.state == "needs a person":
            self.attention.add(refresh.ref)
            self._press(refresh, "look")
        elif refresh.state.startswith("withdrawn"):
            self._press(refresh, "recheck" if refresh.with_button("recheck") else "rebuild")
        elif refresh.state == "waiting for approval":
            self._press(refresh, "approve")
        elif refresh.state == "nothing would change":
            self._press(refresh, "close")

    def _press(self, refresh: Seen, action: str) -> None:
        message = refresh.with_button(action)
        key, now = (refresh.ref, action), time.monotonic()
        if message is None or now - self._pressed.get(key, -_CLICK_AGAIN) < _CLICK_AGAIN:
            return
        with contextlib.suppress(Impossible):  # it was updated in between
            if self.scene.world.slack.control.click("bob", CHANNEL, message["ts"], action).ok:
                self._pressed[key] = now

    # --- trouble ----------------------------------------------------------------------------------------------------

    def _make_trouble(self) -> None:
        """One lost reply of each service every four refreshes; a restart of the database every twelve."""
        self._trouble += 1
        self.scene.world.slack.control.fault("lost_reply", self.chance.choice(_REPLIES))
        self.scene.world.snowflake.inject(self.chance.choice(_STATEMENTS), "lost_reply")
        self.lost_replies += 2
        if self.server and self._trouble % 3 == 0:
            self.server.crash() if self.restarts % 2 else self.server.stop()
            self.server.start()
            self.restarts += 1
        self.workers.last_fault = time.monotonic()


@contextlib.contextmanager
def stage(database: str, refreshes: int, seed: int, workers: int = 3, each: float = 1.5) -> Iterator[Chaos]:
    """Both sandboxes, the database, a web process and the workers; all of it ended at the end."""
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
        command = [sys.executable, "-m", "bot", "web", "--same-host"]
        with (directory / "web.log").open("wb") as log:
            web = subprocess.Popen(command, env=environ, stdout=log, stderr=log)
        ending.callback(_end, web)
        ending.callback(team.stop)
        if kept := os.environ.get("CHAOS_KEEP_LOGS"):
            ending.callback(_keep, directory, Path(kept))
        yield Chaos(scene, team, refreshes, chance, server)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(40)


def _keep(directory: Path, to: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    for name in ("log", "web.log", "seen", "refresh.db"):
        if (directory / name).exists():
            (to / name).write_bytes((directory / name).read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--refreshes", type=int, default=200)
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--minutes", type=float, default=180.0, help="ask for no more refreshes after that")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object a database")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing of it is left behind
    bad = False
    for database in ("sqlite", "postgresql") if given.database == "both" else (given.database,):
        began = time.monotonic()
        with stage(database, given.refreshes, given.seed) as chaos:
            chaos.until = time.monotonic() + 60 * given.minutes
            chaos.run()
            found = {"database": database, **chaos.report(), "seconds": round(time.monotonic() - began)}
        bad = bad or any(found[k] for k in ("lost", "promoted_twice", "stuck", "messages_lost", "messages_doubled"))
        bad = bad or len(chaos.attention) > _ATTENTION * chaos.workers.killed_in["promoting"]
        sys.stdout.write(json.dumps(found) + "\n" if given.json else _words(found))
    sys.exit(1 if bad else 0)


def _words(found: dict[str, object]) -> str:
    return "\n".join(f"{key:18} {value}" for key, value in found.items()) + "\n\n"


if __name__ == "__main__":
    main()
