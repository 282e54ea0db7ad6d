"""What happened, counted from the logs of the two sandboxes alone: the bot's own tables are not asked."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.people import actions_of, text_of
from sandbox.slack import SlackControl
from sandbox.snowflake import SnowflakeSandbox

Json = dict[str, Any]
_TITLE = re.compile(r"\W*(R\d+) · (\S+) · .* · ([^·*]+)\*")
_REPLACED = re.compile(r'CREATE OR REPLACE (?:TRANSIENT )?TABLE "?ANALYTICS"?\."?PROD"?\.')
_REF = re.compile(r"^dbt-refresh:\w+:(R\d+):(promote|undo):")
_NOT_BEGUN = re.compile(r"\*(R\d+) of .* could not begin\.\*")
_NOT_SEEN = re.compile(r"`ANALYTICS\.PROD\.(\w+)` does not exist yet, or I may not see it")
_CANCELLED = re.compile(r"\*?(R\d+) (?:of \S+ was|is) cancelled")
_ENDS = frozenset({"done", "rejected", "cancelled", "expired", "failed", "undone"})
_FOR_PEOPLE = ("waiting for approval", "withdrawn", "promoted, but", "needs a person", "nothing would change")
_TOO_LATE = re.compile(r"(R\d+) has moved on and this did nothing")
_ON_ITS_WAY = re.compile(r"\*(R\d+)\* is on its way")
_REFUSED = "Snowflake refused the statement, so production was not replaced"
_AUDIT = "C0AUDIT"
_NIGHTLY = "DBT_NIGHTLY"  # fills production before anybody asks; the bot has no such user
_KNOWN = re.compile(r"R\d+( undo)?")
_OWN = {  # what a card's state begins with, and the posts of which one says so in the thread
    "waiting for approval": {"ready"},
    "nothing would change": {"nothing"},
    "withdrawn": {"withdrawn"},
    "promoted, but": {"faulty"},
    "needs a person": {"needs_attention"},
    "done": {"promoted", "accepted"},
    "rejected": {"rejected"},
    "cancelled": {"cancelled"},
    "expired": {"expired"},
    "failed": {"failed"},
    "undone": {"undone"},
}
_COMPARED = frozenset({"done", "undone", "rejected", "expired"})
_END_TOPICS = frozenset({"promoted", "accepted", "rejected", "cancelled", "expired", "failed", "undone"})
_REPLACED_IN = ("done", "undone", "promoted", "needs a person", "being promoted", "being undone")
_UNDONE_IN = ("undone", "needs a person", "being undone")
_DECIDING = frozenset(
    [
        "cancel",
        "approve",
        "reject",
        "explain",
        "waive",
        "recheck",
        "rebuild",
        "close",
        "look",
        "happened",
        "not_happened",
        "accept",
        "undo_forced",
    ]
)


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
        return Counter(_key(m) or f"{self.ref}/0/upload#{text_of(m)}" for m in self.thread)

    @property
    def posted(self) -> set[str]:
        return {_topic(key) for key in self.topics()}

    def buttons_left(self) -> set[str]:
        """Those that mean nothing any more once it has ended."""
        if not self.ended:
            return set()
        dead: set[str] = {*_DECIDING, *(["undo"] if self.state != "done" else [])}
        return dead & {action for m in self.thread for action in actions_of(m)}

    @property
    def doubts(self) -> list[str]:
        """What its posts said that needs a person, oldest first."""
        return [text_of(m) for m in self.thread if _topic(_key(m)) == "needs_attention"]

    def only_refused(self) -> bool:
        """Whether a person was needed only because Snowflake refused a statement, as it does on others' tables."""
        return all(_REFUSED in text for text in self.doubts)

    def denies(self, promoted: Counter[str]) -> bool:
        """Whether it still says that a statement was refused which Snowflake carried out."""
        if not self.state.startswith("needs a person") or not self.doubts or _REFUSED not in self.doubts[-1]:
            return False
        undo = not self.posted.isdisjoint({"promoted", "faulty"})
        return promoted[f"{self.ref} undo" if undo else self.ref] > 0

    def own_post_is_missing(self) -> bool:
        """Whether nothing in the thread says what the card says."""
        if self.state == "cancelled" and self._found_nothing():
            return False  # the post that was closed says so itself
        own = next((topics for state, topics in _OWN.items() if self.state.startswith(state)), set())
        return bool(own) and self.posted.isdisjoint(own)

    def _found_nothing(self) -> bool:
        asked = [key for key in self.topics() if _topic(key) in ("ready", "nothing")]
        return bool(asked) and _topic(max(asked, key=lambda key: int(key.split("/")[1]))) == "nothing"

    def results(self) -> tuple[int, int]:
        """How many results or requests for a decision are lost, and how many results are there twice.

        An upload carries no key: each comparison has one, and right after it asks for approval or says that nothing changes.
        """
        lost = doubled = waiting = 0
        asked: set[str] = set()
        for message in self.thread:
            key = _key(message)
            if _is_result(message):
                waiting += 1
            elif _topic(key) in ("ready", "nothing") and key not in asked:
                asked.add(key)
                lost, doubled, waiting = lost + (waiting == 0), doubled + max(0, waiting - 1), 0
        if not asked and not waiting and self.state in _COMPARED:
            lost += 2
        return lost + (waiting > 0), doubled + max(0, waiting - 1)


def _key(message: Json) -> str:
    return ((message.get("metadata") or {}).get("event_payload") or {}).get("key") or ""


def _topic(key: str) -> str:
    return key.split("#")[0].rsplit("/", 1)[-1]


def _is_result(message: Json) -> bool:
    """An upload, or the text of one that Slack refused."""
    return _topic(_key(message)) == "result" or any(f.get("title") == "details.txt" for f in message.get("files") or ())


def refreshes(slack: SlackControl, channel: str) -> list[Seen]:
    found = []
    for message in slack.channel(channel):
        if title := _TITLE.match(text_of(message)):
            ref, model, state = title.groups()
            found.append(Seen(ref=ref, model=model, state=state.strip(), thread=slack.thread(channel, message["ts"])))
    return found


def audit(slack: SlackControl) -> Counter[str]:
    """How often each line of the audit channel was posted, by its key."""
    return Counter(key for m in slack.channel(_AUDIT) if (key := _key(m)))


@dataclass(kw_only=True)
class Counts:
    promotions: Counter[str] = field(default_factory=Counter)  # successful replacements of production, by refresh
    lost: int = 0
    promoted_twice: int = 0
    wrong: int = 0  # replacements of production that no card explains, or that one denies
    messages_lost: int = 0
    messages_doubled: int = 0
    buttons_left: int = 0  # on posts of refreshes that have ended


def promotions(snowflake: SnowflakeSandbox) -> Counter[str]:
    """Replacements of production that Snowflake carried out, by the refresh in their tag: `R1`, and `R1 undo`."""
    found: Counter[str] = Counter()
    for statement in snowflake.log:
        ours = _REPLACED.match(statement.sql) and statement.user != _NIGHTLY
        if ours and statement.ended and not statement.error:
            ref = _REF.match(statement.tag)
            found[f"{ref[1]}{' undo' if ref[2] == 'undo' else ''}" if ref else f"{statement.user} {statement.tag}"] += 1
    return found


def approvers(deliveries: list[Json]) -> dict[str, set[str]]:
    """Who pressed Approve, by the refresh, whether or not it counted."""
    found: dict[str, set[str]] = defaultdict(set)
    for payload in (one["payload"] for one in deliveries):
        for action in payload.get("actions") or []:
            if action["action_id"] == "approve":
                found[f"R{json.loads(action['value'])['r']}"].add(payload["user"]["id"])
    return found


def unapproved(
    deliveries: list[Json], seen: list[Seen], promoted: Counter[str], quorum: dict[str, int], asker: str
) -> set[str]:
    """Refreshes that were promoted although fewer people than their model asks for, the asker apart, pressed Approve."""
    pressed = approvers(deliveries)
    return {s.ref for s in seen if promoted[s.ref] and len(pressed.get(s.ref, set()) - {asker}) < quorum[s.model]}


def asked_twice(deliveries: list[Json]) -> int:
    """Refreshes too many that one command began, which Slack delivered more than once."""
    begun: dict[str, set[str]] = defaultdict(set)
    for one in deliveries:
        if one["envelope"] == "slash_commands" and (found := _ON_ITS_WAY.search(str(one["response"]))):
            begun[one["payload"]["trigger_id"]].add(found[1])
    return sum(len(refs) - 1 for refs in begun.values())


def not_begun(slack: SlackControl, person: str) -> set[str]:
    """Refreshes that failed before they had a card: of them only the asker hears."""
    return _told(slack, person, _NOT_BEGUN)


def not_seen(private: list[Json], without_card: dict[str, str]) -> set[str]:
    """Of those without a card, with their models, oldest first: as many as were refused over a table that others own."""
    told = Counter(found[1].lower() for m in private if (found := _NOT_SEEN.search(text_of(m))))
    by_model: dict[str, list[str]] = defaultdict(list)
    for ref, model in without_card.items():
        by_model[model].append(ref)
    return {ref for model, refs in by_model.items() for ref in refs[: told[model]]}


def cancelled(slack: SlackControl, person: str) -> set[str]:
    """Refreshes of which a person heard in private that they are cancelled: before its card there is nothing else."""
    return _told(slack, person, _CANCELLED)


def too_late(slack: SlackControl, person: str) -> set[str]:
    """Refreshes of which a person heard in private that what they asked for did nothing."""
    return _told(slack, person, _TOO_LATE)


def _told(slack: SlackControl, person: str, words: re.Pattern[str]) -> set[str]:
    return {found[1] for message in slack.private(person) if (found := words.match(text_of(message)))}


def count(
    accepted: set[str], seen: list[Seen], told: set[str], promoted: Counter[str], audited: Counter[str]
) -> Counts:
    """`accepted`: what the bot said is on its way; `told`: `not_begun` and `cancelled`.

    Lost: those of which nobody hears more, and what was promoted or undone by its card without the statement.
    """
    cards = _by_ref(seen)
    counts = Counts(promotions=promoted, lost=len(accepted - {*cards} - told))
    counts.promoted_twice = sum(n - 1 for key, n in promoted.items() if _KNOWN.fullmatch(key))
    counts.wrong = sum(n for key, n in promoted.items() if not _explained(key, cards, told))
    counts.messages_doubled = sum(n - 1 for n in audited.values())
    for refresh in cards.values():
        counts.lost += refresh.state.startswith(("done", "undone", "promoted")) and promoted[refresh.ref] == 0
        counts.lost += refresh.state == "undone" and promoted[f"{refresh.ref} undo"] == 0
        counts.wrong += refresh.denies(promoted)
        counts.buttons_left += len(refresh.buttons_left())
        _count_messages(counts, refresh)
        counts.messages_lost += _audits_lost(refresh, audited)
    return counts


def _by_ref(seen: list[Seen]) -> dict[str, Seen]:
    """One for each refresh, with the threads of all its cards; there should be one card."""
    found: dict[str, Seen] = {}
    for one in seen:
        if before := found.get(one.ref):
            state = before.state if before.ended else one.state
            found[one.ref] = replace(one, state=state, thread=[*before.thread, *one.thread])
        else:
            found[one.ref] = one
    return found


def _explained(key: str, cards: dict[str, Seen], told: set[str]) -> bool:
    """Whether a replacement of production is one that the card tells of."""
    ref, _, undo = key.partition(" ")
    if not _KNOWN.fullmatch(key) or ref not in cards or ref in told:
        return False
    return cards[ref].state.startswith(_UNDONE_IN if undo else _REPLACED_IN)


def _count_messages(counts: Counts, refresh: Seen) -> None:
    topics = refresh.topics()
    results_lost, results_doubled = refresh.results()
    counts.messages_doubled += results_doubled + sum(n - 1 for key, n in topics.items() if "#" not in key)
    counts.messages_doubled += sum(_topic(key) == "card" for key in topics) > 1
    counts.messages_lost += results_lost + refresh.own_post_is_missing()
    counts.messages_lost += sum(topic not in refresh.posted for topic in ("card", "plan"))
    counts.messages_lost += refresh.state == "undone" and refresh.posted.isdisjoint({"promoted", "faulty"})


def _audits_lost(refresh: Seen, audited: Counter[str]) -> int:
    """One line when it starts, one when production is replaced, one for each time that it ends: an undo ends it again."""
    lines = Counter(_topic(key) for key in audited if key.startswith(f"{refresh.ref}/"))
    ends = sum(_topic(key) in _END_TOPICS for key in refresh.topics()) or refresh.ended
    replaced = not refresh.posted.isdisjoint({"promoted", "faulty"})
    lost = (lines["audit_start"] == 0) + (replaced and lines["audit_change"] == 0)
    return lost + max(0, ends - lines["audit_end"])
