"""The reader of chaos sees each outcome that is forbidden: small threads and logs made by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bench.readers import Counts, Seen, asked_twice, count, not_seen, unapproved

COUNTED = ("lost", "promoted_twice", "wrong", "messages_lost", "messages_doubled", "buttons_left")
RESULT = "result file"
START = ("card", "plan")
COMPARED = (*START, RESULT, "ready")
AUDITED = ("audit_start", "audit_change", "audit_end")


def thread(*topics: str, begin: int = 1) -> list[dict[str, Any]]:
    return [message(topic, revision) for revision, topic in enumerate(topics, begin)]


def message(topic: str, revision: int, *buttons: str) -> dict[str, Any]:
    if topic == RESULT:  # an upload carries no key
        return {"text": "What was compared", "files": [{"title": "details.txt"}]}
    elements = [{"action_id": action} for action in buttons]
    payload = {"key": f"R1/{revision}/{topic}"}
    return {"text": topic, "metadata": {"event_payload": payload}, "blocks": [{"elements": elements}]}


def card(state: str, *topics: str) -> Seen:
    return Seen(ref="R1", model="m_00", state=state, thread=thread(*topics))


def counted(*cards: Seen, log: tuple[str, ...] = (), audit: tuple[str, ...] = AUDITED, told: str = "") -> Counts:
    audited = Counter(f"R1/{topic}" for topic in audit)
    return count({"R1"}, list(cards), {told} - {""}, Counter(log), audited)


def breaches(counts: Counts) -> dict[str, int]:
    return {name: n for name in COUNTED if (n := getattr(counts, name))}


DONE = card("done", *COMPARED, "promoted")
UNDONE = card("undone", *COMPARED, "promoted", "undone")
NOTHING = card("cancelled", *START, RESULT, "nothing")
TWICE = card("done", *COMPARED, "withdrawn", RESULT, "ready", "promoted")


@pytest.mark.parametrize(
    ("good", "log", "audit"),
    [
        (DONE, ("R1",), AUDITED),
        (TWICE, ("R1",), AUDITED),
        (card("done", *COMPARED, "faulty", "accepted"), ("R1",), AUDITED),
        (card("needs a person", *COMPARED, "needs_attention"), ("R1",), ("audit_start",)),
        (card("waiting for approval", *COMPARED), (), ("audit_start",)),
        (NOTHING, (), AUDITED),
        (card("cancelled", *START, "cancelled"), (), AUDITED),
        (card("rejected", *COMPARED, "rejected"), (), AUDITED),
        (card("expired", *COMPARED, "expired"), (), AUDITED),
        (card("failed", *START, "failed"), (), AUDITED),
    ],
    ids=lambda value: value.state if isinstance(value, Seen) else "",
)
def test_what_is_allowed_is_no_breach(good: Seen, log: tuple[str, ...], audit: tuple[str, ...]) -> None:
    assert breaches(counted(good, log=log, audit=audit)) == {}


def test_an_undo_ends_it_a_second_time() -> None:
    log = ("R1", "R1 undo")
    audited = Counter({"R1/1/audit_start": 1, "R1/5/audit_change": 1, "R1/6/audit_end": 1, "R1/7/audit_end": 1})
    assert breaches(count({"R1"}, [UNDONE], set(), Counter(log), audited)) == {}
    del audited["R1/7/audit_end"]
    assert breaches(count({"R1"}, [UNDONE], set(), Counter(log), audited)) == {"messages_lost": 1}


@pytest.mark.parametrize("state", ["cancelled", "rejected", "expired", "failed"])
def test_a_replacement_of_what_ended_untouched_is_wrong(state: str) -> None:
    assert breaches(counted(card(state, *COMPARED, state), log=("R1",))) == {"wrong": 1}


@pytest.mark.parametrize("key", ["REFRESH_PROMOTER ", "REFRESH_BUILDER R1", "R2", "R1 undo"])
def test_a_replacement_that_no_card_explains_is_wrong(key: str) -> None:
    assert breaches(counted(DONE, log=("R1", key))) == {"wrong": 1}


def test_a_replacement_before_anybody_approved_is_wrong() -> None:
    waiting = card("waiting for approval", *COMPARED)
    assert breaches(counted(waiting, log=("R1",), audit=("audit_start",))) == {"wrong": 1}


def test_a_replacement_of_what_was_said_to_be_cancelled_is_wrong() -> None:
    assert breaches(counted(log=("R1",), told="R1")) == {"wrong": 1}


def test_two_replacements_of_one_refresh() -> None:
    assert breaches(counted(DONE, log=("R1", "R1"))) == {"promoted_twice": 1}


@pytest.mark.parametrize("state", ["done", "promoted, but verification failed"])
def test_done_without_the_statement_is_lost(state: str) -> None:
    own = "promoted" if state == "done" else "faulty"
    assert breaches(counted(card(state, *COMPARED, own))) == {"lost": 1}


def test_a_refresh_of_which_nobody_hears_more_is_lost() -> None:
    assert breaches(counted(audit=())) == {"lost": 1}


def test_two_cards_of_one_refresh_are_a_message_doubled() -> None:
    again = Seen(ref="R1", model="m_00", state="queued", thread=thread("card"))
    assert breaches(counted(DONE, again, log=("R1",))) == {"messages_doubled": 1}
    other = replace(again, thread=thread("card", begin=99))
    assert breaches(counted(DONE, other, log=("R1",))) == {"messages_doubled": 1}


@pytest.mark.parametrize("missing", range(len(TWICE.thread)))
def test_a_post_that_is_lost(missing: int) -> None:
    kept = [m for n, m in enumerate(TWICE.thread) if n != missing]
    found = breaches(counted(replace(TWICE, thread=kept), log=("R1",)))
    seen_while_it_lasts = TWICE.thread[missing]["text"] == "withdrawn"
    # Without the first request for a decision its result looks like one too many.
    assert sum(found.values()) == (0 if seen_while_it_lasts else 1)
    assert found.keys() <= {"messages_lost", "messages_doubled"}


@pytest.mark.parametrize("doubled", range(len(TWICE.thread)))
def test_a_post_that_is_doubled(doubled: int) -> None:
    twice = [*TWICE.thread[:doubled], TWICE.thread[doubled], *TWICE.thread[doubled:]]
    assert breaches(counted(replace(TWICE, thread=twice), log=("R1",))) == {"messages_doubled": 1}


def test_one_result_lost_and_the_other_doubled() -> None:
    uneven = card("done", *START, "ready", "withdrawn", RESULT, RESULT, "ready", "promoted")
    assert breaches(counted(uneven, log=("R1",))) == {"messages_lost": 1, "messages_doubled": 1}


@pytest.mark.parametrize("state", ["rejected", "expired", "failed", "cancelled"])
def test_the_post_of_an_end_that_is_lost(state: str) -> None:
    assert breaches(counted(card(state, *COMPARED))) == {"messages_lost": 1}


@pytest.mark.parametrize(
    ("state", "topics"), [("withdrawn, waiting for a person", COMPARED), ("needs a person", COMPARED)]
)
def test_the_post_of_what_waits_for_people_that_is_lost(state: str, topics: tuple[str, ...]) -> None:
    assert breaches(counted(card(state, *topics), audit=("audit_start",))) == {"messages_lost": 1}


@pytest.mark.parametrize("missing", AUDITED)
def test_a_line_of_the_audit_channel_that_is_lost_or_doubled(missing: str) -> None:
    audit = tuple(topic for topic in AUDITED if topic != missing)
    assert breaches(counted(DONE, log=("R1",), audit=audit)) == {"messages_lost": 1}
    assert breaches(counted(DONE, log=("R1",), audit=(*AUDITED, missing))) == {"messages_doubled": 1}


@pytest.mark.parametrize(
    ("state", "button", "left"), [("done", "approve", 1), ("done", "undo", 0), ("undone", "undo", 1)]
)
def test_buttons_that_an_ended_refresh_keeps(state: str, button: str, left: int) -> None:
    ended = DONE if state == "done" else UNDONE
    kept = replace(ended, thread=[*ended.thread, message("plan_b", 50, button)])
    assert counted(kept, log=("R1", "R1 undo")).buttons_left == left


REFUSED = message("needs_attention", 50)
REFUSED["text"] = "Snowflake refused the statement, so production was not replaced: no."


@pytest.mark.parametrize(("undone", "log"), [(False, ("R1",)), (True, ("R1", "R1 undo"))])
def test_a_replacement_that_its_card_calls_refused_is_wrong(undone: bool, log: tuple[str, ...]) -> None:
    before = DONE.thread if undone else thread(*COMPARED)
    denied = Seen(ref="R1", model="m_00", state="needs a person", thread=[*before, REFUSED])
    audit = ("audit_start", "audit_change", "audit_end")[: 3 if undone else 1]
    assert breaches(counted(denied, log=log, audit=audit)) == {"wrong": 1}
    assert breaches(counted(denied, log=log[:-1], audit=audit)) == {}
    assert denied.only_refused()
    assert not replace(denied, thread=[*denied.thread, message("needs_attention", 60)]).only_refused()


def delivery(user: str, action: str) -> dict[str, Any]:
    payload = {"user": {"id": user}, "actions": [{"action_id": action, "value": '{"r": 1, "v": 5}'}]}
    return {"envelope": "interactive", "payload": payload, "response": None}


@pytest.mark.parametrize(
    ("pressed", "quorum", "breach"),
    [
        ([("bob", "approve")], 1, False),
        ([("bob", "approve"), ("bob", "approve")], 2, True),
        ([("bob", "approve"), ("carol", "approve")], 2, False),
        ([("bob", "approve"), ("alice", "approve")], 2, True),
        ([("bob", "approve"), ("carol", "reject")], 2, True),
        ([("alice", "approve")], 1, True),
        ([], 1, True),
    ],
)
def test_a_replacement_that_too_few_approved(pressed: list[tuple[str, str]], quorum: int, breach: bool) -> None:
    deliveries = [delivery(*one) for one in pressed]
    found = unapproved(deliveries, [DONE], Counter(["R1"]), {"m_00": quorum}, "alice")
    assert found == ({"R1"} if breach else set())
    assert unapproved(deliveries, [DONE], Counter(), {"m_00": quorum}, "alice") == set()


def test_a_command_that_begins_two_refreshes() -> None:
    def command(trigger: str, ref: str) -> dict[str, Any]:
        said = {"text": f"*{ref}* is on its way"}
        return {"envelope": "slash_commands", "payload": {"trigger_id": trigger}, "response": said}

    assert asked_twice([command("1", "R1"), command("1", "R1"), command("2", "R2")]) == 0
    assert asked_twice([command("1", "R1"), command("1", "R2")]) == 1


def test_a_refusal_over_a_table_that_others_own_tells_of_one_refresh() -> None:
    told = [{"text": "`ANALYTICS.PROD.M_00` does not exist yet, or I may not see it: more."}]
    assert not_seen(told, {"R1": "m_00", "R2": "m_01", "R3": "m_00"}) == {"R1"}
    assert not_seen([], {"R1": "m_00"}) == set()
