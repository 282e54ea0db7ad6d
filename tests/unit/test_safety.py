"""Safety: what a replacement of production would lose, break or change, and what cannot be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot import dependents, safety
from bot.model import Column, Finding, Kind, Relation, Table, Upstream, Verdict
from bot.report import protected
from bot.settings import PolicySection, Settings, UserSection, WarehouseSection
from bot.wording.findings import line
from tests.refreshes import PROD, plan, table, view
from tests.refreshes import report as sample_report
from tests.unit.samples import columns

PASS, WARN, FAIL, UNKNOWN = Verdict.PASS, Verdict.WARN, Verdict.FAIL, Verdict.UNKNOWN
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
    lists = (
        "policies",
        "tags",
        "streams",
        "dynamic_tables",
        "views",
        "keys",
        "referenced_by",
        "metric_functions",
        "container_grants",
    )
    nothing = dict.fromkeys(lists, ())
    return replace(table(), **({"change_tracking": False} | nothing | values))  # type: ignore[arg-type]


def judged(
    prod: Table | None,
    candidate: Table,
    waive_unknown: bool = False,
    role: str = "TRANSFORMER",
    upstream: Upstream = NO_POLICIES,
    roles: tuple[str, ...] | None = ("BUILDER", "LOADER", "PUBLIC"),
) -> list[Finding]:
    planned = replace(plan(), prod=seen())
    return safety.findings(planned, prod, candidate, upstream, settings(waive_unknown=waive_unknown, role=role), roles)


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
        (seen(grants=("INSERT to ROLE LOADER",)), seen(), "safety:separation", FAIL),  # that its role inherits
        (seen(owner="LOADER"), seen(), "safety:separation", FAIL),
        (seen(container_grants=("OWNERSHIP on SCHEMA A.B to ROLE LOADER",)), seen(), "safety:separation", FAIL),
        (seen(container_grants=("MANAGE GRANTS on ACCOUNT to ROLE PUBLIC",)), seen(), "safety:separation", FAIL),
        (seen(container_grants=("OWNERSHIP on SCHEMA A.B to ROLE OTHERS",)), seen(), "safety:separation", PASS),
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
        given = safety.findings(planned, seen(), candidate, Upstream(), settings(), ())
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
    found = safety.findings(planned, seen(), seen(), Upstream(), settings(), ())
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


def test_tags_of_the_candidate_that_are_not_visible_are_unknown() -> None:
    found = next(f for f in judged(seen(), seen(tags=None)) if f.name == "safety:tags")
    assert (found.verdict, found.blocks) == (UNKNOWN, True)
    assert "Whether the candidate has tags is not visible" in line(found)
