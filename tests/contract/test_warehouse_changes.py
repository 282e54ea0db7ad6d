"""What the gateway changes: clones, freezing, the approved statements, the dev schema."""

from __future__ import annotations

import pytest

from bot import queries
from bot.model import Kind, Relation
from bot.warehouse import TransientSource, Unreachable
from tests.contract.warehouses import DEV, FOREVER, ORDERS, World, made_dev


def test_freezing_keeps_kind_and_content(shop: World) -> None:
    made_dev(shop)
    baseline, candidate = DEV.renamed("ORDERS__BASELINE"), DEV.renamed("ORDERS__CANDIDATE")
    with shop.warehouse.builder("t") as session:
        token = session.token(ORDERS)
        session.clone(ORDERS, baseline, Kind.TRANSIENT)
        frozen = session.snapshot(baseline, prod_token=token)
        assert (frozen.kind, frozen.content, frozen.prod_token) == (Kind.TRANSIENT, session.content(ORDERS), token)
        session.clone(baseline, DEV, Kind.TRANSIENT, replace=True)
        session.rename(DEV, candidate)
        session.grant_select(candidate, "TRANSFORMER")
        assert not session.exists(DEV)
        with pytest.raises(Unreachable, match="already exists"):
            session.clone(ORDERS, baseline, Kind.TRANSIENT)  # a name is never used twice
    with shop.warehouse.promoter("t") as session:
        assert session.content(candidate) == frozen.content


def test_a_transient_source_cannot_become_permanent(shop: World) -> None:
    made_dev(shop)
    with shop.warehouse.builder("t") as session:
        with pytest.raises(TransientSource) as caught:
            session.clone(ORDERS, DEV, Kind.PERMANENT)
        assert caught.value.code == 2120
        session.clone(FOREVER, DEV, Kind.PERMANENT)
        assert session.snapshot(DEV).kind is Kind.PERMANENT


def test_the_approved_list_replaces_production_and_keeps_its_grants(shop: World) -> None:
    made_dev(shop)
    backup = Relation("SHOP", "BACKUPS", "ORDERS__BACKUP_R1")
    with shop.warehouse.builder("t") as session:
        session.clone(ORDERS, DEV, Kind.TRANSIENT)
        session.send(f"UPDATE {DEV.sql} SET AMOUNT = 9")
        wanted = session.content(DEV)
    with shop.warehouse.promoter("t") as session:
        prod = session.table(ORDERS)
        assert prod is not None
        before = session.content(ORDERS)
        statements = queries.promotion(prod, DEV, backup)
        assert statements == (
            'CREATE TRANSIENT TABLE "SHOP"."BACKUPS"."ORDERS__BACKUP_R1"\n  CLONE "SHOP"."PROD"."ORDERS"',
            'CREATE OR REPLACE TRANSIENT TABLE "SHOP"."PROD"."ORDERS"\n  CLONE "DEV"."DEV_REFRESH_BOT"."ORDERS" COPY GRANTS',
        )
        for statement in statements:
            assert session.send(statement)
        after = session.table(ORDERS)
        assert after is not None
        assert (after.owner, after.kind, after.grants) == (prod.owner, prod.kind, prod.grants)
        assert session.content(ORDERS) == wanted
        assert session.content(backup) == before
        assert session.answers(ORDERS.renamed("READS_IT"))
        assert session.statements[-1].startswith("SELECT * FROM")
    assert [s.sql for s in shop.sandbox.writes({"SHOP"}) if s.user == "REFRESH_PROMOTER_SVC"] == list(statements)


def test_the_dev_schema_is_opened_again_without_harm(shop: World) -> None:
    made_dev(shop)
    made_dev(shop)
    with shop.warehouse.builder("t") as session:
        found = session.schema(DEV)
        assert found is not None
        assert (found.owner, found.transient) == ("REFRESH_BUILDER", False)
        assert session.schema(Relation("DEV", "OTHER", "X")) is None
