"""What happened, counted from the logs of the two sandboxes alone: the bot's own tables are not asked."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from sandbox.people import actions_of, text_of
from sandbox.slack import SlackControl
from sandbox.snowflake import SnowflakeSandbox

Json = dict[str, Any]
_TITLE = re.compile(r"\W*(R\d+) · (\S+) · .* · ([^·*]+)\*")
_REPLACED = re.compile(r'CREATE OR REPLACE (?:TRANSIENT )?TABLE "ANALYTICS"\."PROD"\."(\w+)"')
_REF = re.compile(r"^dbt-refresh:\w+:(R\d+):(promote|undo):")
_NOT_BEGUN = re.compile(r"\*(R\d+) of .* could not begin\.\*")
_CANCELLED = re.compile(r"\*?(R\d+) (?:of \S+ was|is|is being) cancelled")
_ENDS = frozenset({"done", "rejected", "cancelled", "expired", "failed", "undone"})
_FOR_PEOPLE = ("waiting for approval", "withdrawn", "promoted, but", "needs a person", "nothing would change")
_EXPECTED = ("card", "plan", "result", "ready")


@dataclass(kw_only=True)
class Seen:
    """One refresh as the channel shows it."""

    ref: str
    model: str
    state: str
    thread: list[Json]

    @property
    def ended(self) -> bool:
        return self.state in _ENDS

    @property
    def waits_for_people(self) -> bool:
        return self.state.startswith(_FOR_PEOPLE)

    def with_button(self, action: str) -> Json | None:
        return next((m for m in self.thread if action in actions_of(m)), None)

    def topics(self) -> Counter[str]:
        """How often each message of it was posted, by the key that it carries; uploads have their text only."""
        found: Counter[str] = Counter()
        for message in self.thread:
            key = ((message.get("metadata") or {}).get("event_payload") or {}).get("key")
            found[key or f"{self.ref}/0/result#{text_of(message)}"] += 1
        return found

    def results_too_many(self) -> int:
        """Uploads carry no key: each comparison has one, and then either asks for approval or says that nothing changes."""
        topics = self.topics()
        asked = sum(key.rsplit("/", 1)[-1] in ("ready", "nothing") for key in topics)
        return max(0, sum(n for key, n in topics.items() if "#" in key) - asked)


def refreshes(slack: SlackControl, channel: str) -> list[Seen]:
    found = []
    for message in slack.channel(channel):
        if title := _TITLE.match(text_of(message)):
            ref, model, state = title.groups()
            found.append(Seen(ref=ref, model=model, state=state.strip(), thread=slack.thread(channel, message["ts"])))
    return found


@dataclass(kw_only=True)
class Counts:
    promotions: Counter[str] = field(default_factory=Counter)  # successful replacements of production, by refresh
    lost: int = 0
    promoted_twice: int = 0
    messages_lost: int = 0
    messages_doubled: int = 0


def promotions(snowflake: SnowflakeSandbox) -> Counter[str]:
    """Replacements of production that Snowflake carried out, by the refresh in their tag: `R1`, and `R1 undo`."""
    found: Counter[str] = Counter()
    for statement in snowflake.log:
        if _REPLACED.match(statement.sql) and statement.ended and not statement.error:
            ref = _REF.match(statement.tag)
            found[f"{ref[1]}{' undo' if ref[2] == 'undo' else ''}" if ref else f"{statement.user} {statement.tag}"] += 1
    return found


def not_begun(slack: SlackControl, person: str) -> set[str]:
    """Refreshes that failed before they had a card: of them only the asker hears."""
    return {found[1] for message in slack.private(person) if (found := _NOT_BEGUN.match(text_of(message)))}


def cancelled(slack: SlackControl, person: str) -> set[str]:
    """Refreshes of which a person heard in private that they are cancelled: before its card there is nothing else."""
    return {found[1] for message in slack.private(person) if (found := _CANCELLED.match(text_of(message)))}


def count(accepted: set[str], seen: list[Seen], told: set[str], snowflake: SnowflakeSandbox) -> Counts:
    """`accepted`: what the bot said is on its way; `told`: `not_begun` and `cancelled`.

    Lost: those of which nobody hears more, and "done" or "undone" without the statement.
    """
    promoted = promotions(snowflake)
    counts = Counts(promotions=promoted, lost=len(accepted - {s.ref for s in seen} - told))
    counts.promoted_twice = sum(n - 1 for n in promoted.values() if n > 1)
    for refresh in seen:
        topics = refresh.topics()
        counts.messages_doubled += sum(n - 1 for key, n in topics.items() if "#" not in key)
        counts.messages_doubled += refresh.results_too_many()
        if refresh.state in ("done", "undone"):
            counts.lost += promoted[refresh.ref] == 0
            counts.lost += refresh.state == "undone" and promoted[f"{refresh.ref} undo"] == 0
            posted = {key.split("#")[0].rsplit("/", 1)[-1] for key in topics}
            counts.messages_lost += sum(topic not in posted for topic in _EXPECTED)
            counts.messages_lost += posted.isdisjoint({"promoted", "faulty"})
    return counts
