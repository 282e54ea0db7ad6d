"""What goes wrong around the bot's processes: answers lost or wrong, a database that restarts, others at its tables."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bench.people import steered
from bench.scene import Scene
from bot.sql_errors import BEFORE_EXECUTION
from sandbox.postgres import Postgres
from sandbox.snowflake.codes import KNOWN, six
from sandbox.snowflake.faults import Fault

_REPLIES = ("chat.postMessage", "chat.update", "files.completeUploadExternal", "files.getUploadURLExternal")
_STATEMENTS = {  # and the instants that a lost reply of theirs leads to
    r"CREATE OR REPLACE TRANSIENT TABLE .ANALYTICS.\..PROD.": r"(promoting|undoing)/(fence|look|commit (release|record|forget))",
    r"CREATE TRANSIENT TABLE .*BACKUP": r"promoting/commit release",
    r"ALTER TABLE .* RENAME TO .*CANDIDATE": r"building/(build: drop|commit release)",
    r"HASH_AGG.*.ANALYTICS.\..PROD.": r"(verifying|checking)/commit release",
    r"SELECT COUNT": r"checking/commit release",
}
_WRITES = {  # what is answered wrongly after it was executed
    "replacement": r"^CREATE OR REPLACE TRANSIENT TABLE .ANALYTICS.\..PROD.*CLONE .*__CANDIDATE_",
    "backup": r"^CREATE TRANSIENT TABLE .*__BACKUP_R\d+_.*CLONE .ANALYTICS.\..PROD.",
    "undo": r"^CREATE OR REPLACE TRANSIENT TABLE .ANALYTICS.\..PROD.*CLONE .*__BACKUP_",
    "fence": r"^ALTER TABLE .*__(CANDIDATE|BACKUP)_.* RENAME TO",
    "candidate": r"^ALTER TABLE (?!.*__CANDIDATE_.*RENAME).* RENAME TO .*__CANDIDATE_",
    "baseline": r"^CREATE (TRANSIENT )?TABLE .*__BASELINE_",
    "schema": r"^CREATE SCHEMA IF NOT EXISTS .* WITH MANAGED ACCESS",
    "grant": r"^GRANT ",
    "drop": r"^DROP TABLE IF EXISTS",
}
_EACH = 3  # wrong answers at a time
_EXPIRED = ("390112", "390114")  # tokens: one is renewed, with the other the session has ended
CODES = sorted(KNOWN - set(BEFORE_EXECUTION))  # after one that precedes execution nothing can have been executed


@dataclass(frozen=True)
class _Answer:
    fault: Fault
    write: str

    @property
    def given(self) -> bool:
        return self.fault.times == 0


class Trouble:
    """`unseen`: the named instants at which no worker was ended yet."""

    def __init__(
        self, scene: Scene, chance: random.Random, server: Postgres | None, unseen: Callable[[], list[str]]
    ) -> None:
        self._scene, self._chance, self._server, self._unseen = scene, chance, server, unseen
        self.lost_replies, self.restarts, self.redelivered = 0, 0, 0
        self.times = 0
        self._hit: Counter[str] = Counter()
        self._answers: list[_Answer] = []
        self._expired: list[Fault] = []
        self._offered: Counter[str] = Counter()  # codes
        self._taken = ""  # the model whose table belongs to somebody else for now
        self.moved: Counter[str] = Counter()

    def make(self) -> None:
        """Some of each kind; a restart of the database every third time."""
        self.times += 1
        self._lose_replies()
        self._answer_wrongly()
        self._expire_tokens()
        self._move_tables()
        self._deliver_again()
        if self._server and self.times % 3 == 0:
            self._server.crash() if self.restarts % 2 else self._server.stop()
            self._server.start()
            self.restarts += 1

    def calm(self) -> None:
        """Nothing more goes wrong, and others give back what they took."""
        self._scene.world.snowflake.clear_faults()
        self._give_back()

    @property
    def wrong_answers(self) -> Counter[str]:
        """Those that were given, by the statement."""
        return Counter(answer.write for answer in self._answers if answer.given)

    @property
    def codes_left(self) -> list[str]:
        """Codes with which no statement was answered yet."""
        given = {answer.fault.code for answer in self._answers if answer.given}
        return [code for code in map(six, CODES) if code not in given]

    @property
    def expired_tokens(self) -> int:
        return sum(fault.times == 0 for fault in self._expired)

    def _lose_replies(self) -> None:
        self._scene.world.slack.control.fault("lost_reply", self._chance.choice(_REPLIES))
        words = steered(self._chance, _STATEMENTS, self._unseen(), self._hit)
        self._scene.world.snowflake.inject(words, "lost_reply")
        self.lost_replies += 2

    def _answer_wrongly(self) -> None:
        """Codes that were not given yet come first; one whose statement did not come by is offered again."""
        waiting = {answer.write for answer in self._answers if not answer.given}
        given = self.wrong_answers
        for write in sorted(_WRITES.keys(), key=lambda w: (w in waiting, given[w], self._chance.random()))[:_EACH]:
            left = self.codes_left or list(map(six, CODES))
            code = min(left, key=lambda c: (self._offered[c], self._chance.random()))
            self._offered[code] += 1
            if self._chance.random() < 0.2:
                self._scene.world.snowflake.inject(_WRITES[write], "poll")
            fault = self._scene.world.snowflake.inject(_WRITES[write], "misreport", code=code)
            self._answers.append(_Answer(fault, write))

    def _expire_tokens(self) -> None:
        """Before a statement is executed, at any of the bot's."""
        code, skip = self._chance.choice(_EXPIRED), self._chance.randrange(30)
        ours = r"__(BASELINE|CANDIDATE|BACKUP)_R\d+_|.PROD.\..M_\d\d"
        self._expired.append(self._scene.world.snowflake.inject(ours, "fail", code=code, skip=skip))

    def _move_tables(self) -> None:
        """Somebody grants and revokes at production, or takes a table over and gives it back the next time."""
        self._give_back()
        model = self._chance.choice(self._scene.models)
        if self.times % 3:
            what = "revoke" if self.times % 2 else "grant"
            self._scene.somebody_grants(model, back=what == "revoke")
        else:
            what = "take over"
            self._scene.somebody_takes_over(model)
            self._taken = model
        self.moved[what] += 1

    def _give_back(self) -> None:
        if self._taken:
            self._scene.somebody_gives_back(self._taken)
            self._taken = ""

    def _deliver_again(self) -> None:
        """Something that a person did some time ago, a command or a press."""
        slack = self._scene.world.slack.control
        done = [one for one in slack.traffic("delivery") if one["envelope"] in ("slash_commands", "interactive")]
        if done:
            slack.deliver_again(self._chance.choice(done[-60:]))
            self.redelivered += 1
