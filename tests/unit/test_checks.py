"""Verdicts, blocking and waiving of the checks that need no warehouse: schema moves, tests, safety, groups, headline."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import checks, clocks, dependents, inspection, outliers, safety, scope
from bot.columns import ScopedColumn
from bot.model import Column, Finding, Kind, Mode, Origin, Outlier, Relation, Request, Rules, Table, Upstream, Verdict
from bot.report import protected
from bot.settings import PolicySection, Settings, UserSection, WarehouseSection
from bot.wording.findings import line
from tests.refreshes import PROD, plan, table, view
from tests.refreshes import report as sample_report

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
DAY = date(2026, 4, 8)
RULES = Rules(grain=Origin(columns=("DATE",), source="meta"), date_column=Origin(columns=("DATE",), source="meta"))


def columns(*types: str, **named: str) -> tuple[Column, ...]:
    unnamed = {f"C{i}": kind for i, kind in enumerate(types)}
    return tuple(Column(name=name, type=kind) for name, kind in (unnamed | named).items())


# Schema


@pytest.mark.parametrize(
    ("before", "after", "full", "backfill"),
    [
        (columns("NUMBER(38,2)"), columns("NUMBER(38,2)"), PASS, PASS),
        (columns("NUMBER(10,2)"), columns("NUMBER(12,2)"), WARN, FAIL),
        (columns("NUMBER(12,2)"), columns("NUMBER(12,4)"), FAIL, FAIL),  # fewer digits before the point
        (columns("NUMBER(38,2)"), columns("NUMBER(38,0)"), FAIL, FAIL),
        (columns("VARCHAR(10)"), columns("VARCHAR(20)"), WARN, FAIL),
        (columns("VARCHAR(20)"), columns("VARCHAR(10)"), FAIL, FAIL),
        (columns("NUMBER(38,0)"), columns("VARCHAR(20)"), FAIL, FAIL),
        (columns("TIMESTAMP_NTZ(9)"), columns("TIMESTAMP_TZ(9)"), FAIL, FAIL),
        (columns(A="DATE", B="DATE"), columns(A="DATE"), FAIL, FAIL),
        (columns(A="DATE"), columns(A="DATE", B="DATE"), WARN, WARN),
        (columns(A="DATE", B="DATE"), columns(B="DATE", A="DATE"), WARN, FAIL),
        (columns(A="DATE"), columns(a="DATE"), FAIL, FAIL),  # another case is another column
    ],
)
def test_schema(before: tuple[Column, ...], after: tuple[Column, ...], full: Verdict, backfill: Verdict) -> None:
    judged = checks.schema(Mode.FULL_REFRESH, (), before, after)
    assert (judged.verdict, judged.waivable) == (full, full is FAIL)
    judged = checks.schema(Mode.BACKFILL, (), before, after)
    assert (judged.verdict, judged.waivable) == (backfill, False)


def test_a_column_that_may_be_null_now_is_a_warning() -> None:
    strict = (Column(name="A", type="DATE", nullable=False),)
    assert checks.schema(Mode.FULL_REFRESH, (), strict, columns(A="DATE")).verdict is WARN


@given(st.integers(1, 38), st.integers(0, 20), st.integers(1, 38), st.integers(0, 20))
def test_a_number_is_widened_only_when_every_old_value_still_fits(p: int, s: int, q: int, t: int) -> None:
    s, t = min(s, p), min(t, q)
    verdict = checks.schema(Mode.FULL_REFRESH, (), columns(f"NUMBER({p},{s})"), columns(f"NUMBER({q},{t})")).verdict
    fits = q - t >= p - s and t >= s
    assert verdict is (PASS if (p, s) == (q, t) else WARN if fits else FAIL)


# Safety


NO_POLICIES = Upstream()
PRIMARY = 'PRIMARY KEY ("DATE")'
LINES = 'A.B.LINES FOREIGN KEY ("DAY") REFERENCES "ETHEREUM"."PROD_CORE"."EZ_METRICS" ("DATE")'
FILLED = Column(name="DATE", type="DATE", default="CURRENT_DATE()")
DESCRIBED = Column(name="DATE", type="DATE", comment="The day in UTC")


def settings(*, waive_unknown: bool = False, role: str = "TRANSFORMER") -> Settings:
    user = UserSection(user="P", role=role, warehouse="W")
    builder = UserSection(user="B", role="builder", warehouse="W")
    place = WarehouseSection(account="a", builder=builder, promoter=user, prod_databases=("ETHEREUM",))
    return Settings.model_construct(warehouse=place, policy=PolicySection(waive_unknown=waive_unknown))


def seen(**values: object) -> Table:
    lists = ("policies", "tags", "streams", "dynamic_tables", "views", "keys", "referenced_by", "metric_functions")
    nothing = dict.fromkeys(lists, ())
    return replace(table(), **({"change_tracking": False} | nothing | values))  # type: ignore[arg-type]


def judged(
    prod: Table | None,
    candidate: Table,
    waive_unknown: bool = False,
    role: str = "TRANSFORMER",
    upstream: Upstream = NO_POLICIES,
) -> list[Finding]:
    planned = replace(plan(), prod=seen())
    return safety.findings(planned, prod, candidate, upstream, settings(waive_unknown=waive_unknown, role=role))


@pytest.mark.parametrize(
    ("prod", "candidate", "name", "verdict"),
    [
        (seen(), seen(), "safety:kind", PASS),
        (seen(), seen(kind=Kind.PERMANENT), "safety:kind", PASS),  # a permanent one can become transient
        (seen(kind=Kind.PERMANENT), seen(), "safety:kind", FAIL),
        (seen(kind=Kind.DYNAMIC), seen(), "safety:kind", FAIL),
        (seen(), seen(), "safety:owner", PASS),
        (seen(owner="SOMEBODY"), seen(), "safety:owner", FAIL),
        (seen(columns=columns(DATE="TIMESTAMP_NTZ(9)")), seen(), "safety:columns", FAIL),
        (seen(policies=("MASKING_POLICY PII on EMAIL",)), seen(), "safety:policies", FAIL),
        (seen(streams=("A.B.S",)), seen(), "safety:streams", FAIL),
        (seen(dynamic_tables=("A.B.D",)), seen(), "safety:dynamic tables", FAIL),
        (seen(tags=("A.B.T = x",)), seen(), "safety:tags", PASS),
        (seen(), seen(tags=("A.B.T = x",)), "safety:tags", WARN),
        (seen(tags=("A.B.T = x",)), seen(tags=("A.B.T = y",)), "safety:tags", PASS),  # of two values prod's own stays
        (seen(tags=("A.B.T = x",)), seen(tags=("A.B.T = x on C",)), "safety:tags", WARN),
        (seen(views=("A.B.V",)), seen(), "safety:views", PASS),
        (seen(views=("A.B.V",)), seen(columns=columns(OTHER="DATE")), "safety:views", WARN),
        (seen(views=("A.B.V (text hidden)",)), seen(), "safety:views", PASS),  # a plain one goes on by name
        (seen(views=("A.B.V (text hidden)",)), seen(columns=columns(OTHER="DATE")), "safety:views", WARN),
        (seen(views=("A.B.V (materialized)",)), seen(), "safety:views", FAIL),
        (seen(comment="Made by dbt"), seen(comment="Made by dbt"), "safety:metadata", PASS),
        (seen(comment="By hand"), seen(), "safety:metadata", WARN),
        (seen(clustering="LINEAR(DATE)"), seen(), "safety:metadata", WARN),
        (seen(columns=(DESCRIBED,)), seen(columns=(DESCRIBED,)), "safety:metadata", PASS),
        (seen(columns=(DESCRIBED,)), seen(), "safety:metadata", WARN),
        (seen(retention=30), seen(retention=1), "safety:metadata", WARN),
        (seen(columns=(FILLED,)), seen(columns=(FILLED,)), "safety:metadata", PASS),
        (seen(columns=(FILLED,)), seen(columns=columns(DATE="DATE")), "safety:metadata", WARN),
        (seen(retention=1), seen(retention=1), "safety:metadata", PASS),
        (seen(change_tracking=True), seen(), "safety:metadata", WARN),
        (seen(search_optimization=True), seen(search_optimization=False), "safety:metadata", WARN),
        (seen(streams=("A.B.S",), change_tracking=True), seen(), "safety:streams", FAIL),
        (seen(dynamic_tables=("A.B.D",), change_tracking=True), seen(), "safety:streams", PASS),  # it is for that one
        (seen(keys=(PRIMARY,)), seen(keys=(PRIMARY,)), "safety:keys", PASS),
        (seen(keys=(PRIMARY,)), seen(), "safety:keys", WARN),
        (seen(), seen(keys=(PRIMARY,)), "safety:keys", WARN),
        (seen(keys=(PRIMARY,), referenced_by=(LINES,)), seen(keys=(PRIMARY,)), "safety:keys", WARN),
        (seen(metric_functions=("SNOWFLAKE.CORE.FRESHNESS ON ()",)), seen(), "safety:metric functions", WARN),
        (seen(), seen(retention=1), "safety:metadata", PASS),  # not told: a baseline of an earlier version
        (seen(grants=("SELECT to ROLE BUILDER",)), seen(), "safety:separation", PASS),
        (seen(grants=("INSERT to ROLE OTHERS",)), seen(), "safety:separation", PASS),
        (seen(grants=("INSERT to ROLE BUILDER",)), seen(), "safety:separation", FAIL),
        (seen(grants=("DELETE to ROLE PUBLIC with grant option",)), seen(), "safety:separation", FAIL),
    ],
)
def test_safety(prod: Table, candidate: Table, name: str, verdict: Verdict) -> None:
    found = next(f for f in judged(prod, candidate) if f.name == name)
    assert (found.verdict, found.blocks, found.waivable) == (verdict, verdict is FAIL, False)


@pytest.mark.parametrize("tracked", [True, None])
def test_recorded_changes_that_no_visible_stream_needs_are_unknown(tracked: bool | None) -> None:
    found = next(f for f in judged(seen(change_tracking=tracked), seen()) if f.name == "safety:streams")
    assert (found.verdict, found.blocks, found.waivable) == (UNKNOWN, True, False)
    assert ("`ALTER TABLE ETHEREUM.PROD_CORE.EZ_METRICS SET CHANGE_TRACKING = FALSE`" in line(found)) == bool(tracked)
    assert "waive_unknown" in line(found)


@pytest.mark.parametrize("field", ["policies", "tags", "streams", "dynamic_tables", "views", "keys"])
@pytest.mark.parametrize("waive", [True, False])
def test_what_cannot_be_seen_blocks_and_is_waived_only_by_policy(field: str, waive: bool) -> None:
    found = next(
        f for f in judged(seen(**{field: None}), seen(), waive) if f.name == f"safety:{field.replace('_', ' ')}"
    )
    assert (found.verdict, found.blocks, found.waivable) == (UNKNOWN, True, waive)


def test_metric_functions_that_cannot_be_seen_are_said_and_keep_nobody_waiting() -> None:
    found = next(f for f in judged(seen(metric_functions=None), seen()) if f.name == "safety:metric functions")
    assert (found.verdict, found.blocks, found.waivable) == (UNKNOWN, False, False)
    assert "is not visible with our rights" in line(found)


@pytest.mark.parametrize(("prod", "candidate"), [({"referenced_by": None}, {}), ({}, {"keys": None})])
def test_keys_that_cannot_be_seen_on_either_side_are_unknown(
    prod: dict[str, object], candidate: dict[str, object]
) -> None:
    found = next(f for f in judged(seen(**prod), seen(**candidate)) if f.name == "safety:keys")
    assert (found.verdict, found.blocks) == (UNKNOWN, True)
    assert ("the candidate" in line(found)) == bool(candidate)


def test_what_goes_with_the_table_is_said_with_its_name() -> None:
    before = seen(keys=(PRIMARY,), referenced_by=(LINES,), metric_functions=("SNOWFLAKE.CORE.FRESHNESS ON ()",))
    said = {f.name: line(f) for f in judged(before, seen()) if f.verdict is WARN}
    assert said == {
        "safety:keys": '*Safety: warn.* Production would lose PRIMARY KEY ("DATE"); foreign keys to it go with the replaced '
        "table: A.B.LINES. The details have the statements that bring them back.",
        "safety:metric functions": "*Safety: warn.* Data metric functions watch production and would be gone: "
        "SNOWFLAKE.CORE.FRESHNESS ON (). The details have the statements that bring them back.",
    }
    gained = next(f for f in judged(seen(), seen(keys=(PRIMARY,))) if f.name == "safety:keys")
    assert line(gained) == '*Safety: warn.* Production would get PRIMARY KEY ("DATE").'


def test_a_view_of_another_database_that_dbt_knows_counts_where_columns_change() -> None:
    far = view(Relation("SHARED", "PUBLIC", "FAR"))
    others = (replace(far, materialized="table", prod=PROD), replace(far, depth=2, prod=PROD))
    planned = replace(plan(), prod=seen(), readers=(far, *others))
    for candidate, verdict in ((seen(), PASS), (seen(columns=columns(OTHER="DATE")), WARN)):
        given = safety.findings(planned, seen(), candidate, Upstream(), settings())
        (found,) = (f for f in given if f.name == "safety:views")
        assert (found.verdict, found.numbers["names"]) == (verdict, ["SHARED.PUBLIC.FAR"])
    listed = seen(views=("SHARED.PUBLIC.FAR (materialized)", "A.B.HIDDEN (text hidden)"))
    assert dependents.names(planned, listed) == ["A.B.HIDDEN (text hidden)", "SHARED.PUBLIC.FAR (materialized)"]
    assert dependents.views(planned, listed) == [Relation("A", "B", "HIDDEN")]


def test_where_columns_change_it_is_said_which_views_were_not_looked_for() -> None:
    """A view of another database that dbt does not know may use a lost column."""
    for views, said in (
        (
            ("A.B.V",),
            "Views read production: A.B.V; materialized ones are suspended, others break if they use a lost column.",
        ),
        ((), "No view that reads production is known."),
    ):
        candidate = seen(columns=columns(OTHER="DATE"))
        (found,) = (f for f in judged(seen(views=views), candidate) if f.name == "safety:views")
        assert (
            line(found) == f"*Safety: warn.* {said} Those of other databases are looked for only where dbt knows them."
        )


def test_policies_that_cannot_be_seen_say_who_names_the_grants() -> None:
    found = next(f for f in judged(seen(policies=None), seen()) if f.name == "safety:policies")
    assert "`dbt-refresh doctor` names the privileges that show them" in line(found)
    assert "waive_unknown" in line(found)


def test_a_model_that_looks_at_the_target_may_have_read_less_in_dev() -> None:
    planned = replace(plan(), prod=seen(), mentions_target=True)
    found = safety.findings(planned, seen(), seen(), Upstream(), settings())
    (target,) = (f for f in found if f.name == "safety:target")
    assert (target.verdict, target.blocks) == (WARN, False)
    assert line(target).startswith("*Safety: warn.* The model looks at the dbt target: make sure")
    assert {f.verdict for f in judged(seen(), seen()) if f.name == "safety:target"} == {PASS}


def test_a_production_of_which_the_builder_sees_a_part_was_never_compared() -> None:
    """Whatever policies are visible: nobody may waive what the count of rows proves."""
    (found,) = (f for f in judged(seen(), seen(), True, upstream=Upstream(hidden="12 of 20")) if "policies" in f.name)
    assert (found.verdict, found.waivable, protected(sample_report(findings=(found,)))) == (FAIL, False, True)
    assert line(found).endswith(
        "The role that dbt builds with sees 12 of 20 rows of production, so what was compared is not all of it. "
        "No values are shown here. Exempt it from the row access policy and ask again."
    )


def test_a_policy_that_hides_nothing_is_lost_all_the_same() -> None:
    """A storage lifecycle policy expires or archives rows; it masks none, so values may be shown."""
    expiry, mask = "STORAGE_LIFECYCLE_POLICY KEEP_A_YEAR", "MASKING_POLICY PII on EMAIL"
    one, both = (
        next(f for f in judged(seen(policies=p), seen()) if f.name == "safety:policies")
        for p in ((expiry,), (mask, expiry))
    )
    assert (one.verdict, one.waivable, both.verdict) == (FAIL, False, FAIL)
    assert line(one).endswith(f"Production has policies ({expiry}), which a replacement would drop.")
    assert line(both).endswith("The build may have read masked or filtered rows. No values are shown here.")
    assert [protected(sample_report(findings=(f,))) for f in (one, both)] == [False, True]


@pytest.mark.parametrize("waive", [True, False])
@pytest.mark.parametrize(
    ("upstream", "said"),
    [
        (
            Upstream(policies=("ROW_ACCESS_POLICY REGION of RAW.DUNE.T",)),
            "*Safety: unknown.* What the model reads has policies (ROW_ACCESS_POLICY REGION of RAW.DUNE.T), so the build "
            "may have read masked or filtered rows. No values are shown here. Exempt the builder's role from them and rebuild; "
            "with `waive_unknown = true` in `[policy]` an approver may waive it.",
        ),
        (
            Upstream(filtered=("RAW.DUNE.T (12 of 20 rows)",)),
            "*Safety: unknown.* The role that dbt builds with does not see all that the model reads: RAW.DUNE.T (12 of 20 rows). "
            "No values are shown here. Exempt the builder's role and rebuild; with `waive_unknown = true`",
        ),
        (
            Upstream(unseen=("RAW.DUNE.T", "RAW.DUNE.U")),
            "*Safety: unknown.* Whether RAW.DUNE.T and RAW.DUNE.U have policies is not visible with our rights. ",
        ),
    ],
)
def test_policies_on_what_the_model_reads_are_never_passed(upstream: Upstream, said: str, waive: bool) -> None:
    """The builder may have read masked rows, and would compare masked with masked."""
    (found,) = (f for f in judged(seen(), seen(), waive, upstream=upstream) if f.name == "safety:policies")
    assert (found.verdict, found.blocks, found.waivable) == (UNKNOWN, True, waive)
    assert line(found).startswith(said)
    (worse,) = (f for f in judged(seen(policies=("M",)), seen(), waive, upstream=upstream) if "policies" in f.name)
    assert (worse.verdict, worse.waivable) == (FAIL, False)


def test_a_table_that_is_gone_blocks() -> None:
    (found,) = judged(None, seen())
    assert (found.name, found.verdict, found.waivable) == ("safety:gone", FAIL, False)


# What the catalog says


def test_a_stream_that_hides_its_table_makes_streams_unknown_in_its_database() -> None:
    row = {"name": "S", "database_name": "ETHEREUM", "schema_name": "X", "table_name": None, "base_tables": None}
    assert inspection.streams([row], PROD) is None
    assert inspection.streams([row | {"database_name": "OTHER"}], PROD) == ()
    assert inspection.streams([row | {"table_name": "ethereum.prod_core.EZ_METRICS"}], PROD) == ("ETHEREUM.X.S",)
    assert inspection.streams([row | {"base_tables": 'A.B.C,"ETHEREUM"."PROD_CORE"."EZ_METRICS"'}], PROD) == (
        "ETHEREUM.X.S",
    )
    assert inspection.streams([row | {"table_name": "A.B.C"}] * 10_000, PROD) is None  # a full page


def test_readers_are_found_by_parsing_not_by_name_alone() -> None:
    row = {"name": "V", "database_name": "ETHEREUM", "schema_name": "PROD_CORE", "is_materialized": "false"}
    by_text = {
        "create view v as select * from ez_metrics": True,
        "create view v as select * from prod_core.ez_metrics": True,
        "create view v as select * from other.ez_metrics": False,
        "create view v as select 'ethereum.prod_core.ez_metrics' as note from x": False,
        "create view v as selec ez_metrics": True,  # cannot be parsed but names it
    }
    for text, reads_it in by_text.items():
        expected = ("ETHEREUM.PROD_CORE.V",) if reads_it else ()
        assert inspection.views([row | {"text": text}], [], PROD) == expected
        assert inspection.dynamic_tables([row | {"text": text}], PROD) == expected
    materialized = row | {"text": next(iter(by_text)), "is_materialized": "true"}
    assert inspection.views([materialized], [], PROD) == ("ETHEREUM.PROD_CORE.V (materialized)",)


def test_a_dynamic_table_is_found_through_views_too() -> None:
    place = {"database_name": "ETHEREUM", "schema_name": "PROD_CORE"}
    views = [
        place | {"name": "TOP", "text": "create view top as select * from middle"},
        place | {"name": "MIDDLE", "text": "create view middle as select * from ez_metrics"},
        place | {"name": "APART", "text": "create view apart as select * from other"},
    ]
    dynamic = [
        place | {"name": name, "text": f"create dynamic table {name} as select * from {reads}"}
        for name, reads in (("D1", "top"), ("D2", "ez_metrics"), ("D3", "apart"))
    ]
    through = inspection.readers(views, PROD)
    assert through == {PROD.renamed("TOP"), PROD.renamed("MIDDLE")}
    assert inspection.dynamic_tables(dynamic, PROD, through) == ("ETHEREUM.PROD_CORE.D1", "ETHEREUM.PROD_CORE.D2")


@pytest.mark.parametrize("text", ["", None])
def test_a_reader_that_hides_its_text_is_not_counted_as_none(text: str | None) -> None:
    row = {"name": "V", "database_name": "ELSEWHERE", "schema_name": "X", "text": text, "is_materialized": "false"}
    assert inspection.dynamic_tables([row], PROD) is None
    assert inspection.views([row], [], PROD) == ("ELSEWHERE.X.V (text hidden)",)
    assert inspection.views([row | {"schema_name": "INFORMATION_SCHEMA"}], [], PROD) == ()  # Snowflake's own
    full = [row | {"text": "select 1"}] * 10_000
    assert inspection.dynamic_tables(full, PROD) is inspection.views(full, [], PROD) is None


def test_a_materialized_view_is_found_in_any_database_by_its_base_table() -> None:
    row = {"name": "M", "database_name": "ELSEWHERE", "schema_name": "X", "text": ""}
    ours = {"source_database_name": PROD.database, "source_schema_name": PROD.schema, "source_table_name": PROD.name}
    assert inspection.views([], [row | ours], PROD) == ("ELSEWHERE.X.M (materialized)",)
    assert inspection.views([], [row | ours | {"source_schema_name": "OTHER"}], PROD) == ()
    assert inspection.views([], [row | ours | {"source_table_name": None}], PROD) is None
    in_its_database = row | {"is_materialized": "true", "text": "create materialized view m as select 1"}
    assert inspection.views([in_its_database], [row | ours], PROD) == ("ELSEWHERE.X.M (materialized)",)


def test_tags_of_the_candidate_that_are_not_visible_are_unknown() -> None:
    found = next(f for f in judged(seen(), seen(tags=None)) if f.name == "safety:tags")
    assert (found.verdict, found.blocks) == (UNKNOWN, True)
    assert "Whether the candidate has tags is not visible" in line(found)


def test_special_tables_are_told_apart() -> None:
    base = {"table_type": "BASE TABLE", "is_transient": "NO"}
    rows = [base, base | {"is_transient": "YES"}, base | {"is_dynamic": "YES"}, base | {"is_iceberg": "Y"}]
    rows += [
        base | {"is_hybrid": "true"},
        {"table_type": "VIEW"},
        {"table_type": "EXTERNAL TABLE"},
        {"table_type": "EVENT TABLE"},
    ]
    special = [Kind.DYNAMIC, Kind.ICEBERG, Kind.HYBRID, Kind.VIEW, Kind.EXTERNAL, Kind.OTHER]
    assert [inspection.kind(r) for r in rows] == [Kind.PERMANENT, Kind.TRANSIENT, *special]


# Outliers


def scoped(*names: str) -> scope.Scope:
    made = tuple(
        ScopedColumn(
            index=i,
            name=name,
            type="DATE" if not i else "NUMBER(38,2)",
            key=not i,
            clock=False,
            allowed=True,
            tolerance=None,
            as_text=False,
            as_json=False,
        )
        for i, name in enumerate(("DATE", *names))
    )
    side = Relation("D", "S", "T")
    return scope.Scope(
        mode=Mode.FULL_REFRESH,
        baseline=side,
        candidate=side,
        columns=made,
        keys=made[:1],
        date=made[0],
        since=None,
        named=(),
        metric_names=(),
        unique=True,
    )


def moved(i: int, offset: int, direction: str = "up", n: int = 1, worst: float | None = 0.5) -> dict[str, object]:
    day = DAY + timedelta(days=offset)
    return {"i": i, "direction": direction, "day": day, "reported": n, "to_explain": n, "worst": worst}


def row(i: int, offset: int, before: str | None, after: str | None, share: float | None) -> dict[str, object]:
    day = DAY + timedelta(days=offset)
    return {"k0": day.isoformat(), "day": day, "i": i, "before_text": before, "after_text": after, "share": share}


def test_groups_hold_contiguous_days_of_one_metric_and_direction() -> None:
    days = [moved(1, 0), moved(1, 1), moved(1, 3), moved(1, 2, "down"), moved(2, 0, worst=None)]
    rows = [row(1, 0, "1", "2", 1.0), row(1, 1, "1", "3", 2.0), row(2, 0, None, "5", None)]
    made = outliers.groups(scoped("A", "B"), days, outliers.outliers(scoped("A", "B"), rows), RULES)
    told = [(g.metric, g.direction, g.first and g.first.day, g.last and g.last.day, g.count) for g in made]
    assert told[0] == ("B", "up", 8, 8, 1)  # appeared: first
    assert sorted(told[1:]) == [("A", "down", 10, 10, 1), ("A", "up", 8, 9, 2), ("A", "up", 11, 11, 1)]
    assert next(g for g in made if g.count == 2).worst[0].after == Decimal(3)


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 200), st.sampled_from(["up", "down"])), max_size=150, unique=True
    )
)
def test_at_most_twenty_groups_and_no_value_is_lost(found: list[tuple[int, int, str]]) -> None:
    days = [moved(*at) for at in found]
    made = outliers.groups(scoped(*(f"M{i}" for i in range(30))), days, (), RULES)
    assert len(made) <= outliers.MOST_GROUPS
    assert sum(g.count for g in made) == len(days)
    assert len({g.id for g in made}) == len(made)


def test_a_groups_id_is_the_hash_of_its_contents() -> None:
    where = scoped("A")

    def ident(after: str, share: float) -> str:
        rows = outliers.outliers(where, [row(1, 0, "1", after, share)])
        return outliers.groups(where, [moved(1, 0, worst=share)], rows, RULES)[0].id

    assert ident("2", 1.0) == ident("2", 1.0)
    assert ident("2", 1.0) != ident("3", 2.0)


def test_nothing_counts_as_appeared_or_vanished() -> None:
    found = outliers.outliers(
        scoped("A"),
        [
            row(1, i, b, a, s)
            for i, (b, a, s) in enumerate(
                [("0", "5", None), (None, "5", None), ("5", "0", None), ("5", None, None), ("5", "4", -0.2)]
            )
        ],
    )
    assert sorted(map(outliers.direction, found)) == ["appeared", "appeared", "down", "vanished", "vanished"]
    assert all(outliers.needs_word(o, RULES) for o in found)
    small = Outlier(key=(), day=DAY, metric="A", before=Decimal(100), after=Decimal(104), change=0.04)
    assert not outliers.needs_word(small, RULES)


def around(baseline: list[str], candidate: list[str]) -> outliers.Around:
    days = tuple(DAY + timedelta(days=i - 1) for i in range(len(baseline)))
    sides = [{("A", d): Decimal(v) for d, v in zip(days, side, strict=True)} for side in (baseline, candidate)]
    return outliers.Around(days=days, baseline=sides[0], candidate=sides[1])


def test_the_headline_shows_the_named_day_with_its_neighbours() -> None:
    metrics = scoped("A").metrics
    line = outliers.headline(metrics, (DAY,), (), around(["10", "9999", "12"], ["10", "11", "12"]))
    assert line is not None
    assert (line.before, line.after, line.day_before, line.day_after) == tuple(map(Decimal, (9999, 11, 10, 12)))
    same = outliers.headline(metrics, (DAY,), (), around(["10", "9999", "12"], ["10", "9999", "12"]))
    assert same is not None
    assert same.before == same.after == 9999
    assert outliers.headline(metrics, (), (), around([], [])) is None


def test_a_named_day_that_the_table_does_not_reach_leaves_the_headline_to_the_largest_change() -> None:
    side = {"first_day": DAY - timedelta(days=1), "last_day": DAY + timedelta(days=1)}
    sides, early = {"baseline": side, "candidate": side}, date(1999, 1, 1)
    moved = (Outlier(key=(), day=DAY, metric="A", before=Decimal(9999), after=Decimal(11), change=-1.0),)
    assert outliers.focus((early,), moved, sides) == outliers.focus((DAY,), moved, sides)
    line = outliers.headline(scoped("A").metrics, (early,), moved, around(["10", "9999", "12"], ["10", "11", "12"]))
    assert line is not None
    assert (line.day, line.before, line.after) == (DAY, 9999, 11)


def test_the_picture_marks_what_differs_beyond_float_noise() -> None:
    drawn = outliers.series("A", around(["1", "2", "3"], ["1.0000000000001", "2.5", "3"]))
    assert drawn.changed == (DAY,)
    assert len(drawn.days) == 3


def test_clocks_are_those_of_the_rules_or_of_the_models_sql_and_a_name_comes_last() -> None:
    unknown = _built(RULES)
    assert (clocks.by_name(unknown), unknown.clock_source) == (("MODIFIED_ON",), "none")
    by_sql = _built(RULES, frozenset({"LOADED"}))
    assert [c.name for c in by_sql.columns if c.clock] == ["LOADED"]
    assert by_sql.clock_source == "the model's SQL"
    by_rule = {c.name: c.clock for c in _built(replace(RULES, clock=("loaded",))).columns}
    assert by_rule == {"DATE": False, "LOADED": True, "MODIFIED_ON": False}


def _built(rules: Rules, written: frozenset[str] = frozenset()) -> scope.Scope:
    both = columns(DATE="DATE", LOADED="TIMESTAMP_NTZ(9)", MODIFIED_ON="TIMESTAMP_NTZ(9)")
    side = Relation("D", "S", "T")
    return scope.build(side, side, (both, both), Request(model="m"), rules, written)


@pytest.mark.parametrize(("type_", "bound"), [("DATE", True), ("TIMESTAMP_NTZ(9)", True), ("TIMESTAMP_TZ(9)", False)])
def test_a_repeated_instant_may_stand_on_two_days(type_: str, bound: bool) -> None:
    """00:00 +00:00 and 23:00 -01:00 are one key in two buckets, of which only one may differ."""
    both, side = columns(AT=type_), Relation("D", "S", "T")
    rules = Rules(grain=Origin(columns=("at",), source="meta"), date_column=Origin(columns=("at",), source="meta"))
    assert scope.build(side, side, (both, both), Request(model="m"), rules).key_bound is bound
