"""What people do and read in the stories about findings and refusals, in one line each."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.clicks import Clicks
from bot.errors import ClickTaken
from bot.leases import ClickLease
from bot.messages import Click
from bot.model import ENDS, Actor, State
from bot.wording import card as wording
from sandbox.people import Incident, actions_of, text_of
from tests.stories.conftest import Stage

WAITS = frozenset({State.AWAITING, State.STALE, State.FAULTY, State.NEEDS_ATTENTION})
REPLACED = r"create or replace transient table .*fact_ethereum.* clone"

# What differs from one run to the next: the code's version, durations, times, digests and the installation's id.
_ANEW = (
    (r" · code `\w+`( with uncommitted changes)?", ""),
    (r"\d+:\d\d (to build|in all)", r"m:ss \1"),
    (r"\d\d:\d\d", "hh:mm"),
    (r"digest `\w+`", "digest `d1ge57`"),
    (r"_(BACKUP|CANDIDATE)_(R\d+)_[0-9A-F]+_\d+", r"_\1_\2_ID"),
)


def read_out(incident: Incident) -> str:
    """The whole thread as text: card, replies, the names of files and of what can be pressed."""
    told = []
    for message in incident.thread:
        files = "".join(f"\n({file['name']})" for file in message.get("files", []))
        pressed = "".join(f"\n[{action}]" for action in sorted(actions_of(message)))
        told.append(f"{text_of(message)}{files}{pressed}\n")
    text = "\n-----\n".join(told)
    for found, stands_for in _ANEW:
        text = re.sub(found, stands_for, text)
    return text


def waiting(stage: Stage, text: str, ref: str = "R1") -> Incident:
    """Ask, and wait until the comparison stands in the thread with what can be pressed."""
    incident = stage.asks(text, ref=ref)
    incident.wait_card("waiting for approval")
    incident.wait_button("reject")
    return incident


def result(incident: Incident) -> str:
    """The newest Result reply."""
    return _newest(incident)[0]


def _newest(incident: Incident) -> list[str]:
    """The replies from the newest Result on."""
    replies = incident.replies
    start = max(i for i, reply in enumerate(replies) if "\nrows " in reply or "\nhistory " in reply)
    return replies[start:]


def failed(incident: Incident) -> list[str]:
    """What the replies about findings in the way say, without their rows; those of the newest comparison."""
    return [reply.split("\n", 1)[0] for reply in _newest(incident) if ": fail.* " in reply.split("\n", 1)[0]]


def approval(incident: Incident) -> str:
    """The newest post that asks for a decision, as it is now."""
    return text_of([m for m in incident.thread if "reject" in actions_of(m)][-1])


def opening(incident: Incident) -> str:
    return approval(incident).split("\n", 1)[0]


def statements(incident: Incident) -> str:
    """What an approval would send, on one line and without quotes."""
    return " ".join(approval(incident).split("```")[-2].replace('"', "").split())


def offered(incident: Incident) -> set[str]:
    """Every button that can be pressed in the thread, Cancel on the card apart."""
    return incident.buttons() - {"cancel"}


def again(stage: Stage, incident: Incident, action: str, person: str = "alice") -> str:
    """Re-check or Rebuild, and wait for the new comparison; returns its result."""
    newest = incident.thread[-1]["ts"]
    incident.click(person, action)

    def compared() -> bool:
        return any(m["ts"] > newest and "reject" in actions_of(m) for m in incident.thread)

    stage.slack.wait(compared, 60, f"the comparison after {action}")
    return result(incident)


def overtaken(stage: Stage, incident: Incident) -> str:
    """The bot's own look at production, which withdraws what was compared with something else."""
    stage.bot.timers.poll_stale()
    return text_of(incident.wait_reply("Withdrawn."))


def opens(stage: Stage, incident: Incident, person: str, action: str) -> dict[str, Any]:
    """Press a button that opens a form, and return the form."""
    incident.click(person, action)
    return stage.slack.wait(lambda: stage.slack.modal(person), what="the form")  # type: ignore[return-value]


def fills(stage: Stage, incident: Incident, person: str, action: str, **values: object) -> Any:
    """Press a button and submit the form that it opens; returns the receipt."""
    opens(stage, incident, person, action)
    return stage.slack.submit(person, action, values)


def undoes(stage: Stage, incident: Incident, person: str = "bob", reason: str = "the day is still wrong") -> None:
    """Press Undo and say why."""
    receipt = fills(stage, incident, person, "undo", reason=reason)
    assert receipt.ok, receipt


def audited(stage: Stage, *words: str) -> list[str]:
    """The lines of the audit channel, once it has one with each of these words, in the order in which they came."""

    def lines() -> list[str]:
        return [text_of(message) for message in stage.slack.channel("C0AUDIT")]

    for said in words:
        stage.slack.wait(lambda said=said: any(said in line for line in lines()), what=f"the audit channel: {said}")
    return lines()


def choices(form: dict[str, Any], name: str) -> list[str]:
    """The values of a menu of a form."""
    block = next(b for b in form["blocks"] if b.get("block_id") == name)
    return [o["value"] for o in block["element"]["options"]]


def waives(stage: Stage, incident: Incident, finding: str, reason: str, person: str = "bob") -> None:
    """Waive one finding, and wait until the approval post says so."""
    opens(stage, incident, person, "waive")
    receipt = stage.slack.submit(person, "", {"finding": finding, "reason": reason})
    assert receipt.ok, receipt
    said = f", “{reason}”."
    stage.slack.wait(lambda: said in approval(incident), 30, f"the waiver of {finding}")


def explains(stage: Stage, incident: Incident, person: str = "bob", groups: list[str] | None = None) -> None:
    """Give one reason for the groups named, or for all of them."""
    opens(stage, incident, person, "explain")
    given = {"reason": "upstream correction", "note": "Dune re-published"} | ({"groups": groups} if groups else {})
    receipt = stage.slack.submit(person, "", given)
    assert receipt.ok, receipt
    stage.slack.wait(lambda: "Explained by" in approval(incident), 30, "the explanation")


def thaws(stage: Stage, action: str) -> None:
    """A worker that was frozen over bob's click goes on with it, which is somebody else's by now, and learns that."""
    refresh = stage.bot.store.get(1)
    assert refresh is not None
    bob = Actor(user_id="U0BOB", team_id=refresh.asker.team_id)
    late = Click(
        action=action, by=bob, channel="C0INCIDENTS", at=stage.clock(), refresh=1, payload={}, id=99, attempt=1
    )
    settings = stage.settings.worker.model_copy(update={"lease": timedelta(0)})
    lease = ClickLease(stage.bot.store, replace(late, revision=refresh.revision), settings)
    with pytest.raises(ClickTaken):
        Clicks(stage.bot.services).decide(lease)


def refused(stage: Stage, typed: str, channel: str = "C0INCIDENTS") -> str:
    """Ask for what only the worker can refuse: after the receipt comes the reason, and both are private."""
    before, known = stage.slack.channel(channel), len(stage.slack.private("alice"))
    receipt = stage.told("alice", typed, channel)
    assert receipt.endswith((" Its card comes here in a moment.", " The plan comes here in a moment.")), receipt

    def said() -> list[str]:  # the reason may be faster than the receipt
        return [text_of(message) for message in stage.slack.private("alice")[known:]]

    stage.slack.wait(lambda: len(said()) > 1, 60, f"the refusal of {typed}")
    assert stage.slack.channel(channel) == before  # no card
    return next(text for text in said() if text != receipt)


def state(stage: Stage, number: int = 1) -> State:
    refresh = stage.bot.store.get(number)
    assert refresh is not None
    return refresh.state


def replacements(stage: Stage) -> int:
    done = [s for s in stage.world.snowflake.log if re.search(REPLACED, s.sql, re.I | re.S) and not s.error]
    return sum(s.user == "REFRESH_PROMOTER_SVC" for s in done)


def settle(stage: Stage, wanted: frozenset[State] = WAITS | ENDS) -> State:
    """Wait until the refresh is in one of these states and its card says so."""
    stage.slack.wait(lambda: state(stage) in wanted, 90, "a state that waits or has ended")
    refresh = stage.bot.store.get(1)
    assert refresh is not None
    stage.incident().wait_card(wording.state(refresh))
    return refresh.state
