"""`dbt-refresh compare`: verdicts as exit codes, stable JSON, a report that fits a terminal."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from rich.console import Console

from bot import compare_cli
from bot.comparison import Comparison, Pair
from bot.model import Report
from tests.contract.comparisons import DirectSession

BASE = """SELECT ('2026-04-01'::DATE + i::INT) AS "DAY", (i * 10 + 10)::DECIMAL(38,2) AS "FEES", i AS "N" FROM range(20) r(i)"""
FIXED = "SELECT * REPLACE (CASE WHEN DAY = '2026-04-10' THEN 5 ELSE FEES END::DECIMAL(38,2) AS \"FEES\") FROM {b}"
FEWER = "SELECT * FROM {b} WHERE N > 3"
CLOCKED = 'SELECT * REPLACE (UPDATED_AT + INTERVAL 1 DAY AS "UPDATED_AT") FROM {b}'
DOCS = (Path(__file__).resolve().parents[2] / "docs" / "compare.md").read_text(encoding="utf-8")
FIELDS = {
    "version", "prod", "dev", "mode", "where", "result", "rows", "changes", "findings", "outliers", "seconds", "statements",
    "query_ids",
}  # fmt: skip


def compared(
    session: DirectSession,
    candidate: str,
    *,
    since: date | None = None,
    columns: str = "",
    where: str = "",
    clock: str = "",
    base: str = BASE,
) -> tuple[Pair, Report]:
    asked = compare_cli.pair(
        "d.s.b", "d.s.c", grain="day", date_column="day", since=since, columns=columns, where=where, clock=clock
    )
    base, cand = session.tables(base, candidate)
    asked = replace(asked, baseline=base, candidate=cand)
    return asked, Comparison(session, asked, lambda text, share: None).run()  # pyright: ignore


@pytest.mark.parametrize(
    ("candidate", "given", "code"),
    [
        ("SELECT * FROM {b}", {}, 0),
        (FIXED, {}, 1),
        (FIXED, {"since": date(2026, 4, 10), "columns": "fees"}, 0),
        (FIXED, {"since": date(2026, 4, 10), "columns": "n"}, 1),
        (FIXED, {"since": date(2026, 4, 11), "columns": "fees"}, 1),
        (FIXED, {"where": "DAY < '2026-04-10'"}, 0),
        (FEWER, {}, 1),
        ("SELECT * FROM {b}", {"where": "N > 100"}, 2),  # no row on either side
        ('SELECT *, 1 AS "NEW" FROM {b}', {}, 1),
        ('SELECT *, 1 AS "NEW" FROM {b}', {"since": date(2026, 4, 10), "columns": "n"}, 1),  # nobody asked for it
        ('SELECT *, 1 AS "NEW" FROM {b}', {"since": date(2026, 4, 10), "columns": "n, new"}, 0),
    ],
)
def test_the_exit_code_says_whether_they_differ(session: DirectSession, candidate: str, given: dict, code: int) -> None:
    assert compare_cli.verdict(compared(session, candidate, **given)[1]) == code


def test_json_has_the_documented_fields_and_exact_values(session: DirectSession) -> None:
    asked, report = compared(session, FIXED)
    found = json.loads(compare_cli.as_json(asked, report, ["q1"]))
    assert set(found) == FIELDS
    assert (found["result"], found["query_ids"]) == ("different", ["q1"])
    assert found["changes"] == [{"column": "FEES", "history": 0, "window": 1, "allowed": True}]
    (outlier,) = found["outliers"]
    assert (outlier["before"], outlier["after"], outlier["day"]) == ("100", "5", "2026-04-10")
    parity = next(f for f in found["findings"] if f["name"] == "parity")
    assert parity["numbers"]["rows_changed"] == 1


def test_json_says_of_every_finding_which_statements_it_rests_on(session: DirectSession) -> None:
    asked, report = compared(session, FIXED)
    found = {f["name"]: f["query_ids"] for f in json.loads(compare_cli.as_json(asked, report, []))["findings"]}
    assert found["parity"] == ["proof"]
    assert found["schema"] == ["columns"]


LATER = 'SELECT * REPLACE (NULL AS "FEES") FROM {b} UNION ALL SELECT DAY + 30, 1e12, N + 30 FROM {b} WHERE N < 3'
TWICE = "SELECT * FROM {b} UNION ALL SELECT * FROM {b} WHERE N > 17"
OTHER = 'SELECT "DAY", "N"::INT AS "N", "FEES"::DOUBLE AS "FEES", 1 AS "NEW" FROM {b}'


def test_every_number_of_the_json_is_documented(session: DirectSession) -> None:
    documented = DOCS.split("## The numbers", 1)[1]
    backfill = {"since": date(2026, 4, 10), "columns": "fees"}
    for candidate in (FIXED, LATER, TWICE, OTHER, FEWER):
        for given in ({}, backfill):
            for finding in compared(session, candidate, **given)[1].findings:
                line = next(row for row in documented.splitlines() if row.startswith(f"| `{finding.name}`"))
                assert [name for name in finding.numbers if f"`{name}`" not in line + documented.split("|")[0]] == []


def said(session: DirectSession, candidate: str, width: int = 80, **given: object) -> str:
    asked, report = compared(session, candidate, **given)  # pyright: ignore
    out = io.StringIO()
    compare_cli.show(Console(file=out, width=width), asked, report)
    return out.getvalue()


def test_the_terminal_shows_a_line_a_check_and_the_largest_changes(session: DirectSession) -> None:
    text = said(session, FIXED)
    assert max(map(len, text.splitlines())) <= 80
    assert "│ 20 -> 20 rows; 0 keys removed, 0 new; 1 changed." in text
    assert "│ 3 columns, the same on both sides." in text
    assert "│ day (as asked): never NULL, never repeated." in text
    assert "2026-04-10   100    5   -95 %" in text
    assert "Different. " in text
    every = said(session, 'SELECT * REPLACE (FEES * 1e15 AS "FEES") FROM {b}')
    assert max(map(len, every.splitlines())) <= 80
    assert "200,000,000,000,000,000" in every  # on one line
    more = said(
        session,
        f'SELECT * REPLACE (FEES * 3 AS "FEES") FROM ({BASE} UNION ALL SELECT DAY + 40, 7, N + 40 FROM ({BASE}))',
    )
    assert "more value" not in more
    assert "2026-04-20" in more


def test_the_terminal_shows_the_rows_that_break_it(session: DirectSession) -> None:
    text = said(session, FEWER)
    assert "parity, for example" in text
    assert "2026-04-04  missing" in text
    twice = said(session, TWICE)
    assert "grain, for example" in twice
    assert "2026-04-19  2" in twice


@pytest.mark.parametrize(
    ("candidate", "given", "result"),
    [
        ("SELECT * FROM {b}", {}, "Equal. "),
        (CLOCKED, {}, "Different. "),  # its name proves nothing
        (CLOCKED, {"clock": "updated_at"}, "Equal, updated_at left out. "),
        (FIXED, {"since": date(2026, 4, 10), "columns": "fees"}, "Different only where it was asked for. "),
        (
            'SELECT *, 1 AS "NEW" FROM {b}',
            {"since": date(2026, 4, 10), "columns": "new"},
            "Different only where it was ",
        ),
        (FIXED, {}, "Different. "),
        ("SELECT * FROM {b}", {"where": "N > 100"}, "Could not be decided: neither table has a row. "),
    ],
)
def test_the_last_line_says_what_it_comes_to(session: DirectSession, candidate: str, given: dict, result: str) -> None:
    base = f'SELECT *, NOW()::TIMESTAMP AS "UPDATED_AT" FROM ({BASE})' if candidate == CLOCKED else BASE
    assert f"\n{result}" in said(session, candidate, base=base, **given)


@pytest.mark.parametrize(
    ("prod", "where", "columns"),
    [("b", "", ""), ("d.s.b", "TRUE; DROP TABLE x", ""), ("d.s.b", "1=1 -- x", ""), ("d.s.b", "", "fees")],
)
def test_what_cannot_be_meant_is_refused(prod: str, where: str, columns: str) -> None:
    with pytest.raises(ValueError, match=r"three-part|condition|--backfill-date"):
        compare_cli.pair(prod, "d.s.c", grain="", date_column="", since=None, columns=columns, where=where)


def test_names_are_listed_as_in_sql() -> None:
    asked = compare_cli.pair(
        "d.s.b", "d.s.c", grain='day, "my, key" ,"a ""b"""', date_column="", since=None, columns="", where=""
    )
    assert asked.rules.grain.columns == ("day", "my, key", 'a "b"')
