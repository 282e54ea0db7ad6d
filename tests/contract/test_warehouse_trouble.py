"""Statements that fail, leave doubt, run on, or take longer than the lease."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import Cancelled, InDoubt, LostClaim
from bot.model import Kind, Relation
from bot.warehouse import ReadFailed, Unreachable
from tests.contract.warehouses import DEV, FOREVER, ORDERS, World, made_dev

SOON = datetime.now(UTC) - timedelta(minutes=5)


def test_an_error_says_what_without_the_data(shop: World) -> None:
    shop.sandbox.inject("ORDERS_X", "fail", code="100090", message='Duplicate row detected\nRow Values: ["secret", 12]')
    with shop.warehouse.builder("t") as session:
        with pytest.raises(ReadFailed) as caught:
            session.content(ORDERS.renamed("ORDERS_X"), ["A"])
        assert "Duplicate row" in caught.value.user_text
        assert "secret" not in caught.value.user_text + caught.value.detail


def test_a_lost_reply_is_doubt_only_for_what_the_promoter_writes(shop: World) -> None:
    made_dev(shop)
    quick = shop.warehouse
    quick.network_seconds = 2
    try:
        shop.sandbox.inject("AS row_count", "lost_reply", times=50)
        with quick.promoter("t") as session, pytest.raises(Unreachable):
            session.content(FOREVER, ["A"])
        shop.sandbox.clear_faults()
        shop.sandbox.inject("CREATE TABLE", "lost_reply", times=50)
        with quick.promoter("t:doubt") as session, pytest.raises(InDoubt):
            session.clone(FOREVER, Relation("SHOP", "BACKUPS", "B"), Kind.PERMANENT)
        shop.sandbox.clear_faults()
        with quick.promoter("other") as session:
            history = session.history("t:doubt", SOON, "SHOP")
            assert session.exists(Relation("SHOP", "BACKUPS", "B"))
    finally:
        del quick.network_seconds
    sent = [row for row in history.rows if "CLONE" in row.text]
    assert [row.status for row in sent] == ["SUCCESS"]
    assert not history.full_page


def test_history_of_a_tag_that_sent_nothing_is_empty_and_not_full(shop: World) -> None:
    with shop.warehouse.promoter("t") as session:
        history = session.history("nobody", SOON, "SHOP")
    assert (history.rows, history.full_page) == ((), False)


def test_a_running_statement_is_found_by_its_tag_and_cancelled(shop: World) -> None:
    from threading import Thread

    made_dev(shop)
    ended: list[str] = []

    def build() -> None:
        try:
            with shop.warehouse.builder("t:build") as session:
                session.clone(FOREVER, DEV, Kind.PERMANENT)
        except Unreachable as error:
            ended.append(error.detail)

    shop.sandbox.inject("CREATE TABLE", "hang")
    thread = Thread(target=build)
    thread.start()
    with shop.warehouse.builder("t:cancel") as session:
        while not (stopped := session.cancel_tag("t:build", SOON, "DEV")):
            assert thread.is_alive()
    thread.join(20)
    assert stopped == 1
    assert "000604" in ended[0]


# Statements that take long


def test_a_statement_longer_than_the_lease_keeps_the_step_alive(shop: World) -> None:
    renewed: list[float] = []
    shop.sandbox.inject("COUNT", "slow", seconds=2.5)
    with shop.warehouse.builder("t", alive=lambda: renewed.append(time.monotonic())) as session:
        assert session.content(ORDERS).rows == 2
    assert len(renewed) >= 2


def test_a_statement_that_nobody_waits_for_any_more_is_stopped_at_snowflake(shop: World) -> None:
    def cancelled() -> None:
        if any("COUNT" in s.sql.upper() and not s.ended for s in shop.sandbox.log):
            raise Cancelled("Cancelled.")

    shop.sandbox.inject("COUNT", "hang")
    with shop.warehouse.builder("t", alive=cancelled) as session, pytest.raises(Cancelled):
        session.content(ORDERS)
    ended = shop.sandbox.wait(lambda log: [s for s in log if "COUNT" in s.sql.upper() and s.ended], 20)
    assert "canceled" in (ended[-1].error or "").lower()
    assert len(session.query_ids) == len(session.statements)  # one for each, also where nobody waited


def test_a_write_to_production_is_never_stopped_halfway(shop: World) -> None:
    """Who loses the claim meanwhile leaves it running: the next one looks for it."""

    def lost() -> None:
        if any("ORDERS_COPY" in s.sql for s in shop.sandbox.log):
            raise LostClaim("moved on", "fence 2")

    copy = ORDERS.renamed("ORDERS_COPY")
    shop.sandbox.inject("CREATE OR REPLACE", "slow", seconds=8)
    with shop.warehouse.promoter("t", alive=lost) as session, pytest.raises(LostClaim):
        session.clone(ORDERS, copy, Kind.TRANSIENT, replace=True)
    written = shop.sandbox.wait(lambda log: [s for s in log if "ORDERS_COPY" in s.sql and s.ended], 20)
    assert written[-1].error is None
