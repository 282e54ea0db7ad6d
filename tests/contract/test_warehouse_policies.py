"""What hides rows or values: policies on all that a model reads, and rows that the builder does not see."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bot import upstream
from bot.model import Kind, Relation, Upstream
from tests.contract.warehouses import DEV, FOREVER, ORDERS, World


@pytest.mark.parametrize("kind", ["MASKING", "ROW ACCESS", "AGGREGATION", "JOIN", "PROJECTION", "STORAGE LIFECYCLE"])
def test_policies_are_unknown_unless_every_kind_would_be_seen(shop: World, kind: str) -> None:
    """Without one of the privileges POLICY_REFERENCES leaves that kind out and says nothing."""
    right = f"APPLY {kind} POLICY ON ACCOUNT"
    with shop.sandbox.admin() as admin:
        admin.cursor().execute(f"REVOKE {right} FROM ROLE TRANSFORMER")
        with shop.warehouse.promoter("t") as session:
            table = session.table(ORDERS)
        admin.cursor().execute(f"GRANT {right} TO ROLE TRANSFORMER")
        with shop.warehouse.promoter("t") as session:
            again = session.table(ORDERS)
    assert table is not None and again is not None
    assert (table.policies, again.policies) == (None, ())


def test_policies_are_looked_for_on_all_that_a_model_reads(shop: World) -> None:
    """On a parent itself, and through views down to the tables; what is hidden on the way is not "none"."""
    shop.nightly("CREATE VIEW SHOP.PROD.DEEPER AS SELECT day FROM shop.prod.reads_it")
    deeper, reads_it, other = (ORDERS.renamed(name) for name in ("DEEPER", "READS_IT", "ORDERS_X"))
    with shop.warehouse.promoter("t") as session:
        assert upstream.look(session, [deeper, other, FOREVER]) == Upstream()
    policy = {"POLICY_NAME": "REGION", "POLICY_KIND": "ROW_ACCESS_POLICY"}
    shop.sandbox.record_show("POLICY_REFERENCES", {"entity": str(ORDERS), **policy})
    masks = {"POLICY_NAME": "PII", "POLICY_KIND": "MASKING_POLICY", "REF_COLUMN_NAME": "DAY"}
    shop.sandbox.record_show("POLICY_REFERENCES", {"entity": str(reads_it), **masks})
    shop.sandbox.record_show("POLICY_REFERENCES", {"entity": str(other), "error": "Insufficient privileges"})
    expiry = {"POLICY_NAME": "KEEP_A_YEAR", "POLICY_KIND": "STORAGE_LIFECYCLE_POLICY"}  # hides nothing
    shop.sandbox.record_show("POLICY_REFERENCES", {"entity": str(FOREVER), **expiry})
    gone = ORDERS.renamed("GONE")
    with shop.warehouse.promoter("t") as session:
        assert upstream.look(session, [FOREVER]) == Upstream()
        assert session.policies(FOREVER) == ("STORAGE_LIFECYCLE_POLICY KEEP_A_YEAR",)
        assert upstream.look(session, [deeper, other, gone]) == Upstream(
            policies=(
                "MASKING_POLICY PII on DAY of SHOP.PROD.READS_IT",
                "ROW_ACCESS_POLICY REGION of SHOP.PROD.ORDERS",
            ),
            unseen=("SHOP.PROD.GONE", "SHOP.PROD.ORDERS_X"),
        )
    asked = [s.sql for s in shop.sandbox.log if "POLICY_REFERENCES" in s.sql and "READS_IT" in s.sql]
    assert "'VIEW'" in asked[-1]  # Snowflake wants to be told what it is


def test_rows_that_the_builder_does_not_see_are_counted_whatever_the_policies_say(shop: World) -> None:
    parents = [ORDERS, FOREVER, ORDERS.renamed("READS_IT"), ORDERS.renamed("GONE"), Relation("SECRET", "X", "Y")]
    with shop.warehouse.builder("t") as session:
        assert upstream.filtered(session, parents) == ()
        shop.sandbox.filter_rows(str(ORDERS), "REFRESH_BUILDER", "DAY < '2026-04-08'")
        assert upstream.filtered(session, parents) == ("SHOP.PROD.ORDERS (1 of 2 rows)",)
        baseline = DEV.renamed("ORDERS__BASELINE")
        session.ensure_dev_schema(DEV, "TRANSFORMER")
        session.clone(ORDERS, baseline, Kind.TRANSIENT)
        assert upstream.hidden(session.snapshot(baseline)) == "1 of 2"
    with shop.warehouse.promoter("t") as session:
        assert upstream.look(session, [ORDERS.renamed("READS_IT")]).reached == (ORDERS, ORDERS.renamed("READS_IT"))
        assert upstream.filtered(session, parents) == ()
        assert upstream.hidden(session.snapshot(ORDERS)) == ""


def test_a_row_that_comes_between_the_two_looks_is_not_called_hidden(shop: World) -> None:
    """A table that is written all the time proves nothing: it is counted after its metadata was read."""
    shop.sandbox.inject("COUNT", "slow", seconds=1.5)
    with shop.warehouse.builder("t") as session, ThreadPoolExecutor() as pool:
        looking = pool.submit(upstream.filtered, session, [ORDERS])
        shop.sandbox.wait(lambda log: any("COUNT(*)" in s.sql and not s.ended for s in log), what="being counted")
        shop.nightly("DELETE FROM SHOP.PROD.ORDERS WHERE DAY < '2026-04-08'")
        assert looking.result(20) == ()


def test_a_parent_that_hides_what_it_reads_is_unseen(shop: World) -> None:
    reads_it = ORDERS.renamed("READS_IT")
    shop.sandbox.show_as(str(reads_it), "SECURE")
    with shop.warehouse.promoter("t") as session:
        assert upstream.look(session, [reads_it]) == Upstream(unseen=(str(reads_it),))
    shop.sandbox.inject("SHOW VIEWS", "fail", code="003001", message="Insufficient privileges")
    with shop.warehouse.promoter("t") as session:
        assert upstream.look(session, [FOREVER]) == Upstream(unseen=(str(FOREVER),))
