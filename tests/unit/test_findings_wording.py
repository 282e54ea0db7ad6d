"""How findings read: one sentence each, the rows of those that fail, nothing that could be markup."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import checks, usual
from bot.model import Column, Finding, Mode, Verdict
from bot.model import TestResult as DbtTest
from bot.wording import findings
from bot.wording.failing import failing
from tests.unit.results import BUILD, COUNTS, OUTLIERS, SIDES, SPOT_ROW, made, refresh, scope
from tests.unit.samples import finding

WARN, FAIL, UNKNOWN = Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN


def said(finding: Finding) -> str:
    return findings.line(finding).replace("&gt;", ">").replace("&lt;", "<")


def test_parity_says_what_reached_further() -> None:
    counts = COUNTS | {"history_differ": 12, "h3": 12}
    parity = checks.parity_backfill(scope(), SIDES, counts)
    assert (
        said(parity)
        == "*Parity: fail.* 12 rows before 2026-04-08 differ in c0: the backfill reached further than asked."
    )
    lost = checks.parity_backfill(scope(), SIDES, {"window_missing": 1, "window_outside": 2})
    assert said(lost) == (
        "*Parity: fail.* 1 row of the window would be lost; 2 rows of the window changed in columns that were to stay."
    )


def test_a_sample_without_a_difference_did_not_reach_further() -> None:
    parity = checks.parity_backfill(replace(scope(), sample=8), SIDES, COUNTS)
    assert said(parity) == "*Parity: unknown.* Only one key in 8 was joined, so this is a sample."


def test_the_rows_of_a_failing_finding_read_like_the_thread_and_fit_a_phone() -> None:
    left = finding(
        "left behind", Verdict.FAIL, columns=["TOTAL_ECONOMIC_ACTIVITY"], by_column=["TOTAL_ECONOMIC_ACTIVITY: 1"],
        moved=[], only_candidate=0, only_model=0, repeated=0, since="2026-04-08",
    )  # fmt: skip
    row = {
        "date": "2026-04-08",
        "column": "TOTAL_ECONOMIC_ACTIVITY",
        "dev": "11290004102000000.00",
        "model": "5778204911.20",
    }
    told = failing(replace(left, examples=(row,)), waivable=True)
    assert told.splitlines()[1:] == [
        "```",
        "date    2026-04-08",
        "column  total_economic_activity",
        "dev     11,290,004,102,000,000.00",
        "model   5,778,204,911.20",
        "```",
        "*Rebuild* with these columns too, below; or an approver waives it, with a reason.",
    ]
    limits = finding(
        "sanity", Verdict.FAIL, rows_outside=1, rows_outside_before=1, columns_outside=["FEES"], columns_unknown=[],
        limits=["FEES: 0.0 to 1000.0"],
    )  # fmt: skip
    sides = tuple({"column": "FEES", "side": s, "least": "0", "most": "2000"} for s in ("baseline", "candidate"))
    told = failing(replace(limits, examples=sides), waivable=False)
    assert told.splitlines()[2:5] == [
        "column    side    least    most",
        "fees      prod    0        2,000",
        "fees      dev     0        2,000",
    ]
    assert told.endswith("Nobody may waive it: rebuild it, or reject.")


def test_a_key_stays_as_it_is_written() -> None:
    grain = finding("grain", Verdict.FAIL, grain=["ID"], duplicate_keys=1, duplicate_rows=2000, duplicate_keys_before=0,
        duplicate_rows_before=0, null_rows=0, null_rows_before=0, new_nan=[], old_nan=[])  # fmt: skip
    told = failing(replace(grain, examples=({"ID": "20260408", "rows": 2000},)), waivable=False)
    assert "20260408" in told
    assert "2,000" in told


def test_parity_of_a_full_refresh() -> None:
    sides = SIDES | {"candidate": SIDES["candidate"] | {"row_count": 2000}}
    parity = checks.parity_full(scope(Mode.FULL_REFRESH), sides, {"window_missing": 1032})
    assert said(parity) == (
        "*Parity: fail.* 2,000 rows where production has 3,032, less than 99 %; 1,032 keys of production would be removed."
    )
    keyless = replace(scope(Mode.FULL_REFRESH), keys=(), unique=False)
    assert "cannot be known" in said(checks.parity_full(keyless, SIDES, {"window_missing": 1, "window_new": 1}))


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (checks.spot_missing("none configured"), "No spot check is configured"),
        (checks.spot_missing("reads dev", "my_spot"), "my_spot reads from the dev schema"),
        (checks.spot_missing("Snowflake refused it (904)", "s"), "s could not be run: Snowflake refused it (904)."),
        (
            checks.spot(
                "s",
                [SPOT_ROW | {"d1": True, "t1": "9", "differ": 1}],
                [scope().columns[1]],
                ["DATE"],
                unseen=(),
                same_table=False,
            ),
            "1 of 1 value differs from s (2026-04-08 dex_volumes: source 1,676,204,911.20, dev 9).",
        ),
        (checks.spot("s", [], [], ["DATE"], unseen=("2026-04-08",), same_table=False), "s returned no rows"),
        (
            checks.dbt_tests(replace(BUILD, tests=(DbtTest(name="unique_<x>", status="fail", failures=3),))),
            "0 of 1 pass; unique_<x>: fail 3.",
        ),
        (
            checks.finding("safety", FAIL, {"owner": "X", "promoter": "T"}, name="safety:owner"),
            "Production is owned by X, not by T",
        ),
        (
            checks.finding("safety", FAIL, {"role": "B", "grants": ["INSERT to ROLE B"]}, name="safety:separation"),
            "The role that dbt builds with, B, may write to production: INSERT to ROLE B. Revoke that and re-check.",
        ),
        (
            checks.finding("safety", WARN, {"changes": ["retention"]}, name="safety:metadata"),
            "Production's retention of Time Travel would become the candidate's.",
        ),
        (
            checks.finding("safety", UNKNOWN, {"visible": False}, name="safety:streams"),
            "Whether production has streams is not visible",
        ),
        (checks.schema(Mode.FULL_REFRESH, (), [Column(name="A", type="DATE")], []), "The candidate loses a."),
    ],
)
def test_sentences(finding: Finding, words: str) -> None:
    assert words in said(finding)
    assert said(finding).startswith(f"*{finding.check.capitalize()}: {finding.verdict.value}.*")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"min": 0, "max": 1e12}, "dex_volumes 0 to 1,000,000,000,000"),
        ({"max": 5.5}, "dex_volumes at most 5.5"),
        ({"min": -1}, "dex_volumes at least -1"),
    ],
)
def test_limits_are_written_as_people_write_them(given: dict[str, float], said: str) -> None:
    outside = {"o1": 1, "low1": "0", "high1": "9"}
    found = usual.limits([scope().columns[1]], {"DEX_VOLUMES": given}, {"baseline": {}, "candidate": outside})
    assert findings.line(found).endswith(f"1 row outside the limits in dex_volumes (prod: 0); limits: {said}.")


def test_every_finding_of_every_verdict_has_a_sentence() -> None:
    for made_one in made().findings:
        for verdict in Verdict:
            assert said(replace(made_one, verdict=verdict))


def test_untrusted_text_is_escaped() -> None:
    bad = checks.dbt_tests(replace(BUILD, tests=(DbtTest(name="<!channel>", status="fail", failures=1),)))
    assert "&lt;!channel&gt;" in findings.line(bad)
    assert "<!channel>" not in findings.result(refresh(made(OUTLIERS, bad, without="tests")))
