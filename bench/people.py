"""What people do with their refreshes while chaos is played: each refresh in one way, the ways of unseen instants more often."""

from __future__ import annotations

import contextlib
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bench.readers import Seen
from bench.scene import EXPIRES_SECONDS, Scene
from sandbox.slack.errors import Impossible

CHANNEL = "C0INCIDENTS"
_APPROVERS = ("bob", "carol")
# The second where the answer to the first command got lost.
_ON_ITS_WAY = re.compile(r"(R\d+)(?:\* is on its way| already refreshes this table)")
_CLICK_AGAIN = 12.0  # seconds until a person presses a button again that did nothing
_FORM = 5.0  # seconds that a form has to open
_REASON = {"reason": "upstream correction", "note": "published again"}
_AFTER = 20.0  # seconds after the end in which somebody may still do something
_NEW = 12.0  # how much a way counts that nobody has gone yet
_SPENT = 0.2  # and one that leads to no unseen instant: few ways are left in the end, and each is gone once a refresh

_LONG = 5.0  # seconds of a slow statement: several renewals of a claim, shorter than the lease
# What goes wrong at Snowflake, on the way to a comparison or in it.
_FAULTS: dict[str, tuple[str, Literal["fail", "slow", "lost_reply"]]] = {
    "fail the build": (r'"{}" RENAME TO', "fail"),
    "fail the comparison": (r"'baseline' AS side.*{}__BASELINE", "fail"),
    "cancel the comparison": (r"'baseline' AS side.*{}__BASELINE", "slow"),
    "lose the comparison": (r"'baseline' AS side.*{}__BASELINE", "lost_reply"),
}

Act = Callable[["People", Seen], bool]  # whether it is done; else it is tried again


def steered(chance: random.Random, names: Mapping[str, str], unseen: Iterable[str], played: Counter[str]) -> str:
    """One of `names`, which come with the instants that they lead to (a regex): the more of those are unseen, the sooner."""
    left = list(unseen)
    weights = [
        _SPENT + sum(bool(re.search(leads, i)) for i in left) + (0.0 if played[name] else _NEW)
        for name, leads in names.items()
    ]
    (name,) = chance.choices(list(names), weights)
    played[name] += 1
    return name


@dataclass(frozen=True)
class Way:
    """What is done in place of the usual: once each, in this order, while the card's state begins so."""

    leads: str
    does: tuple[tuple[str, Act], ...] = ()


class People:
    """Alice asks, bob decides, with carol where two have to. `unseen`: the named instants at which no worker was ended yet."""

    def __init__(
        self, scene: Scene, chance: random.Random, unseen: Callable[[], list[str]], ways: Iterable[str] = ()
    ) -> None:
        self._scene, self._chance, self._unseen = scene, chance, unseen
        self._leads = {name: WAYS[name].leads for name in ways or WAYS}
        self._slack = scene.world.slack.control
        self.ways: dict[str, str] = {}  # by refresh
        self.asked: dict[str, str] = {}  # refresh -> model, oldest first
        self.cancels: set[str] = set()  # refreshes of which the bot said that it cancels them
        self.pressed_again = 0  # the same button of the same post
        self.played: Counter[str] = Counter()
        self._pressed: dict[tuple[str, str, str], float] = {}
        self._pressed_on: set[tuple[str, str, str]] = set()  # posts, buttons and who
        self._done: set[tuple[str, int]] = set()  # refresh and which of its acts
        self._since: dict[str, float] = {}  # when its approval was first seen to wait
        self._moved: dict[
            str, str
        ] = {}  # models with a change at the source that nobody has asked for yet, and the way
        self._tampered: set[str] = set()  # models with a statement that is held until somebody has written beside it

    # --- asking -----------------------------------------------------------------------------------------------------

    def ask(self, model: str) -> str:
        """The refresh that the bot says is on its way, else nothing."""
        if model not in self._moved:  # once for each refresh: many small steps would need an explanation
            self._moved[model] = steered(self._chance, self._leads, self._unseen(), self.played)
            self._source_moves(model, self._moved[model])
        receipt = self._slack.command("alice", model, CHANNEL)
        if "is on hold" in str(receipt.body):
            self.say("bob", f"unhold {model}")
        found = _ON_ITS_WAY.search(str(receipt.body))
        if not found or found[1] in self.ways:
            return ""
        self.asked[found[1]] = model
        self.ways[found[1]] = way = self._moved.pop(model)
        if way == "cancel at once":
            self.cancel(found[1])
        return found[1]

    def _source_moves(self, model: str, way: str) -> None:
        match way:
            case "explain":
                self._scene.source_jumps(model)
            case "waive":
                self._scene.source_moves(model)
                self._scene.source_loses(model)
            case _:
                self._scene.source_moves(model)
        if way == "look first":
            self.say("bob", f"plan {model}")
        if way in _FAULTS:
            words, action = _FAULTS[way]
            self._scene.world.snowflake.inject(words.format(model.upper()), action, seconds=_LONG)

    def say(self, person: str, command: str) -> bool:
        return self._slack.command(person, command, CHANNEL).ok

    def cancel(self, ref: str) -> bool:
        receipt = self._slack.command("alice", f"cancel {ref}", CHANNEL)
        if "Cancelling" in str(receipt.body):
            self.cancels.add(ref)
        return receipt.ok

    # --- answering --------------------------------------------------------------------------------------------------

    def answer(self, refresh: Seen) -> None:
        """What somebody does about a refresh as its card shows it now."""
        act = self._next(refresh)
        if act is None:
            self._usual(refresh)
        elif WAYS[self.ways[refresh.ref]].does[act][1](self, refresh):
            self._done.add((refresh.ref, act))

    def wants_more(self, refresh: Seen) -> bool:
        """Whether somebody still does something about one that is done; not for ever, since it may be refused."""
        does = WAYS[self.ways.get(refresh.ref, "approve")].does
        if refresh.state != "done" or "done" not in dict(does):
            return False
        since = self._since.setdefault(f"{refresh.ref} done", time.monotonic())
        return time.monotonic() - since < _AFTER

    def _next(self, refresh: Seen) -> int | None:
        does = WAYS[self.ways.get(refresh.ref, "approve")].does
        open_acts = (n for n, (state, _) in enumerate(does) if refresh.state.startswith(state))
        return next((n for n in open_acts if (refresh.ref, n) not in self._done), None)

    def _usual(self, refresh: Seen) -> None:
        if refresh.state == "needs a person":
            self.press("bob", refresh, "look" if refresh.with_button("look") else "not_happened")
        elif refresh.state.startswith("withdrawn"):
            self.press("bob", refresh, "recheck" if refresh.with_button("recheck") else "rebuild")
        elif refresh.state == "waiting for approval":
            self._decide(refresh)
        elif refresh.state == "nothing would change":
            self.press("bob", refresh, "close")
        elif refresh.state.startswith("promoted, but"):
            self.fill("bob", refresh, "accept", _REASON)

    def _decide(self, refresh: Seen) -> None:
        if refresh.with_button("approve"):
            for person in _APPROVERS[: self._scene.quorum[refresh.model]]:
                self.press(person, refresh, "approve")
        elif refresh.with_button("explain"):
            self.fill("bob", refresh, "explain", _REASON)
        else:
            self.fill("bob", refresh, "waive", {"reason": "known"})

    def press(self, person: str, refresh: Seen, action: str) -> bool:
        message = refresh.with_button(action)
        key, now = (person, refresh.ref, action), time.monotonic()
        if message is None or now - self._pressed.get(key, -_CLICK_AGAIN) < _CLICK_AGAIN:
            return False
        if key in self._pressed and self.ways.get(refresh.ref, "").startswith("hold"):
            self.say("bob", f"unhold {refresh.model}")
        with contextlib.suppress(Impossible):  # it was updated in between
            if self._slack.click(person, CHANNEL, message["ts"], action).ok:
                self._pressed[key] = now
                self.pressed_again += (message["ts"], action, person) in self._pressed_on
                self._pressed_on.add((message["ts"], action, person))
                return True
        return False

    def fill(self, person: str, refresh: Seen, action: str, values: dict[str, Any]) -> bool:
        """Press a button and submit the form that it opens; a finding is the first that the form offers."""
        with contextlib.suppress(Impossible):  # one that opened too late
            self._slack.close(person, everything=True)
        if not self.press(person, refresh, action):
            return False
        with contextlib.suppress(Impossible, TimeoutError):
            form: Any = self._slack.wait(lambda: self._slack.modal(person), _FORM, f"the form of {action}")
            asked = {block.get("block_id"): block.get("element") or {} for block in form["blocks"]}
            if "finding" in asked:
                values = values | {"finding": asked["finding"]["options"][0]["value"]}
            known = {name: value for name, value in values.items() if name in asked}
            return self._slack.submit(person, "", known).ok
        return False

    # --- acts -------------------------------------------------------------------------------------------------------

    def overtake(self, refresh: Seen) -> bool:
        """Somebody writes to production while it waits."""
        self._scene.somebody_writes(refresh.model)
        return True

    def outwait(self, refresh: Seen) -> bool:
        """Nobody decides until the time is over."""
        since = self._since.setdefault(refresh.ref, time.monotonic())
        return time.monotonic() - since > EXPIRES_SECONDS

    def hold(self, refresh: Seen) -> bool:
        return self.say("bob", f"hold {refresh.model}")

    def tamper(self, refresh: Seen) -> bool:
        """The replacement is held at Snowflake once it is done, until `let_go` has written beside it."""
        return self._hold_up(refresh, "CREATE OR REPLACE TRANSIENT TABLE")

    def ponder(self, refresh: Seen) -> bool:
        """The look at production before the next decision takes longer than a lease is renewed after."""
        self._scene.world.snowflake.inject(f"LAST_CHANGE_COMMIT_TIME.*{refresh.model.upper()}", "slow", seconds=_LONG)
        return True

    def lose_the_look(self, refresh: Seen) -> bool:
        """The answer to that look gets lost."""
        self._scene.world.snowflake.inject(f"LAST_CHANGE_COMMIT_TIME.*{refresh.model.upper()}", "lost_reply")
        return True

    def lose_the_verification(self, refresh: Seen) -> bool:
        """Production is read before the replacement too, beside the backup."""
        words = f'HASH_AGG.*"ANALYTICS"."PROD"."{refresh.model.upper()}"'
        self._scene.world.snowflake.inject(words, "lost_reply", skip=1)
        return True

    def forestall(self, refresh: Seen) -> bool:
        """The backup is held so, and the replacement does not come."""
        return self._hold_up(refresh, "CREATE TRANSIENT TABLE .*BACKUP.* CLONE")

    def _hold_up(self, refresh: Seen, words: str) -> bool:
        table = f'"ANALYTICS"."PROD"."{refresh.model.upper()}"'
        self._scene.world.snowflake.inject(f"{words} {re.escape(table)}", "hang", after=True)
        self._tampered.add(refresh.model)
        return True

    def let_go(self) -> None:
        """Write to what was backed up or replaced and is not looked at yet, and let the answer out."""
        if not self._tampered:
            return
        for statement in self._scene.world.snowflake.log[-2000:]:
            if statement.held and statement.status == "RUNNING" and "CLONE" in statement.sql:  # not what is only slow
                for model in [m for m in self._tampered if f'"{m.upper()}"' in statement.sql]:
                    self._scene.somebody_writes(model)
                    self._tampered.discard(model)
                self._scene.let_go(statement.query_id)


def _press(person: str, action: str) -> Act:
    return lambda people, refresh: people.press(person, refresh, action)


def _cancel(people: People, refresh: Seen) -> bool:
    return people.cancel(refresh.ref)


def _reject(people: People, refresh: Seen) -> bool:
    return people.fill("bob", refresh, "reject", _REASON)


def _undo(people: People, refresh: Seen) -> bool:
    return people.fill("bob", refresh, "undo", _REASON)


def _undo_anyway(people: People, refresh: Seen) -> bool:
    return people.fill("bob", refresh, "undo_forced", _REASON | {"name": refresh.model})


_WAITS, _STALE = "waiting for approval", "withdrawn"
WAYS: dict[str, Way] = {
    "approve": Way(r"^(promoting|verifying)/"),  # what is before that every other way comes by as well
    "look first": Way(r"deciding/(:|commit settle_click)"),
    "cancel at once": Way(r"commit cancel|commit stopped"),
    "cancel the comparison": Way(r"checking/commit stopped", (("comparing", _cancel),)),
    "fail the build": Way(r"building/commit failed"),
    "fail the comparison": Way(r"checking/commit failed"),
    "lose the comparison": Way(r"checking/commit release"),
    "lose the verification": Way(r"verifying/commit release", ((_WAITS, People.lose_the_verification),)),
    "lose the look": Way(r"deciding/commit retry_click", ((_WAITS, People.lose_the_look),)),
    "ponder": Way(r"commit renew_click", ((_WAITS, People.ponder),)),
    "cancel the wait": Way(r"commit cancel", ((_WAITS, _cancel),)),
    "cancel the approved": Way(r"commit cancel", ((_WAITS, _press("bob", "approve")), (_WAITS, _cancel))),
    "reject": Way(r"commit rejected", ((_WAITS, _reject),)),
    "four eyes": Way(r"commit denied", ((_WAITS, _press("alice", "approve")),)),
    "explain": Way(r"commit explained"),
    "waive": Way(r"commit waived"),
    "re-check": Way(
        r"checking/(check: (create|grant|drop)|commit (baseline|renew|release))|commit (re-check|withdrawn|note_change)",
        ((_WAITS, People.overtake),),
    ),
    "rebuild": Way(
        r"commit rebuild|building/build: drop", ((_WAITS, People.overtake), (_STALE, _press("bob", "rebuild")))
    ),
    "hold": Way(r"put_on_hold|settle_click|promoting/commit withdrawn", ((_WAITS, People.hold),)),
    "hold at the last moment": Way(
        r"promoting/commit withdrawn|put_on_hold", ((_WAITS, _press("bob", "approve")), (_WAITS, People.hold))
    ),
    "undo": Way(r"undo", (("done", _undo),)),
    "forestall": Way(r"promoting/commit withdrawn", ((_WAITS, People.forestall),)),
    "accept": Way(r"commit accepted|verifying/commit verified", ((_WAITS, People.tamper),)),
    "undo what is faulty": Way(
        r"undo|commit accepted", ((_WAITS, People.tamper), ("promoted, but", _undo), ("promoted, but", _undo_anyway))
    ),
    "keep, then drop": Way(
        r"keep_objects|drop|noted|forget",
        (("done", _press("alice", "keep_dev")), ("done", _press("alice", "drop_dev"))),
    ),
    "outwait": Way(r"commit expired", ((_WAITS, People.outwait),)),
}
