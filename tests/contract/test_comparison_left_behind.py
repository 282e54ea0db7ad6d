"""What a backfill leaves behind: what the model would also change, never deletes, or cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot import left_behind, scope
from bot.inspection import column
from bot.model import Finding, Relation, Verdict
from bot.scope import with_grain
from tests.contract.comparisons import BACKFILL, BASE, DAILY, DirectSession

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
MODEL = "SELECT {list} FROM ({base}) t WHERE DAY >= '2026-04-01'"
EVERY = '"DAY", "CHAIN", "VOLUME", "FEES", "KIND", "TOP"'
BASE_IN_SNOWFLAKE = """
SELECT DATEADD('day', FLOOR(i / 5), '2026-03-01'::DATE)::DATE AS DAY, 'chain' || (i % 5) AS CHAIN, (1000 + i)::NUMBER(38,2) AS VOLUME,
  (i * 2)::NUMBER(38,2) AS FEES, CASE WHEN i % 2 = 0 THEN 'spot' ELSE 'perp' END AS KIND, i % 10 = 0 AS TOP
FROM (SELECT ROW_NUMBER() OVER (ORDER BY g) - 1 AS i FROM (SELECT 1 AS g FROM (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) a (x)
  CROSS JOIN (VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)) b (x) CROSS JOIN (VALUES (1),(2)) c (x)) q) numbers
"""


def left(session: DirectSession, model: str, candidate: str = "SELECT * FROM {b}", **kept: Any) -> Finding:
    base, cand = session.tables(BASE, candidate)
    rows = session.rows("checks/columns", {}, baseline=base, candidate=cand)
    before, after = (tuple(column(r) for r in rows if r["side"] == s) for s in ("baseline", "candidate"))
    made = scope.build(base, cand, (before, after), BACKFILL, DAILY)
    made = replace(with_grain(made, ("DAY", "CHAIN"), "meta"), unique=kept.get("unique", True))
    own = Relation("DEV", "BOT", "M")
    return left_behind.check(
        session, made, left_behind.Model(sql=model, own=own, frozen=base), {c.name: c for c in after}
    )  # pyright: ignore


def test_nothing_is_left_behind_when_the_model_says_the_same(session: DirectSession) -> None:
    finding = left(session, MODEL.format(list=EVERY, base=BASE_IN_SNOWFLAKE))
    assert finding.verdict is PASS
    assert (finding.numbers["rows"], finding.numbers["columns_compared"]) == (10, 4)


def test_columns_that_would_also_change_are_named(session: DirectSession) -> None:
    fees = MODEL.format(list='"DAY", "CHAIN", "VOLUME", "FEES" + 1 AS "FEES", "KIND", "TOP"', base=BASE_IN_SNOWFLAKE)
    finding = left(session, fees)
    assert (finding.verdict, finding.waivable) == (FAIL, True)
    assert finding.numbers["columns"] == ["FEES"]
    assert finding.numbers["by_column"] == ["FEES: 10"]
    assert finding.examples[0]["column"] == "FEES"
    moved = left(session, MODEL.format(list='"DAY", "CHAIN", 0 AS "VOLUME"', base=BASE_IN_SNOWFLAKE))
    assert (moved.numbers["columns"], moved.numbers["moved"]) == ([], ["VOLUME"])


def test_rows_that_a_merge_never_deletes_are_left_behind(session: DirectSession) -> None:
    fewer = MODEL.format(list=EVERY, base=BASE_IN_SNOWFLAKE) + " AND CHAIN <> 'chain2'"
    finding = left(session, fewer)
    assert (finding.verdict, finding.numbers["only_candidate"], finding.numbers["columns"]) == (FAIL, 2, [])
    more = left(session, MODEL.format(list=EVERY, base=BASE_IN_SNOWFLAKE), "SELECT * FROM {b} WHERE CHAIN <> 'chain2'")
    assert more.numbers["only_model"] == 2


def test_a_column_that_the_merge_appended_is_left_behind_empty(session: DirectSession) -> None:
    model = MODEL.format(list=f'{EVERY}, 7 AS "NEW"', base=BASE_IN_SNOWFLAKE)
    finding = left(session, model, 'SELECT *, NULL::BIGINT AS "NEW" FROM {b}')
    assert (finding.verdict, finding.numbers["by_column"]) == (FAIL, ["NEW: 10"])
    assert finding.examples[0]["column"] == "NEW"
    assert left(session, model, 'SELECT *, 7::BIGINT AS "NEW" FROM {b}').verdict is PASS


def test_what_the_model_read_as_its_own_table_is_the_baseline(session: DirectSession) -> None:
    own = f'SELECT {EVERY} FROM DEV.BOT.M WHERE DAY >= (SELECT MIN(m.DAY) FROM "DEV"."BOT"."M" m)'
    assert left(session, own).verdict is PASS


@pytest.mark.parametrize(
    ("model", "unique", "reason"),
    [
        ("", True, "not compiled"),
        ("SELEC (", True, "not readable"),
        ("SELECT 1 AS X", True, "no key"),
        ("SELECT 1", False, "no key"),
    ],
)
def test_a_model_that_cannot_be_asked_is_unknown(session: DirectSession, model: str, unique: bool, reason: str) -> None:
    finding = left(session, model, unique=unique)
    assert (finding.verdict, finding.waivable, finding.numbers["reason"]) == (UNKNOWN, True, reason)
