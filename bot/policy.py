"""Who may press what, and why not (design section 5); pure, decided at the click from the person as Slack knows them now.

An empty configuration means nobody, and bots, guests, strangers, deactivated accounts and people of another workspace
never count, whatever lists they are on. A look-up that fails is raised: it is neither a yes nor a no.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import decisions
from bot.errors import LookupFailed
from bot.model import Actor, Refresh, Rules
from bot.people import Home, Person
from bot.settings import Settings
from bot.wording import rules as say

Members = Callable[[str], frozenset[str]]  # user group id -> user ids, live; raises LookupFailed
Lists = tuple[tuple[str, ...], ...]  # of user ids and group ids; who may do it is on every list, and none means nobody

REQUESTER = frozenset({"ask", "plan", "downstream"})
ASKER_OR_APPROVER = frozenset(
    {"cancel", "close", "explain", "recheck", "rebuild", "add_columns", "add_clocks", "keep_dev", "drop_dev"}
)
OTHER_APPROVER = frozenset({"approve", "reject", "waive", "accept"})  # never the asker, while four_eyes is on
APPROVER = frozenset({"undo", "look", "happened", "not_happened", "hold", "unhold"})  # at night too: no four eyes
REMINDERS = 5  # of one wait; who has not come by then is not called by more of the same
ACTIONS = REQUESTER | ASKER_OR_APPROVER | OTHER_APPROVER | APPROVER


@dataclass(frozen=True, slots=True)
class Allowed:
    pass


@dataclass(frozen=True, slots=True)
class Denied:
    """`rule` is for the audit trail, `text` for the person: one sentence with the way out."""

    rule: str
    text: str


def decide(
    action: str,
    person: Person,
    refresh: Refresh | None,
    settings: Settings,
    members: Members,
    home: Home,
    *,
    model: str = "",
) -> Allowed | Denied:
    """Whether `person` may press `action` on `refresh`; `model` names the model where there is no refresh (hold, unhold).

    Only rights are judged here: whether the refresh still waits for this click is the machine's and the store's.
    Raises what `members` raises.
    """
    if action not in ACTIONS:
        return Denied("unknown action", say.unknown_action())
    if denied := _outsider(action, person, home):
        return denied
    if action in REQUESTER:
        return _requester(action, person, settings, members)
    return _on_refresh(action, person, refresh, settings, members, model)


def approvers(refresh: Refresh | None, settings: Settings, model: str = "") -> Lists:
    """Who may approve: the operator's list, narrowed by that of the model's YAML."""
    rules = refresh.plan.rules if refresh and refresh.plan else None
    return approvers_of(model or (refresh.name if refresh else ""), rules, settings)


def approvers_of(name: str, rules: Rules | None, settings: Settings) -> Lists:
    """As `approvers`, before there is a refresh. A model's YAML takes the place of the operator's list only with `replace`."""
    own, general = rules.approvers if rules else (), _operators(name, settings)
    if own and (settings.policy.model_policy == "replace" or set(own) <= set(general)):
        return (own,)
    if own and general:
        return own, general
    return (general,) if general else ()


def _operators(name: str, settings: Settings) -> tuple[str, ...]:
    """What `refresh.toml` says: its section for the model, else `[policy]`."""
    section = settings.for_model(name)
    return (section.approvers if section else ()) or settings.policy.approvers


def quorum(refresh: Refresh, settings: Settings) -> int:
    """How many different approvers are needed."""
    return quorum_of(refresh.name, refresh.plan.rules if refresh.plan else None, settings)


def quorum_of(name: str, rules: Rules | None, settings: Settings) -> int:
    """As `quorum`, before there is a refresh. A model's YAML may ask for fewer than the operator only with `replace`."""
    section, own = settings.for_model(name), (rules.quorum if rules else None) or 0
    general = (section.quorum if section else None) or settings.policy.quorum
    if own and settings.policy.model_policy == "replace":
        return max(1, own)
    return max(1, own, general)


def source(name: str, rules: Rules | None, settings: Settings) -> str:
    """Where the rule about approvals comes from, for people."""
    section = settings.for_model(name)
    ours = section is not None and bool(section.approvers or section.quorum)
    own = rules is not None and bool(rules.approvers or rules.quorum)
    replaces = settings.policy.model_policy == "replace"
    return say.source(section.match if section and ours else "", own=own, replaces=replaces)


def act_until(refresh: Refresh, pressed: datetime, settings: Settings) -> datetime | None:
    """Until when the intent of what is approved has to be committed: the time limit, or as long as a step may take."""
    limit = refresh.expires_at
    return max(limit, pressed + settings.worker.step_deadline) if limit else None


def approvals(refresh: Refresh) -> tuple[Actor, ...]:
    """Those whose approval counts: one each, on the digest as it is now."""
    return tuple({d.by.user_id: d.by for d in decisions.approvals(refresh)}.values())


def missing(refresh: Refresh, settings: Settings) -> int:
    """How many approvals are still needed."""
    return max(0, quorum(refresh, settings) - len(approvals(refresh)))


def candidates(
    action: str, refresh: Refresh | None, settings: Settings, members: Members, model: str = ""
) -> tuple[str, ...]:
    """User ids of those who could press `action` now, for the sentence that says who can. Raises what `members` raises."""
    users = expanded(approvers(refresh, settings, model), members)
    if refresh is not None and action in OTHER_APPROVER:
        done = {a.user_id for a in approvals(refresh)} if action == "approve" else set()
        askers = {a.user_id for a in refresh.askers} if settings.policy.four_eyes else set()
        users = [u for u in users if u not in done | askers]
    return tuple(users)


def reminder(refresh: Refresh, last: datetime | None, every: timedelta, now: datetime) -> int:
    """Which reminder is due: the first after `every`, each pause twice the one before, the last after 31 times; 0: none.

    `last` is when people were reminded last. Whatever changes the refresh begins anew.
    """

    def passed(when: datetime) -> int:
        return sum(when >= refresh.changed_at + every * (2**n - 1) for n in range(1, REMINDERS + 1))

    due = passed(now)
    return due if due > (passed(last) if last else 0) else 0


def _outsider(action: str, person: Person, home: Home) -> Denied | None:
    """Those who never count. The workspace is compared exactly; on Enterprise Grid the same organisation will do."""
    same_grid = bool(home.enterprise_id) and person.enterprise_id == home.enterprise_id
    if person.is_bot or not person.user_id:
        return Denied("bot", say.bot(action))
    if person.deleted:
        return Denied("deleted", say.deleted())
    if person.is_stranger:
        return Denied("stranger", say.stranger(action))
    if not home.team_id or (person.team_id != home.team_id and not same_grid):
        return Denied("workspace", say.stranger(action))
    if person.is_restricted or person.is_ultra_restricted:
        return Denied("guest", say.guest(action))
    return None


def _requester(action: str, person: Person, settings: Settings, members: Members) -> Allowed | Denied:
    allowed = settings.policy.requesters
    if not allowed:
        return Denied("not configured", say.nobody(action, "policy.requesters"))
    if _listed(person, (allowed,), members):
        return Allowed()
    return Denied("not a requester", say.not_a_requester(allowed))


def _on_refresh(
    action: str, person: Person, refresh: Refresh | None, settings: Settings, members: Members, model: str
) -> Allowed | Denied:
    asker = refresh.asker.user_id if refresh else ""
    if action in ASKER_OR_APPROVER and person.user_id == asker:
        return Allowed()
    allowed = approvers(refresh, settings, model)
    if not allowed:
        return Denied("not configured", say.nobody(action, "policy.approvers"))
    listed = _listed(person, allowed, members)
    if refresh is not None and listed and action in OTHER_APPROVER:
        return _other(action, person, refresh, settings, members)
    if listed:
        return Allowed()
    others = _others(action, person, refresh, settings, members, model)
    if action in ASKER_OR_APPROVER:
        return Denied("not the asker", say.not_yours(action, asker, others))
    return Denied("not an approver", say.not_an_approver(action, others))


def _other(action: str, person: Person, refresh: Refresh, settings: Settings, members: Members) -> Allowed | Denied:
    """An approver decides on somebody else's refresh, and once only."""
    if settings.policy.four_eyes and any(a.user_id == person.user_id for a in refresh.askers):
        others = _others(action, person, refresh, settings, members)
        changed = person.user_id != refresh.asker.user_id
        return Denied("four eyes", say.four_eyes(action, refresh.ref, others, changed=changed))
    if action == "approve" and any(a.user_id == person.user_id for a in approvals(refresh)):
        others = _others(action, person, refresh, settings, members)
        return Denied("already approved", say.already_approved(refresh.ref, missing(refresh, settings), others))
    return Allowed()


def _others(
    action: str, person: Person, refresh: Refresh | None, settings: Settings, members: Members, model: str = ""
) -> tuple[str, ...]:
    """Who else could, for a refusal's sentence; a failing look-up must not change the refusal."""
    try:
        found = candidates(action, refresh, settings, members, model)
    except LookupFailed:
        return ()
    return tuple(u for u in found if u != person.user_id)


def _listed(person: Person, lists: Lists, members: Members) -> bool:
    """On every list, by name or as a member of a group now; who is named needs no look-up."""

    def on(entries: Sequence[str]) -> bool:
        return person.user_id in entries or any(person.user_id in members(g) for g in entries if _is_group(g))

    return bool(lists) and all(on(entries) for entries in lists)


def expanded(lists: Lists, members: Members) -> list[str]:
    """User ids behind user and group ids that are on every list, each once, those named in person first."""

    def users(entries: Sequence[str]) -> list[str]:
        groups = [user for group in filter(_is_group, entries) for user in sorted(members(group))]
        return list(dict.fromkeys([*(e for e in entries if not _is_group(e)), *groups]))

    first, *others = [users(entries) for entries in lists] or [[]]
    return [user for user in first if all(user in other for other in others)]


def _is_group(entry: str) -> bool:
    return entry.startswith("S")
