"""How results read: numbers, the Result reply, one sentence a finding, the files, the picture."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg

from bot import charts, checks, outliers, usual
from bot.columns import ScopedColumn
from bot.model import (
    Build,
    Column,
    ColumnChange,
    Finding,
    Mode,
    Origin,
    Outlier,
    Refresh,
    Report,
    Request,
    Rules,
    Series,
    Side,
    Verdict,
)
from bot.model import TestResult as DbtTest
from bot.scope import Scope
from bot.wording import findings, picture, tables
from bot.wording.failing import failing
from bot.wording.numbers import change, number, pair
from tests.refreshes import AT, DAY, DEV, plan, queued, snapshot
from tests.unit.samples import finding

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
BAD, GOOD = Decimal("11290000000000000.00"), Decimal("1676204911.20")


# Numbers


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (BAD, "11,290,000,000,000,000"),
        (GOOD, "1,676,204,911"),
        (Decimal("1234.567"), "1,234.57"),
        (12.345678, "12.35"),
        (0.00042, "0.00042"),
        (Decimal("0.00"), "0"),
        (-5.5, "-5.5"),
        (3, "3"),
        (Decimal("1e30"), "1e+30"),
        (1e-9, "1e-09"),
        (float("nan"), "NaN"),
        (float("-inf"), "-infinity"),
        (None, "NULL"),
    ],
)
def test_numbers(value: Decimal | float | None, shown: str) -> None:
    assert number(value) == shown


def test_exact_numbers_keep_every_digit() -> None:
    assert number(GOOD, exact=True) == "1,676,204,911.20"
    assert pair(GOOD, GOOD + Decimal("0.01")) == ("1,676,204,911.20", "1,676,204,911.21")
    assert pair(BAD, GOOD) == ("11,290,000,000,000,000", "1,676,204,911")


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        (-0.9999998515, "-99.99999 %"),
        (-0.9999994882, "-99.99995 %"),
        (0.052, "+5.2 %"),
        (-0.5, "-50 %"),
        (1234.5, "+123,450 %"),
        (0.00001, "+0.001 %"),
        (1.0, "+100 %"),
        (None, ""),
    ],
)
def test_changes(share: float | None, shown: str) -> None:
    assert change(share) == shown


@given(st.floats(-0.99999999999, 5).filter(lambda x: abs(x) > 1e-9))
def test_a_change_never_reads_as_everything_or_nothing(share: float) -> None:
    shown = change(share)
    assert shown != "0 %"
    assert shown != "-100 %"
    assert float(shown.replace(" %", "").replace(",", "")) == pytest.approx(share * 100, rel=0.06)


@given(st.decimals(-1_000_000_000, 1_000_000_000, places=4), st.decimals(-1_000_000_000, 1_000_000_000, places=4))
def test_two_values_that_differ_never_look_the_same(before: Decimal, after: Decimal) -> None:
    assert (pair(before, after)[0] == pair(before, after)[1]) is (before == after)


# A report to read


def scope(mode: Mode = Mode.BACKFILL, columns: tuple[str, ...] = ("DEX_VOLUMES", "TOTAL_ECONOMIC_ACTIVITY")) -> Scope:
    names = ("DATE", "DEX_VOLUMES", "TOTAL_ECONOMIC_ACTIVITY", *(f"C{i}" for i in range(102)))
    made = tuple(
        ScopedColumn(
            index=i,
            name=name,
            type="DATE" if not i else "NUMBER(38,2)",
            key=not i,
            clock=False,
            allowed=mode is Mode.FULL_REFRESH or name in columns,
            tolerance=None,
            as_text=False,
            as_json=False,
        )
        for i, name in enumerate(names)
    )
    return Scope(
        mode=mode,
        baseline=DEV,
        candidate=DEV,
        columns=made,
        keys=made[:1],
        date=made[0],
        since=DAY if mode is Mode.BACKFILL else None,
        named=(DAY,),
        metric_names=(),
        unique=True,
        grain_source="unique_key",
    )


RULES = Rules(
    grain=Origin(columns=("DATE",), source="unique_key"),
    date_column=Origin(columns=("DATE",), source="meta"),
    sanity={"dex_volumes": {"min": 0, "max": 1e12}},
)
SIDES = {
    "baseline": {
        "row_count": 3032,
        "window_rows": 14,
        "first_day": date(2018, 1, 2),
        "last_day": date(2026, 4, 21),
        "o1": 1,
    },
    "candidate": {
        "row_count": 3032,
        "window_rows": 14,
        "first_day": date(2018, 1, 2),
        "last_day": date(2026, 4, 21),
        "o1": 0,
    },
}
COUNTS = {"window_changed": 1, "named_rows": 1, "named_changed": 1, "w1": 1, "w2": 1}
BUILD = Build(
    invocation_id="inv",
    started=AT,
    seconds=66,
    query_ids=("q",),
    rows_affected=14,
    tests=(DbtTest(name="unique", status="pass", failures=0),) * 3,
    hooks=(),
    dbt_version="1.11.16",
    compiled_sql="",
)
OUTLIERS = (
    Outlier(key=("2026-04-08",), day=DAY, metric="DEX_VOLUMES", before=BAD, after=GOOD, change=-0.9999998515),
    Outlier(
        key=("2026-04-08",),
        day=DAY,
        metric="TOTAL_ECONOMIC_ACTIVITY",
        before=Decimal("11290004102000000.00"),
        after=Decimal("5778204911.20"),
        change=-0.9999994882,
    ),
)
SPOT_ROW = {"k0": "2026-04-08", "day": DAY, "found": True, "s1": "1676204911.20", "t1": "1676204911.20", "d1": False}
SPOT_ROW |= {"total": 1, "differ": 0, "not_found": 0}


def days(found: tuple[Outlier, ...]) -> list[dict[str, object]]:
    index = {"DEX_VOLUMES": 1, "TOTAL_ECONOMIC_ACTIVITY": 2}
    return [
        {
            "i": index[o.metric],
            "direction": "down",
            "day": o.day,
            "reported": 1,
            "to_explain": 1,
            "worst": abs(o.change or 1),
        }
        for o in found
    ]


def made(found: tuple[Outlier, ...] = OUTLIERS, *more: Finding, without: str = "") -> Report:
    where = scope()
    grouped = outliers.groups(where, days(found), found, RULES)
    columns = [Column(name=c.name, type=c.type) for c in where.columns]
    every = [
        checks.parity_backfill(where, SIDES, COUNTS),
        checks.schema(Mode.BACKFILL, (), columns, columns),
        usual.limits([where.columns[1]], RULES, SIDES),
        checks.spot("spot_dex_volumes", [SPOT_ROW], [where.columns[1]], ["DATE"], unseen=(), same_table=True),
        checks.dbt_tests(BUILD),
        outliers.judged(where, days(found), grouped, RULES),
        checks.finding("safety", PASS, {}, name="safety:kind"),
    ]
    return Report(
        findings=(*(f for f in every if f.check != without), *more),
        baseline=Side(rows=3032, first=date(2018, 1, 2), last=date(2026, 4, 21)),
        candidate=Side(rows=3032, first=date(2018, 1, 2), last=date(2026, 4, 21)),
        changes=tuple(
            ColumnChange(column=name, history=0, window=1, allowed=True)
            for name in ("DEX_VOLUMES", "TOTAL_ECONOMIC_ACTIVITY")
        ),
        columns_compared=105,
        outliers=found,
        groups=grouped,
        headline=None,
        series=None,
        nothing_changes=False,
        seconds=1.5,
        statements=9,
    )


def refresh(report: Report | None = None) -> Refresh:
    asked = Request(model="m", mode=Mode.BACKFILL, since=DAY, columns=("dex_volumes",), reason="frozen <batch> & more")
    return replace(
        queued(),
        request=asked,
        plan=replace(plan(), rules=RULES),
        baseline=snapshot("B"),
        candidate=snapshot("C"),
        build=BUILD,
        report=report or made(),
    )


@pytest.mark.parametrize(("compared", "said"), [(4, "0 in the other 2 columns"), (3, "0 in the other column"), (2, "")])
def test_the_columns_that_did_not_change(compared: int, said: str) -> None:
    text = findings.result(refresh(replace(made(), columns_compared=compared)))
    assert [line.strip() for line in text.splitlines() if "in the other" in line] == ([said] if said else [])


def test_the_result_reads_as_in_the_storyboard() -> None:
    assert findings.result(refresh()).replace("&gt;", ">") == "\n".join(
        [
            "Parity, schema, sanity, spot check, tests, safety: *pass*.",
            "```",
            "history  3,018 rows before 2026-04-08:",
            "         0 differ, 0 missing, 0 extra",
            "         (grain date, from unique_key)",
            "window   14 rows: 0 missing, 0 new",
            "changed  1 in dex_volumes",
            "         1 in total_economic_activity",
            "         0 in the other 103 columns",
            "sanity   0 rows outside limits (prod: 1)",
            "spot     spot_dex_volumes 2026-04-08:",
            "         source 1,676,204,911.20,",
            "         dev the same",
            "         (the table that the model reads)",
            "tests    3 of 3",
            "```",
            "*Outliers: 2 need an explanation.*",
            "```",
            "dex_volumes",
            "date             prod, dev, change",
            "2026-04-08  11,290,000,000,000,000",
            "                     1,676,204,911",
            "                       -99.99999 %",
            "",
            "total_economic_activity",
            "date             prod, dev, change",
            "2026-04-08  11,290,004,102,000,000",
            "                     5,778,204,911",
            "                       -99.99995 %",
            "```",
        ]
    )


def test_small_values_stand_on_one_line_each() -> None:
    small = replace(OUTLIERS[0], before=Decimal("12.5"), after=Decimal(25), change=1.0)
    gone = replace(small, day=DAY + timedelta(1), key=("2026-04-09",), after=None, change=None)
    assert tables.outliers([gone, small]).splitlines() == [
        "dex_volumes",
        "date          prod    dev    change",
        "2026-04-09    12.5   NULL  vanished",
        "2026-04-08    12.5     25    +100 %",
    ]


def test_the_rest_of_the_key_stands_under_the_day() -> None:
    keyed = replace(
        OUTLIERS[0], key=("2026-04-08", "a very long chain name"), before=Decimal("12.5"), after=Decimal(25)
    )
    assert tables.outliers([keyed]).splitlines()[2:] == [
        "2026-04-08           12.5  -99.99999 %",
        "a very long…           25",
    ]


def test_many_outliers_are_cut_and_the_rest_is_counted() -> None:
    many = tuple(replace(OUTLIERS[0], day=DAY - timedelta(days=i), key=(f"k{i}" * 9,)) for i in range(400))
    report = made(many)
    text = findings.result(refresh(replace(report, outliers=many[:300])))
    assert len(text) <= findings.LIMIT
    assert text.count("-99.99999 %") == RULES.top
    assert "380 more, the first 300 in outliers.csv." in text
    short = findings.result(refresh(report), limit=1500)
    assert len(short) <= 1500
    assert "more in outliers.csv." in short


@settings(deadline=None)  # a busy machine is no defect
@given(st.integers(0, 60), st.integers(700, 3500))
def test_the_result_is_never_too_long_and_fences_are_closed(count: int, limit: int) -> None:
    many = tuple(replace(OUTLIERS[0], day=DAY - timedelta(days=i), key=("<&>" * 20,)) for i in range(count))
    text = findings.result(refresh(made(many)), limit)
    assert len(text) <= limit
    assert text.count("```") % 2 == 0
    assert "<&" not in text


# Sentences


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
        duplicate_rows_before=0, null_rows=0, new_nan=[], old_nan=[])  # fmt: skip
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
    found = usual.limits(
        [scope().columns[1]], replace(RULES, sanity={"dex_volumes": given}), {"baseline": {}, "candidate": outside}
    )
    assert findings.line(found).endswith(f"1 row outside the limits in dex_volumes (prod: 0); limits: {said}.")


def test_every_finding_of_every_verdict_has_a_sentence() -> None:
    for made_one in made().findings:
        for verdict in Verdict:
            assert said(replace(made_one, verdict=verdict))


def test_untrusted_text_is_escaped() -> None:
    bad = checks.dbt_tests(replace(BUILD, tests=(DbtTest(name="<!channel>", status="fail", failures=1),)))
    assert "&lt;!channel&gt;" in findings.line(bad)
    assert "<!channel>" not in findings.result(refresh(made(OUTLIERS, bad, without="tests")))


def test_a_finding_that_does_not_pass_is_told_and_leads_the_verdicts() -> None:
    unknown = checks.spot_missing("none configured")
    text = findings.result(refresh(made(OUTLIERS, unknown, without="spot check")))
    assert text.startswith(
        "Spot check: *unknown*. Parity, schema, sanity, tests, safety: *pass*.\n• *Spot check: unknown.*"
    )


def test_outliers_that_nobody_has_to_explain() -> None:
    assert "Outliers: none." in findings.result(refresh(made(())))


# Files


def test_the_details_hold_everything_and_no_markup() -> None:
    ready = replace(refresh(), statements=("CREATE TABLE A CLONE B",), digest="abc123")
    text = findings.details(ready)
    for wanted in (
        "R42 ez",
        "frozen <batch> & more",
        "1.11.16",
        "hash (64 bit)",
        "parity: pass",
        "Groups to explain",
        "abc123",
    ):
        assert wanted in text
    assert "CREATE TABLE A CLONE B;" in text
    assert "&lt;" not in text
    assert findings.details(queued()).startswith("R42 ")


def test_the_csv_has_full_values_and_cannot_run_as_a_formula() -> None:
    evil = replace(OUTLIERS[0], key=("=cmd()", "2026-04-08"), after=None, change=None)
    rows = list(csv.DictReader(io.StringIO(findings.outliers_csv(made((*OUTLIERS, evil))))))
    assert rows[0]["prod"] == "11290000000000000.00"
    assert rows[0]["dev"] == "1676204911.20"
    assert rows[-1]["key"].startswith("'=cmd()")
    assert rows[-1]["dev"] == ""


# The picture


def series(baseline: list[float | None], candidate: list[float | None]) -> Series:
    span = tuple(DAY + timedelta(days=i) for i in range(len(baseline)))
    changed = tuple(d for d, b, c in zip(span, baseline, candidate, strict=True) if b != c)
    return Series(metric="M", days=span, baseline=tuple(baseline), candidate=tuple(candidate), changed=changed)


@pytest.mark.parametrize(
    ("baseline", "candidate"),
    [
        ([1.6e9, 1.129e16, 1.7e9], [1.6e9, 1.676e9, 1.7e9]),
        ([1.0, None, -3e6, 0.0], [1.0, 5.0, None, 0.0]),
        ([0.0, 0.0], [0.0, 0.0]),
        ([None], [None]),
        ([float(i) for i in range(90)], [i * 1.5 for i in range(90)]),
    ],
)
def test_pictures_are_drawn_whatever_the_values(baseline: list[float | None], candidate: list[float | None]) -> None:
    assert charts.picture(series(baseline, candidate), "title_with_$igns: <m>").startswith(b"\x89PNG")


@pytest.mark.parametrize("place", [0, 9, 10, 14, 15, 20, 21, 30])
def test_the_values_in_a_picture_are_never_cut_off(place: int) -> None:
    """The changed day mostly stands in the middle: fifteen days around it are drawn."""
    before, after = [1.7e9] * 31, [1.7e9] * 31
    before[place] = 11.29e15
    figure = charts.drawn(series(before, after), "dex_volumes of ez_ethereum_metrics")
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw(renderer)
    written = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    assert len(written) == 2
    assert all(box.x0 >= 0 and box.x1 <= figure.bbox.width for box in written)


def test_a_picture_is_said_in_words() -> None:
    seen = series([1.6e9, 1.129e16, 1.7e9], [1.6e9, 1.676e9, 1.7e9])
    assert picture.alt(seen, "m: v") == (
        "m: v by day, 2026-04-08 to 2026-04-10: 1 day changed; on 2026-04-09 production 11.29 quadrillion, dev 1.676 billion."
    )
    assert "are the same" in picture.alt(series([1.0], [1.0]), "m")
