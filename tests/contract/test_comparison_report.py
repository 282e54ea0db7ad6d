"""What a report on a warehouse holds beside its checks: outliers, whether nothing changes, odd names, only counts, few statements."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from bot.model import Origin, Report, Verdict
from tests.contract.benches import BACKFILL, DAYS, FULL, RULES, Bench, fix
from tests.contract.comparisons import found

pytestmark = pytest.mark.xdist_group("bench")  # they share one small Snowflake

PASS = Verdict.PASS


def verdicts(report: Report) -> dict[str, Verdict]:
    return {f.name: f.verdict for f in report.findings}


# Outliers, nothing changes


def test_outliers_appear_vanish_and_group_by_contiguous_days(bench: Bench) -> None:
    report = bench.compare(
        FULL,
        fix(2000, "2026-04-02"),
        fix(2000, "2026-04-03"),
        fix(2000, "2026-04-06"),
        fix("NULL", "2026-04-09"),
        fix(7, "2026-04-10", "TRADES"),
        fix(1030, "2026-04-05"),  # over report_over, under explain_over
        before=(fix(0, "2026-04-10", "TRADES"),),
    )
    told = {(g.metric, g.direction, g.first and g.first.day, g.last and g.last.day, g.count) for g in report.groups}
    assert told == {
        ("VOLUME", "vanished", 9, 9, 1),
        ("TRADES", "appeared", 10, 10, 1),
        ("VOLUME", "up", 2, 3, 2),
        ("VOLUME", "up", 6, 6, 1),
    }
    assert len(report.outliers) == 6
    assert report.outliers[0].change is None
    assert found(report, "outliers").numbers["to_explain"] == 5
    again = bench.compare(
        FULL,
        fix(2000, "2026-04-02"),
        fix(2000, "2026-04-03"),
        before=(fix(0, "2026-04-10", "TRADES"),),
    )
    assert {g.id for g in again.groups} < {g.id for g in report.groups}  # the same contents, the same id


def test_more_than_twenty_groups_merge_by_metric(bench: Bench) -> None:
    base = DAYS.replace("ROWCOUNT => 10", "ROWCOUNT => 60")
    report = bench.compare(FULL, "UPDATE {c} SET VOLUME = VOLUME * 2 WHERE DAYOFMONTH(DATE) % 2 = 0", base=base)
    (group,) = report.groups
    assert (group.metric, group.count) == ("VOLUME", 30)
    assert len(group.worst) == 3


def test_nothing_would_change(bench: Bench) -> None:
    equal = bench.compare(FULL, "UPDATE {c} SET MODIFIED_ON = '2026-04-22'")
    assert equal.nothing_changes
    assert equal.headline is not None
    assert equal.headline.before == equal.headline.after
    elsewhere = bench.compare(FULL, fix(5, "2026-04-03"))
    assert elsewhere.nothing_changes  # the named day is as it was
    assert not bench.compare(replace(FULL, at=()), fix(5, "2026-04-03")).nothing_changes
    nowhere = replace(FULL, at=(date(2020, 1, 1),))
    assert not bench.compare(nowhere, fix(5, "2026-04-03")).nothing_changes


# Shapes and sizes


def test_compound_keys_quoted_names_and_percent_signs(bench: Bench) -> None:
    base = '''
    SELECT DATEADD('day', n % 5, '2026-04-06'::DATE)::DATE AS "day", CASE WHEN n < 5 THEN 'a' ELSE 'b' END AS "chain %(x)s",
      n::NUMBER(38,0) AS "fee ""%""", OBJECT_CONSTRUCT('n', n) AS "meta"
    FROM (SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) - 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 10))) days
    '''
    rules = replace(
        RULES,
        grain=Origin(columns=("day", "chain %(x)s"), source="meta"),
        date_column=Origin(columns=("day",), source="meta"),
    )
    change = '''UPDATE {c} SET "fee ""%""" = 900, "meta" = OBJECT_CONSTRUCT('n', -1) WHERE "fee ""%""" = 7'''
    report = bench.compare(replace(BACKFILL, columns=()), change, base=base, rules=rules)
    assert found(report, "parity").verdict is PASS
    assert [c.column for c in report.changes] == ['fee "%"', "meta"]
    assert report.outliers[0].key == ("2026-04-08", "b")
    assert report.headline is not None
    assert (report.headline.before, report.headline.after) == (Decimal(9), Decimal(902))  # sums of the day


def test_values_stay_in_the_warehouse_when_only_counts_may_leave(bench: Bench) -> None:
    settings = bench.world.settings
    quiet = settings.model_copy(update={"slack": settings.slack.model_copy(update={"post_rows": "counts"})})
    open_, shut = (
        bench.compare(BACKFILL, fix(5), fix(6, "2026-04-02"), settings=s, before=(fix("1e16"),))
        for s in (settings, quiet)
    )
    assert (shut.outliers, shut.headline, shut.series) == ((), None, None)
    assert [g.id for g in shut.groups] == [g.id for g in open_.groups]
    assert verdicts(shut) == verdicts(open_)
    assert not any(f.examples for f in shut.findings)


def test_the_work_is_done_in_few_statements_and_every_finding_names_those_it_rests_on(bench: Bench) -> None:
    report = bench.compare(replace(BACKFILL, columns=()), fix(5))
    rests = {f.name: f.query_ids for f in report.findings}
    assert {name for name, ids in rests.items() if not ids} == {"spot check", "tests"}  # which asked nothing here
    assert report.statements <= 8
    sent = {q for ids in rests.values() for q in ids}
    assert all(sent)
    assert len(sent) == report.statements
    join = rests["parity"][-1]
    assert all(join in rests[name] for name in ("turned null", "outliers", "parity:where"))
    assert all(len(set(ids)) == len(ids) for ids in rests.values())
    without = bench.compare(FULL, fix(5), rules=replace(RULES, grain=Origin(columns=(), source="none")))
    assert all(f.query_ids for f in without.findings if f.name in ("parity", "turned null", "outliers", "sanity:usual"))
