"""What the warehouse shows against what the database knows; pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import names, queries
from bot.model import Kind, Relation, Trace
from bot.reconcile import Known, Seen, concerns, fences, foreign, unrecorded
from bot.session import HistoryRow
from bot.wording import reconcile as say
from tests.refreshes import AT, PROD, queued

OURS, OTHERS = "abc123", "def456"
BACKUP = names.backup(queued(7), "BACKUPS", OURS, 3)
NOTHING = Known(intended=set(), recorded=set())


def replacement(
    *, tag: str = f"dbt-refresh:{OURS}:R7:promote:one", status: str = "SUCCESS", table: Relation = PROD
) -> HistoryRow:
    text = queries.clone(BACKUP, table, Kind.TRANSIENT, replace=True, copy_grants=True)
    return HistoryRow(query_id="q", status=status, started=AT, text=text, tag=tag)


def found(*rows: HistoryRow, known: Known = NOTHING, tables: dict[Relation, object] | None = None) -> list[Trace]:
    seen = Seen(replacements=rows, tables=dict.fromkeys(tables or {}, AT))
    return [one.trace for one in unrecorded(seen, known, OURS)]


def test_a_replacement_of_an_attempt_that_no_intent_knows_is_found() -> None:
    (one,) = unrecorded(Seen(replacements=(replacement(),)), NOTHING, OURS)
    assert (one.key, one.trace, one.ref, one.table, one.source) == ("one", Trace.PROMOTION, "R7", PROD, BACKUP)
    assert found(replacement(tag=f"dbt-refresh:{OURS}:R7:undo:two")) == [Trace.UNDO]
    assert found(replacement(), known=replace(NOTHING, intended={"one"})) == []


@pytest.mark.parametrize("status", ["SUCCESS", "RUNNING", "QUEUED", "WHAT SNOWFLAKE MAY SAY ONE DAY"])
def test_only_a_failure_did_nothing(status: str) -> None:
    assert found(replacement(status=status)) == [Trace.PROMOTION]
    assert found(replacement(status="FAILED_WITH_ERROR"), replacement(status="FAILED_WITH_INCIDENT")) == []


@pytest.mark.parametrize(
    "tag",
    [
        "",
        f"dbt-refresh:{OTHERS}:R7:promote:one",
        f"dbt-refresh:{OURS}:R7:promote:one:look",
        f"dbt-refresh:{OURS}:R7:build",
        f"dbt-refresh:{OURS}:reconcile",
        f"x dbt-refresh:{OURS}:R7:promote:one",
    ],
)
def test_what_is_not_our_promotion_or_undo_is_left_alone(tag: str) -> None:
    assert found(replacement(tag=tag)) == []


def test_tables_of_ours_that_are_not_recorded_are_found_and_those_of_others_named() -> None:
    theirs = names.backup(queued(7), "BACKUPS", OTHERS, 3)
    lookalike = BACKUP.renamed(f"{BACKUP.name} of Bob")
    candidate = names.candidate(queued(7), OURS, "CLICK4")
    kept = names.before_undo(queued(7), "BACKUPS", OURS, 5)  # rows of others, which nobody else has any more
    tables = dict.fromkeys([BACKUP, kept, theirs, lookalike, candidate, PROD])
    assert found(tables=tables) == [Trace.BACKUP, Trace.BEFORE_UNDO, Trace.CANDIDATE]
    assert found(tables=tables, known=replace(NOTHING, recorded={BACKUP, kept})) == [Trace.CANDIDATE]
    (one,) = unrecorded(Seen(tables={kept: AT}), NOTHING, OURS)
    assert not concerns(one, PROD)  # the undo that came after it does
    assert "a copy of production with rows of others" in say.line(one, AT)
    assert foreign(tables, OURS) == [theirs]


def test_a_backup_concerns_the_tables_of_its_name_in_its_database() -> None:
    (one,) = unrecorded(Seen(tables={BACKUP: AT}), NOTHING, OURS)
    assert concerns(one, PROD)
    assert concerns(one, Relation(PROD.database, "OTHER", PROD.name))  # the name does not tell the schema
    assert not concerns(one, PROD.renamed("EZ_METRIC"))
    assert not concerns(one, Relation("OTHER", PROD.schema, PROD.name))
    (left,) = unrecorded(Seen(tables={names.candidate(queued(7), OURS, 1): AT}), NOTHING, OURS)
    assert not concerns(left, left.table)  # what is left in dev says nothing about production


def test_no_fence_and_no_id_of_the_lost_time_is_used_again() -> None:
    seen = Seen(
        replacements=(replacement(tag=f"dbt-refresh:{OURS}:R9:undo:x"),),
        tables={names.candidate(queued(7), OURS, n): AT for n in (2, 11, "CLICK99")},
    )
    assert fences(seen, OURS) == {9: 0, 7: 11}
    assert fences(seen, OTHERS) == {}


@given(
    name=st.text(min_size=1, max_size=255),
    number=st.integers(1, 10**6),
    attempt=st.integers(1, 10**6) | st.integers(1, 99).map(lambda n: f"CLICK{n}"),
)
def test_every_name_that_we_give_is_read_back(name: str, number: int, attempt: int | str) -> None:
    refresh = replace(queued(number), prod=PROD.renamed(name))
    for name_of, trace in ((names.backup, Trace.BACKUP), (names.before_undo, Trace.BEFORE_UNDO)):
        table = name_of(refresh, "BACKUPS", OURS, attempt)
        made = names.made(table.name)
        assert made is not None
        assert (made.trace, made.ref, made.installation, made.attempt) == (trace, f"R{number}", OURS, str(attempt))
        assert made.of(refresh.prod, table.name)
        assert len(table.name) <= 255


def test_the_words_say_what_was_found_and_what_to_do() -> None:
    promoted = replacement()
    undone = replace(replacement(tag=f"dbt-refresh:{OURS}:R7:undo:two", status="RUNNING"), started=AT)
    seen = Seen(replacements=(promoted, undone), tables={BACKUP: AT})
    text = say.older_than_production(PROD, unrecorded(seen, NOTHING, OURS), AT + timedelta(hours=1))
    assert "R7 was promoted 14:00 UTC, R7 was undone 14:00 UTC (running) and the backup `ETHEREUM.BACKUPS." in text
    assert "nothing is sent to this table" in text
    assert "`dbt-refresh reconcile`" in text
