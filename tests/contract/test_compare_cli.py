"""`dbt-refresh compare`: verdicts as exit codes, stable JSON, a report that fits a terminal."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from rich.console import Console

from bot import compare_cli
from bot.comparison import Comparison, Pair
from bot.model import Report
from tests.contract.comparisons import DirectSession

BASE = """SELECT ('2026-04-01'::DATE + i::INT) AS "DAY", (i * 10 + 10)::DECIMAL(38,2) AS "FEES", i AS "N" FROM range(20) r(i)"""
FIXED = "SELECT * REPLACE (CASE WHEN DAY = '2026-04-10' THEN 5 ELSE FEES END::DECIMAL(38,2) AS \"FEES\") FROM {b}"
FIELDS = {
    "version", "prod", "dev", "mode", "where", "result", "rows", "changes", "findings", "outliers", "seconds", "statements",
    "query_ids",
}  # fmt: skip


@pytest.fixture(scope="module")
def session() -> Iterator[DirectSession]:
    made = DirectSession()
    yield made
    made.close()


def compared(
    session: DirectSession, candidate: str, *, since: date | None = None, columns: str = "", where: str = ""
) -> tuple[Pair, Report]:
    asked = compare_cli.pair(
        "d.s.b", "d.s.c", grain="day", date_column="day", since=since, columns=columns, where=where
    )
    base, cand = session.tables(BASE, candidate)
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
        ("SELECT * FROM {b} WHERE N > 3", {}, 1),
        ('SELECT *, 1 AS "NEW" FROM {b}', {}, 1),
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


def test_the_terminal_shows_a_line_a_check_and_the_largest_changes(session: DirectSession) -> None:
    asked, report = compared(session, FIXED)
    out = io.StringIO()
    compare_cli.show(Console(file=out, width=100), asked, report, 20)
    said = out.getvalue()
    assert "-95 %" in said
    assert "Different." in said
    assert all(f.name in said for f in report.findings if f.name != "parity:where")


@pytest.mark.parametrize(("prod", "where"), [("b", ""), ("d.s.b", "TRUE; DROP TABLE x"), ("d.s.b", "1=1 -- x")])
def test_what_cannot_be_meant_is_refused(prod: str, where: str) -> None:
    with pytest.raises(ValueError, match=r"three-part|condition"):
        compare_cli.pair(prod, "d.s.c", grain="", date_column="", since=None, columns="", where=where)
