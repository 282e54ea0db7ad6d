"""What the look after the replacement proves, and what it does not: not visible is never passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bot.model import Finding, Relation, State, Verdict
from bot.verification import verify
from tests.contract.warehouses import World, world
from tests.refreshes import in_state

ORDERS = Relation("SHOP", "PROD", "ORDERS")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("keys")) as made:
        made.nightly(
            "CREATE TRANSIENT TABLE SHOP.PROD.ORDERS (DAY DATE, AMOUNT NUMBER(38,2))",
            "CREATE VIEW SHOP.PROD.WHOLE AS SELECT DAY, AMOUNT FROM SHOP.PROD.ORDERS",
        )
        yield made


def verified(shop: World, *, listed: bool = True) -> dict[str, Finding]:
    """The findings on production as it was before; where views were `listed`, a column that one reads has gone since."""
    refresh = replace(in_state(State.VERIFYING), prod=ORDERS)
    assert refresh.promotion and refresh.candidate
    with shop.warehouse.promoter("t") as session:
        if not listed:
            shop.sandbox.inject("SHOW VIEWS", "fail", message="not for you")
        before = session.table(ORDERS)
        assert before is not None
        promotion = replace(refresh.promotion, before=before)
        if listed:
            shop.nightly("ALTER TABLE SHOP.PROD.ORDERS RENAME COLUMN AMOUNT TO VALUE")
        findings = verify(session, refresh, promotion, refresh.candidate.content)
    return {f.name.removeprefix("verification:"): f for f in findings}


def test_views_that_could_not_be_listed_are_unknown(shop: World) -> None:
    findings = verified(shop, listed=False)
    assert findings["views"].verdict is Verdict.UNKNOWN
    assert findings["grants"].verdict is Verdict.PASS


def test_a_view_that_no_longer_answers_is_named(shop: World) -> None:
    findings = verified(shop)
    assert findings["views"].verdict is Verdict.FAIL
    assert findings["views"].numbers["broken"] == ["SHOP.PROD.WHOLE"]
