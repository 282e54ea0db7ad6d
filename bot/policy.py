"""Who may press what, and why not (design section 5); pure, decided at the click from the person as Slack knows them now.

An empty configuration means nobody, a failing look-up means no, and bots, guests, strangers, deactivated accounts and
people of another workspace never count, whatever lists they are on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot import decisions
from bot.model import Actor, Refresh
from bot.people import Home, Person
from bot.settings import Settings
from bot.wording import rules as say

Members = Callable[[str], frozenset[str]]  # user group id -> user ids, live; may raise

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
    """
    if action not in ACTIONS:
        return Denied("unknown action", say.could_not_check())
    if denied := _outsider(action, person, home):
        return denied
    try:
        if action in REQUESTER:
            return _requester(action, person, settings, members)
        return _on_refresh(action, person, refresh, settings, members, model)
    except Exception:  # whatever Slack or the network did: no answer means no
        return Denied("could not check", say.could_not_check())


def approvers(refresh: Refresh | None, settings: Settings, model: str = "") -> tuple[str, ...]:
    """User ids and group ids that may approve: the model's own list where it has one, else the general one."""
    own: tuple[str, ...] = ()
    if refresh is not None and refresh.plan is not None:
        own = refresh.plan.rules.approvers
    elif name := model or (refresh.name if refresh else ""):
        section = settings.for_model(name)
        own = section.approvers if section else ()
    return own or settings.policy.approvers


def quorum(refresh: Refresh, settings: Settings) -> int:
    """How many different approvers are needed."""
    own = refresh.plan.rules.quorum if refresh.plan else None
    return max(1, own or settings.policy.quorum)


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
    users = _expanded(approvers(refresh, settings, model), members)
    if refresh is not None and action in OTHER_APPROVER:
        done = {a.user_id for a in approvals(refresh)} if action == "approve" else set()
        asker = {refresh.asker.user_id} if settings.policy.four_eyes else set()
        users = [u for u in users if u not in done | asker]
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
    if _listed(person, allowed, members):
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
    if settings.policy.four_eyes and person.user_id == refresh.asker.user_id:
        others = _others(action, person, refresh, settings, members)
        return Denied("four eyes", say.four_eyes(action, refresh.ref, others))
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
    except Exception:  # as in `decide`: only the hint is lost
        return ()
    return tuple(u for u in found if u != person.user_id)


def _listed(person: Person, entries: Sequence[str], members: Members) -> bool:
    """Named in person, or a member of a group now; a person named needs no look-up."""
    return person.user_id in entries or any(person.user_id in members(g) for g in entries if _is_group(g))


def _expanded(entries: Sequence[str], members: Members) -> list[str]:
    """User ids behind user and group ids, each once, those named in person first."""
    users = [e for e in entries if not _is_group(e)]
    for group in filter(_is_group, entries):
        users += sorted(members(group))
    return list(dict.fromkeys(users))


def _is_group(entry: str) -> bool:
    return entry.startswith("S")
