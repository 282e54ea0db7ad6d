"""Who may press what: every rule of design section 5, and what must never be allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import policy
from bot.errors import LookupFailed
from bot.model import Actor, Decision, Refresh, Relation, Request, State
from bot.people import Home, Person
from bot.policy import ACTIONS, Allowed, Denied, decide
from bot.settings import (
    DbtSection,
    ModelSection,
    PolicySection,
    Secrets,
    Settings,
    SlackSection,
    UserSection,
    WarehouseSection,
    WorkerSection,
)
from tests.unit.samples import plan

NOW = datetime(2026, 4, 21, 14, 0, tzinfo=UTC)
HOME = Home("T0DEMO")
ALICE, BOB, CAROL, DAVE = (Person(u, "T0DEMO") for u in ("U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"))
GROUPS = {"S0DATA": frozenset({"U0ALICE", "U0BOB", "U0CAROL"}), "S0FIN": frozenset({"U0DAVE"})}


def settings(models=(), **changes) -> Settings:
    user = UserSection(user="U", role="R", warehouse="W")
    given = {"requesters": ("U0ALICE", "S0DATA"), "approvers": ("S0DATA",), **changes}
    return Settings(
        secrets=Secrets(),
        slack=SlackSection(channels=("C0INCIDENTS",)),
        policy=PolicySection(**given),
        people={},
        dbt=DbtSection(project_dir="."),
        warehouse=WarehouseSection(account="a", builder=user, promoter=user, prod_databases=("ANALYTICS",)),
        worker=WorkerSection(),
        models=models,
    )


SETTINGS = settings()


def refresh(asker: str = "U0ALICE", decided: tuple[str, ...] = ()) -> Refresh:
    return Refresh(
        id=42,
        state=State.AWAITING,
        revision=7,
        request=Request(model="fact_x"),
        asker=Actor(user_id=asker, team_id="T0DEMO"),
        channel="C0INCIDENTS",
        unique_id="model.shop.fact_x",
        name="fact_x",
        prod=Relation("ANALYTICS", "PROD", "FACT_X"),
        dev=Relation("DEV", "DEV_REFRESH_BOT", "FACT_X"),
        created_at=NOW,
        changed_at=NOW,
        digest="d1",
        decisions=tuple(
            Decision(approve=True, by=Actor(user_id=u, team_id="T0DEMO"), at=NOW, digest="d1") for u in decided
        ),
    )


def members(group: str) -> frozenset[str]:
    return GROUPS[group]


def judge(action, person, on=None, using=SETTINGS, lookup=members, home=HOME, **more):
    return decide(action, person, on or refresh(), using, lookup, home, **more)


@pytest.mark.parametrize(
    ("action", "person", "rule"),
    [
        ("ask", BOB, ""),
        ("ask", DAVE, "not a requester"),
        ("downstream", BOB, ""),
        ("cancel", ALICE, ""),
        ("cancel", BOB, ""),
        ("cancel", DAVE, "not the asker"),
        ("explain", ALICE, ""),
        ("explain", DAVE, "not the asker"),
        ("drop_dev", CAROL, ""),
        ("approve", ALICE, "four eyes"),
        ("approve", BOB, ""),
        ("approve", DAVE, "not an approver"),
        ("reject", ALICE, "four eyes"),
        ("waive", ALICE, "four eyes"),
        ("waive", CAROL, ""),
        ("accept", ALICE, "four eyes"),
        ("undo", ALICE, ""),
        ("undo", DAVE, "not an approver"),
        ("happened", ALICE, ""),
        ("unhold", DAVE, "not an approver"),
    ],
)
def test_who_may_press_what(action, person, rule):
    answer = judge(action, person)
    assert answer == Allowed() if not rule else isinstance(answer, Denied) and answer.rule == rule


def test_the_asker_who_is_no_approver_still_cancels_and_explains_but_does_not_approve():
    mine = refresh(asker="U0DAVE")
    assert judge("explain", DAVE, mine) == judge("cancel", DAVE, mine) == Allowed()
    assert judge("approve", DAVE, mine).rule == "not an approver"


def test_four_eyes_names_who_can():
    answer = judge("approve", ALICE)
    assert answer.text == ("You asked for R42, so someone else approves it (four eyes). <@U0BOB> and <@U0CAROL> can.")
    alone = settings(approvers=("U0ALICE",))
    assert "Nobody else is an approver" in judge("approve", ALICE, using=alone).text


def test_four_eyes_can_be_switched_off():
    assert judge("approve", ALICE, using=settings(four_eyes=False)) == Allowed()


def test_quorum_counts_different_people_on_the_same_digest():
    two = settings(quorum=2)
    once = refresh(decided=("U0BOB",))
    assert policy.missing(once, two) == 1
    assert judge("approve", BOB, once, two).rule == "already approved"
    assert "still needs 1 more. <@U0CAROL> can." in judge("approve", BOB, once, two).text
    assert judge("approve", CAROL, once, two) == Allowed()
    assert policy.missing(refresh(decided=("U0BOB", "U0BOB")), two) == 1
    assert policy.missing(replace(once, digest="d2"), two) == 2
    assert judge("approve", BOB, replace(once, digest="d2"), two) == Allowed()


def test_a_models_own_approvers_take_the_place_of_the_general_ones():
    own = settings(models=(ModelSection(match="fact_*", approvers=("S0FIN",)),))
    assert judge("approve", DAVE, using=own) == Allowed()
    assert judge("approve", BOB, using=own).rule == "not an approver"
    assert decide("hold", DAVE, None, own, members, HOME, model="fact_x") == Allowed()
    assert decide("hold", BOB, None, own, members, HOME, model="dim_y") == Allowed()
    assert isinstance(decide("unhold", DAVE, None, own, members, HOME, model="dim_y"), Denied)


def by_yaml(decided=(), **rules):
    """A refresh whose model's YAML says who approves it."""
    planned = replace(plan(), name="fact_x", rules=replace(plan().rules, **rules))
    return replace(refresh(decided=decided), plan=planned)


def test_a_models_yaml_may_only_narrow_who_approves():
    """Who may merge to the dbt branch does not decide who may write to production."""
    for named in (("S0FIN",), ("U0DAVE",), ("S0FIN", "U0DAVE")):
        theirs = by_yaml(approvers=named)
        assert judge("approve", DAVE, theirs).rule == "not an approver"
        assert policy.candidates("approve", theirs, SETTINGS, members) == ()
    mine = by_yaml(approvers=("U0CAROL",))
    assert judge("approve", CAROL, mine) == Allowed()
    assert judge("approve", BOB, mine).rule == "not an approver"
    assert policy.candidates("approve", mine, SETTINGS, members) == ("U0CAROL",)
    assert judge("approve", CAROL, by_yaml(approvers=("U0CAROL",)), settings(approvers=())).rule == "not configured"


def test_a_models_yaml_may_only_ask_for_more_eyes():
    assert policy.missing(by_yaml(decided=("U0BOB",), quorum=2), SETTINGS) == 1
    assert policy.quorum(by_yaml(quorum=1), settings(quorum=2)) == 2
    section = (ModelSection(match="fact_*", quorum=3),)
    assert policy.quorum(by_yaml(quorum=2), settings(models=section)) == 3
    assert policy.quorum(by_yaml(), settings(models=(ModelSection(match="fact_*", quorum=1),), quorum=2)) == 1


def test_an_operator_may_let_a_models_yaml_replace_the_policy():
    free = settings(quorum=2, model_policy="replace")
    theirs = by_yaml(approvers=("S0FIN",), quorum=1)
    assert judge("approve", DAVE, theirs, free) == Allowed()
    assert judge("approve", BOB, theirs, free).rule == "not an approver"
    assert policy.quorum(theirs, free) == 1
    assert policy.source("fact_x", theirs.plan.rules, free) == "by the model's YAML (`model_policy = replace`)"


def test_where_the_rule_comes_from_is_said():
    own = by_yaml(approvers=("U0CAROL",)).plan.rules
    section = settings(models=(ModelSection(match="fact_*", quorum=2),))
    assert policy.source("fact_x", None, SETTINGS) == "by `[policy]`"
    assert policy.source("fact_x", own, SETTINGS) == "by `[policy]`, made stricter by the model's YAML"
    assert policy.source("fact_x", None, section) == "by `[[models]] fact_*` of `refresh.toml`"


lists = st.lists(st.sampled_from(["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "S0DATA", "S0FIN"]), max_size=3).map(tuple)


@given(lists, lists, st.integers(1, 3), st.integers(1, 3), st.sampled_from([ALICE, BOB, CAROL, DAVE]))
def test_no_yaml_makes_the_policy_weaker(operators, models, needed, own, person):
    using, theirs = settings(approvers=operators, quorum=needed), by_yaml(approvers=models, quorum=own)
    assert policy.quorum(theirs, using) >= needed
    if judge("approve", person, theirs, using) == Allowed():
        assert judge("approve", person, refresh(), using) == Allowed()
    for user in policy.candidates("approve", theirs, using, members):
        assert judge("approve", Person(user, "T0DEMO"), theirs, using) == Allowed()


def test_who_changed_what_is_asked_for_counts_as_an_asker():
    """To add columns, explain them and approve them would be one pair of eyes."""
    changed = replace(refresh(), changers=(Actor(user_id="U0BOB", team_id="T0DEMO"),))
    for action in sorted(policy.OTHER_APPROVER):
        assert judge(action, BOB, changed).rule == judge(action, ALICE, changed).rule == "four eyes"
        assert judge(action, CAROL, changed) == Allowed()
    assert judge("approve", BOB, changed).text == (
        "You changed what R42 asks for, so someone else approves it (four eyes). <@U0CAROL> can."
    )
    assert judge("explain", BOB, changed) == Allowed()
    assert judge("approve", BOB, changed, settings(four_eyes=False)) == Allowed()


def test_an_approval_in_time_may_be_acted_on_for_as_long_as_a_step_may_take():
    waiting = replace(refresh(), expires_at=NOW + timedelta(hours=24))
    assert policy.act_until(waiting, NOW, SETTINGS) == NOW + timedelta(hours=24)
    late = NOW + timedelta(hours=23)
    assert policy.act_until(waiting, late, SETTINGS) == late + SETTINGS.worker.step_deadline
    assert policy.act_until(replace(waiting, expires_at=None), NOW, SETTINGS) is None


def test_who_approved_may_still_reject_and_waive():
    once = refresh(decided=("U0BOB",))
    assert judge("reject", BOB, once, settings(quorum=2)) == judge("waive", BOB, once, settings(quorum=2)) == Allowed()


def test_who_can_is_said_of_what_was_pressed():
    """Nobody approves what they asked for, but they may undo it."""
    assert policy.candidates("approve", refresh("U0BOB"), SETTINGS, members) == ("U0ALICE", "U0CAROL")
    assert policy.candidates("undo", refresh("U0BOB"), SETTINGS, members) == ("U0ALICE", "U0BOB", "U0CAROL")
    assert policy.candidates("hold", None, SETTINGS, members, "fact_x") == ("U0ALICE", "U0BOB", "U0CAROL")


def test_where_nobody_is_configured_that_is_said():
    nobody = settings(requesters=(), approvers=())
    assert judge("ask", BOB, using=nobody).rule == judge("approve", BOB, using=nobody).rule == "not configured"


def test_a_bot_that_does_not_know_its_own_workspace_lets_nobody_in():
    assert judge("approve", Person("U0BOB", ""), home=Home("")).rule == "workspace"
    assert judge("approve", Person("", "T0DEMO"), using=settings(approvers=("", "S0DATA"))).rule == "bot"


def broken(group: str) -> frozenset[str]:
    raise LookupFailed("usergroups.users.list")


def test_a_look_up_that_fails_is_neither_yes_nor_no_unless_the_person_is_named():
    with pytest.raises(LookupFailed):
        judge("approve", BOB, lookup=broken)
    named = settings(approvers=("U0BOB", "S0DATA"))
    assert judge("approve", BOB, using=named, lookup=broken) == Allowed()
    assert judge("approve", ALICE, using=settings(approvers=("U0ALICE", "S0DATA")), lookup=broken).rule == "four eyes"


def test_a_mistake_of_ours_is_not_taken_for_a_silent_slack():
    def wrong(group: str) -> frozenset[str]:
        raise TypeError("ours")

    for person in (BOB, ALICE):
        with pytest.raises(TypeError):
            judge("approve", person, lookup=wrong, using=settings(approvers=("U0ALICE", "S0DATA")))


def test_same_organisation_on_enterprise_grid():
    grid = Home("T0DEMO", "E1")
    assert judge("approve", Person("U0BOB", "T0OTHER", "E1"), home=grid) == Allowed()
    assert judge("approve", Person("U0BOB", "T0OTHER", "E2"), home=grid).rule == "workspace"
    assert judge("approve", Person("U0BOB", "T0OTHER", ""), home=HOME).rule == "workspace"


actions = st.sampled_from(sorted(ACTIONS))
users = st.sampled_from(["U0ALICE", "U0BOB", "U0CAROL", "U0DAVE"])


@given(
    actions,
    users,
    st.sampled_from(["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger", "team"]),
    users,
    st.booleans(),
)
def test_outsiders_never_count(action, user, flaw, asker, four_eyes):
    person = Person(user, "T0OTHER") if flaw == "team" else Person(user, "T0DEMO", **{flaw: True})
    everybody = ("U0ALICE", "U0BOB", "U0CAROL", "U0DAVE", "S0DATA")
    generous = settings(requesters=everybody, approvers=everybody, four_eyes=four_eyes)
    answer = judge(action, person, refresh(asker=asker), generous)
    assert isinstance(answer, Denied)
    assert answer.text


@given(actions, users, users)
def test_an_empty_configuration_allows_nobody_but_the_asker_to_tidy_up(action, user, asker):
    answer = judge(action, Person(user, "T0DEMO"), refresh(asker=asker), settings(requesters=(), approvers=()))
    assert (answer == Allowed()) == (user == asker and action in policy.ASKER_OR_APPROVER)


@given(actions, st.sampled_from([ALICE, BOB, CAROL, DAVE]), users, st.integers(1, 3), st.lists(users, max_size=3))
def test_four_eyes_hold_whatever_else_is_set(action, person, asker, needed, decided):
    answer = judge(action, person, refresh(asker, tuple(decided)), settings(quorum=needed))
    if action in policy.OTHER_APPROVER and person.user_id == asker:
        assert isinstance(answer, Denied)
    if isinstance(answer, Denied):
        assert answer.rule
        assert answer.text


def test_every_action_has_words_and_an_unknown_one_is_denied():
    from bot.wording.rules import VERBS

    assert set(VERBS) >= ACTIONS
    assert judge("format_disk", BOB).rule == "unknown action"


EVERY = timedelta(hours=4)


def reminded(until: timedelta, every_check: timedelta) -> list[timedelta]:
    """How long after the last change people are reminded, by a timer that looks this often."""
    waiting, last, found, gone = refresh(), None, [], timedelta()
    while (gone := gone + every_check) <= until:
        if policy.reminder(waiting, last, EVERY, waiting.changed_at + gone):
            last = waiting.changed_at + gone
            found.append(gone)
    return found


def test_reminders_come_at_growing_pauses_and_end():
    assert reminded(timedelta(days=30), timedelta(minutes=30)) == [EVERY * n for n in (1, 3, 7, 15, 31)]


def test_after_a_long_absence_of_the_worker_one_reminder_is_enough():
    assert reminded(timedelta(days=2), timedelta(days=1)) == [timedelta(days=1), timedelta(days=2)]


def test_whatever_is_done_begins_the_pauses_anew():
    before = refresh()
    told = replace(before, changed_at=before.changed_at + 2 * EVERY)
    assert policy.reminder(told, before.changed_at + EVERY, EVERY, told.changed_at) == 0
    assert policy.reminder(told, before.changed_at + EVERY, EVERY, told.changed_at + EVERY) == 1
