"""What keeps Approve shut, what is carried over, and what the digest holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import report as reports
from bot.model import Content, Explanation, Finding, OutlierGroup, Refresh, Relation, Report, Verdict, Waiver
from bot.settings import PolicySection, Settings
from tests.refreshes import ALICE, AT, BOB, DAY, PROD, plan, queued, report, snapshot

SETTINGS = Settings.model_construct(policy=PolicySection())
LENIENT = Settings.model_construct(policy=PolicySection(waive_unknown=True))


def finding(name: str = "parity", verdict: Verdict = Verdict.FAIL, waivable: bool = False) -> Finding:
    blocks = verdict in (Verdict.FAIL, Verdict.UNKNOWN)
    check = name.partition(":")[0]
    return Finding(check=check, name=name, verdict=verdict, blocks=blocks, waivable=waivable, numbers={"rows": 1})


def group(ident: str = "g1") -> OutlierGroup:
    return OutlierGroup(id=ident, metric="M", direction="up", first=DAY, last=DAY, count=1, worst=())


def checked(*findings: Finding, groups: tuple[OutlierGroup, ...] = (), nothing: bool = False) -> Refresh:
    made = replace(report(), findings=findings, groups=groups, nothing_changes=nothing)
    return replace(queued(), plan=plan(), baseline=snapshot("B"), candidate=snapshot("C"), report=made)


def waiver(name: str) -> Waiver:
    return Waiver(finding=name, reason="because", by=BOB, at=AT)


def explanation(ident: str) -> Explanation:
    return Explanation(group=ident, reason="other", note="", by=BOB, at=AT)


def shut(refresh: Refresh, settings: Settings = SETTINGS) -> list[tuple[str, str, bool]]:
    return [(b.kind, b.name, b.waivable) for b in reports.blockers(refresh, settings)]


def test_warnings_and_passes_never_block() -> None:
    assert shut(checked(finding(verdict=Verdict.WARN), finding("schema", Verdict.PASS))) == []


def test_a_finding_blocks_until_it_is_waived_where_that_is_allowed() -> None:
    refresh = checked(finding("parity"), finding("sanity", waivable=True))
    assert shut(refresh) == [("finding", "parity", False), ("finding", "sanity", True)]
    waived = replace(refresh, waivers=(waiver("parity"), waiver("sanity")))
    assert shut(waived) == [("finding", "parity", False)]  # nobody can waive that one


def test_what_safety_could_not_see_is_waived_only_where_the_policy_says_so() -> None:
    refresh = replace(
        checked(finding("safety:streams", Verdict.UNKNOWN, waivable=True)), waivers=(waiver("safety:streams"),)
    )
    assert shut(refresh) == [("finding", "safety:streams", False)]
    assert shut(refresh, LENIENT) == []
    failed = replace(checked(finding("safety:streams", Verdict.FAIL, waivable=True)), waivers=refresh.waivers)
    assert shut(failed, LENIENT) == [("finding", "safety:streams", False)]


def test_every_group_needs_its_explanation() -> None:
    refresh = checked(groups=(group("g1"), group("g2")))
    assert shut(refresh) == [("group", "g1", False), ("group", "g2", False)]
    assert shut(replace(refresh, explanations=(explanation("g1"),))) == [("group", "g2", False)]


def test_nothing_to_approve_when_nothing_would_change() -> None:
    assert shut(checked(finding("spot check"), nothing=True)) == [("nothing", "nothing", False)]
    elsewhere = [("nothing", "nothing", False), ("finding", "parity", False)]
    assert shut(checked(finding("parity"), groups=(group(),), nothing=True)) == elsewhere
    assert shut(queued()) == []


def test_findings_stand_in_the_order_people_read_them() -> None:
    made = checked(finding("safety:kind"), finding("outliers"), finding("parity")).report
    assert made is not None
    values = {name: getattr(made, name) for name in Report.__slots__ if name != "findings"}
    ordered = reports.assemble(findings=made.findings, **values)
    assert [f.check for f in ordered.findings] == ["parity", "outliers", "safety"]


# Digest

READY = replace(
    checked(finding("sanity", waivable=True), groups=(group(),)),
    statements=('CREATE TABLE "A"."B"."BACKUP_1"\n  CLONE "ETHEREUM"."PROD_CORE"."EZ_METRICS"',),
)


def ready(**changes: object) -> Refresh:
    return replace(READY, **changes)  # type: ignore[arg-type]


def moved(name: str, **changes: object) -> Refresh:
    return ready(**{name: replace(getattr(READY, name), **changes)})


def test_the_digest_is_64_hex_digits_and_stable() -> None:
    assert len(reports.digest(READY)) == 64
    assert reports.digest(READY) == reports.digest(ready(revision=99, changed_at=AT + timedelta(days=1)))


@pytest.mark.parametrize(
    "same",
    [
        moved("baseline", relation=PROD.renamed("ANOTHER"), taken_at=AT + timedelta(hours=1)),
        moved("candidate", token=replace(snapshot("x").token, last_change="other")),
        moved("report", seconds=99.0, statements=99),
        ready(
            report=replace(READY.report, findings=tuple(replace(f, query_ids=("q",)) for f in READY.report.findings))
        ),  # type: ignore[union-attr, type-var]
        ready(statements=(READY.statements[0].replace("BACKUP_1", "BACKUP_2"),)),
    ],
)
def test_the_digest_holds_no_token_time_query_id_or_name_of_a_copy(same: Refresh) -> None:
    assert reports.digest(same) == reports.digest(READY)


@pytest.mark.parametrize(
    "other",
    [
        moved("baseline", content=Content(rows=3032, hash=1)),
        moved("candidate", content=Content(rows=3033, hash=-9151314442816847873)),
        moved("plan", code="abcdef0"),
        moved("plan", vars={"backfill_date": "2026-04-08"}),
        moved("plan", prod=replace(plan().prod, relation=Relation("A", "B", "C"))),
        moved("plan", rules=replace(plan().rules, explain_over=0.5)),
        moved("report", findings=(finding("sanity"),)),
        moved("report", groups=(group("other"),)),
        ready(explanations=(explanation("g1"),)),
        ready(waivers=(waiver("sanity"),)),
        ready(waivers=(replace(waiver("sanity"), by=ALICE),)),
        ready(statements=(*READY.statements, "DROP TABLE X")),
        ready(statements=(READY.statements[0].replace("EZ_METRICS", "OTHER"),)),
    ],
)
def test_the_digest_changes_with_what_a_decision_is_about(other: Refresh) -> None:
    assert reports.digest(other) != reports.digest(READY)


def test_there_is_no_digest_without_something_to_decide() -> None:
    with pytest.raises(ValueError, match="nothing to decide"):
        reports.digest(queued())


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5) | st.booleans(), max_size=5))
def test_canonical_json_does_not_depend_on_order(values: dict[str, object]) -> None:
    turned = dict(reversed(list(values.items())))
    assert reports.canonical(values) == reports.canonical(turned)


def test_canonical_numbers() -> None:
    assert reports.canonical({"a": Decimal("1.50"), "b": Decimal("1.5")}) == '{"a":"1.5","b":"1.5"}'
    assert reports.canonical([Decimal("1e3"), Decimal("0.00"), Decimal("NaN")]) == '["1000","0","NaN"]'
    widest = "1234567890123456789012345678901234567"  # a NUMBER has up to 38 digits
    assert reports.canonical([Decimal(widest), Decimal(f"0.{widest}")]) == f'["{widest}","0.{widest}"]'
    assert reports.canonical([DAY, AT, Verdict.PASS]) == '["2026-04-08","2026-04-22T14:00:00.123456+00:00","pass"]'


def test_withheld_values_leave_counts_and_verdicts() -> None:
    made = replace(report(), findings=(replace(finding(), examples=({"a": 1},)),), groups=(group(),))
    quiet = reports.withheld(made)
    assert (quiet.outliers, quiet.headline, quiet.series, quiet.findings[0].examples) == ((), None, None, ())
    assert (quiet.groups[0].id, quiet.changes, quiet.baseline) == ("g1", made.changes, made.baseline)
