"""What SQL writes, and whether that is in dev."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Relation
from bot.write_targets import Dev, Targets, targets

DEV = Dev(
    relation=Relation("DEV", "BOT", "ORDERS"), production=frozenset({("PROD", "CORE"), ("DEV", "CORE"), ("RAW", "IN")})
)


def written(sql: str) -> set[str]:
    found = targets(sql, "DEV", "BOT")
    assert found.known, sql
    return {f"{t.database}.{t.schema}.{t.name}" for t in found.written}


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "select * from PROD.CORE.ORDERS",
        "with x as (select 1 as a) select * from x -- insert into PROD.CORE.ORDERS",
        "select 'delete from PROD.CORE.ORDERS'",
        "show grants on table PROD.CORE.ORDERS",
        "describe table PROD.CORE.ORDERS",
        "explain select * from PROD.CORE.ORDERS",
        "alter session set query_tag = 'x'",
        "use warehouse BIG",
        "begin; select 1; commit",
        "select system$last_change_commit_time('PROD.CORE.ORDERS')",
    ],
)
def test_what_only_reads(sql: str) -> None:
    assert targets(sql, "DEV", "BOT").none


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("merge into P.S.T using D.E.F on 1 = 1 when matched then delete", {"P.S.T"}),
        ("insert into t select * from P.S.T", {"DEV.BOT.T"}),
        ("insert overwrite into s.t (a, b) values (1, 2)", {"DEV.S.T"}),
        ('insert into "p".s."T x" select 1', {"p.S.T x"}),
        ("insert all into P.S.T into D.E.F select 1", {"P.S.T", "D.E.F"}),
        ("update P.S.T t set a = 1 from D.E.F", {"P.S.T"}),
        ("delete from P.S.T using D.E.F x where 1 = 1", {"P.S.T"}),
        ("truncate table if exists P.S.T", {"P.S.T"}),
        ("create or replace transient table P.S.T clone D.E.F", {"P.S.T"}),
        ("create or replace view P.S.T as select * from D.E.F", {"P.S.T"}),
        ("create schema if not exists P.S", {"P.S."}),
        ("drop schema s", {"DEV.S."}),
        ("drop table P.S.T", {"P.S.T"}),
        ("alter table P.S.T swap with D.E.F", {"P.S.T", "D.E.F"}),
        ("alter table P.S.T rename to D.E.F", {"P.S.T", "D.E.F"}),
        ("comment on table P.S.T is 'x'", {"P.S.T"}),
        ("copy into P.S.T from @stage", {"P.S.T"}),
        ("grant select on table P.S.T to role r", {"P.S.T"}),
        ("grant select on P.S.T to role r", {"P.S.T"}),
        ("revoke select on view P.S.T from role r", {"P.S.T"}),
        ("grant usage on schema P.S to role r", {"P.S."}),
        ("grant select on all tables in schema P.S to role r", {"P.S."}),
        ("select 1; begin; delete from P.S.T; commit", {"P.S.T"}),
    ],
)
def test_what_is_written(sql: str, names: set[str]) -> None:
    assert written(sql) == names


@pytest.mark.parametrize(
    "sql",
    [
        "call P.S.LOAD()",
        "execute immediate 'drop table P.S.T'",
        "execute immediate $$ begin drop table P.S.T; end $$",
        "insert into identifier('P.S.T') select 1",
        "insert into identifier($t) select 1",
        "insert into {{ ref('x') }} select 1",
        "{# not rendered #} select 1",
        "copy into @stage from P.S.T",
        "create task P.S.T warehouse = w schedule = '1 minute' as delete from P.S.T",
        "create database P",
        "drop database P",
        "alter schema P.S rename to P.T",
        "grant usage on database P to role r",
        "grant role a to role b",
        "use role TRANSFORMER",
        "use schema P.S",
        "select system$cancel_query('x')",
        "put file://x @stage",
        "select 1; call P.S.LOAD()",
        "this is no sql at all",
    ],
)
def test_what_cannot_be_told_is_not_known(sql: str) -> None:
    assert not targets(sql, "DEV", "BOT").known


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        (("DEV", "BOT", "ORDERS"), True),
        (("DEV", "BOT", "ANYTHING"), True),
        (("DEV", "BOT_AUDIT", ""), True),
        (("DEV", "CORE", "ORDERS"), False),  # production stands there
        (("PROD", "CORE", "ORDERS"), False),
        (("PROD", "ELSEWHERE", "ORDERS"), False),
        (("PROD", "", ""), False),
    ],
)
def test_where_a_build_may_write(name: tuple[str, str, str], inside: bool) -> None:
    assert DEV.has(Relation(*name)) is inside
    assert bool(DEV.outside(Targets(frozenset({Relation(*name)})))) is not inside


def test_in_a_schema_that_dev_shares_with_production_only_the_models_own_is_dev() -> None:
    shared = Dev(relation=Relation("DEV", "BOT", "ORDERS"), production=frozenset({("DEV", "BOT")}))
    assert shared.has(Relation("DEV", "BOT", "ORDERS__DBT_TMP"))
    assert not shared.has(Relation("DEV", "BOT", "CUSTOMERS"))
    assert not shared.has(Relation("DEV", "BOT", ""))


@given(st.lists(st.sampled_from(["select 1", "delete from PROD.CORE.T", "insert into T select 1", "call p()"])))
def test_one_statement_among_others_is_enough(statements: list[str]) -> None:
    found = targets(";\n".join(statements), "DEV", "BOT")
    assert found.known is ("call p()" not in statements)
    if found.known:
        assert bool(DEV.outside(found)) is ("delete from PROD.CORE.T" in statements)
        assert found.none is (set(statements) <= {"select 1"})


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    targets(text, "DEV", "BOT")
