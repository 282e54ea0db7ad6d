"""How dbt writes: temporary views, MERGE, transactions, columns that change."""

from __future__ import annotations

from decimal import Decimal

from tests.contract.snowflake_world import World, listed


def test_temporary_views_belong_to_their_session(world: World) -> None:
    world.builder.run(
        "CREATE OR REPLACE TEMPORARY VIEW PROD.CORE.T__DBT_TMP AS (SELECT * FROM PROD.CORE.T WHERE ID < 3)"
    )
    assert world.builder.value("SELECT COUNT(*) FROM PROD.CORE.T__DBT_TMP") == 3
    assert world.promoter.refused("SELECT COUNT(*) FROM PROD.CORE.T__DBT_TMP") == "002003"
    assert [c["name"] for c in world.builder.rows("describe table PROD.CORE.T__DBT_TMP")] == ["ID", "V", "S"]
    world.builder.run("drop view if exists PROD.CORE.T__DBT_TMP cascade")
    assert world.builder.refused("SELECT COUNT(*) FROM PROD.CORE.T__DBT_TMP") == "002003"


def test_dbts_merge_in_a_transaction(world: World) -> None:
    world.builder.run(
        "CREATE OR REPLACE TEMPORARY VIEW DEV.BOT.C__DBT_TMP AS (SELECT 3 AS ID, 0.5 AS V UNION ALL SELECT 50, 1)"
    )
    world.builder.run("BEGIN")
    done = world.builder.run(
        "merge into DEV.BOT.C as DBT_INTERNAL_DEST using DEV.BOT.C__DBT_TMP as DBT_INTERNAL_SOURCE on (DBT_INTERNAL_SOURCE.ID = DBT_INTERNAL_DEST.ID) "
        'when matched then update set "V" = DBT_INTERNAL_SOURCE."V" when not matched then insert ("ID", "V") values ("ID", "V");'
    )
    assert done == [(1, 1)]
    world.builder.run("COMMIT")
    assert world.builder.run("SELECT ID, V FROM DEV.BOT.C WHERE ID IN (3, 50) ORDER BY 1") == [
        (3, Decimal("0.5")),
        (50, Decimal("1.0")),
    ]
    twice = "MERGE INTO DEV.BOT.C D USING (SELECT 3 AS ID, 1 AS V UNION ALL SELECT 3, 2) S ON D.ID = S.ID WHEN MATCHED THEN UPDATE SET V = S.V"
    assert world.builder.refused(twice) == "100090"


def test_transactions(world: World) -> None:
    count = "SELECT COUNT(*) FROM DEV.BOT.C"
    world.builder.run("BEGIN")
    world.builder.run("BEGIN")
    world.builder.run("DELETE FROM DEV.BOT.C")
    assert (world.builder.value(count), world.promoter.value(count)) == (0, 20)
    world.builder.run("ROLLBACK")
    assert world.builder.value(count) == 20
    world.builder.run("BEGIN")
    assert world.builder.refused("SELECT NO_SUCH_COLUMN FROM DEV.BOT.C") == "000904"
    world.builder.run("DELETE FROM DEV.BOT.C WHERE ID = 1")
    world.builder.run("COMMIT")
    assert world.promoter.value(count) == 19
    assert listed(world, "DEV.BOT.C")["rows"] == 19


def test_a_lost_write_is_never_committed_in_silence(world: World) -> None:
    world.builder.run("BEGIN")
    world.builder.run("DELETE FROM DEV.BOT.C")
    assert world.builder.refused("SELECT NO_SUCH_COLUMN FROM DEV.BOT.C") == "000904"
    assert world.builder.refused("INSERT INTO DEV.BOT.C (ID) VALUES (1)") == "000002"
    assert world.builder.refused("COMMIT") == "000002"
    assert world.builder.value("SELECT COUNT(*) FROM DEV.BOT.C") == 20


def test_a_failed_replace_leaves_the_table(world: World) -> None:
    assert world.promoter.refused("CREATE OR REPLACE TRANSIENT TABLE PROD.CORE.T AS SELECT 'x'::INT AS X") == "100038"
    assert world.promoter.value("SELECT COUNT(*) FROM PROD.CORE.T") == 20


def test_columns_are_added_changed_and_dropped(world: World) -> None:
    for sql in (
        "alter table DEV.BOT.C add column N NUMBER(10, 3), M VARCHAR(7)",
        'alter table DEV.BOT.C alter "M" set data type VARCHAR(12)',
        'alter table DEV.BOT.C alter "ID" COMMENT $$$$, "N" COMMENT $$a number$$;',
        "alter table DEV.BOT.C rename column S to TEXT",
        "alter table DEV.BOT.C drop column V",
    ):
        world.builder.run(sql)
    described = [(c["name"], c["type"], c["comment"]) for c in world.builder.rows("describe table DEV.BOT.C")]
    assert described == [
        ("ID", "NUMBER(38,0)", None),
        ("TEXT", "VARCHAR(10)", None),
        ("N", "NUMBER(10,3)", "a number"),
        ("M", "VARCHAR(12)", None),
    ]
