"""The Snowflake gateway against the sandbox: identities, what it sees, what it changes, and how errors are told apart."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import inspection, queries, upstream
from bot.errors import Cancelled, InDoubt, LostClaim, RefreshError
from bot.model import Column, Kind, Relation, Upstream
from bot.session import Session
from bot.settings import UserSection
from bot.warehouse import NotVisible, SqlError, TransientSource, Unreachable, Warehouse
from tests.contract.warehouses import World, world

ORDERS = Relation("SHOP", "PROD", "ORDERS")
FOREVER = Relation("SHOP", "PROD", "FOREVER")
DEV = Relation("DEV", "DEV_REFRESH_BOT", "ORDERS")
SOON = datetime.now(UTC) - timedelta(minutes=5)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, object]]:
    with world(tmp_path_factory.mktemp("keys")) as made:
        made.nightly(
            "CREATE TRANSIENT TABLE SHOP.PROD.ORDERS (DAY DATE NOT NULL, AMOUNT NUMBER(38,2), NOTE VARCHAR(40) COMMENT 'free text')",
            "INSERT INTO SHOP.PROD.ORDERS VALUES ('2026-04-07', 1.50, 'a'), ('2026-04-08', 2.25, NULL)",
            "CREATE TRANSIENT TABLE SHOP.PROD.ORDERS_X AS SELECT 1 AS A",  # what LIKE 'ORDERS_' might meet
            "CREATE TABLE SHOP.PROD.FOREVER AS SELECT 1 AS A",
            "CREATE VIEW SHOP.PROD.READS_IT AS SELECT DAY, AMOUNT FROM SHOP.PROD.ORDERS",
            "CREATE VIEW SHOP.PROD.READS_ANOTHER AS SELECT A FROM SHOP.PROD.ORDERS_X",
        )
        yield made, made.sandbox.save()


@pytest.fixture
def shop(running: tuple[World, object]) -> Iterator[World]:
    made, saved = running
    yield made
    made.sandbox.clear_faults()
    made.sandbox.restore(saved)


def made_dev(shop: World) -> None:
    with shop.warehouse.builder("t") as session:
        session.ensure_dev_schema(DEV, "TRANSFORMER")


def cannot_log_in(error: RefreshError) -> bool:
    return "cannot log in" in error.user_text


# Identities


def test_each_user_has_its_role_and_nothing_beside_it(shop: World) -> None:
    with shop.warehouse.builder("tag:1") as builder, shop.warehouse.promoter("tag:2") as promoter:
        assert builder.role() == "REFRESH_BUILDER"
        assert promoter.role() == "TRANSFORMER"
    ours = [s for s in shop.sandbox.log if s.tag.startswith("tag:")]
    assert {(s.user, s.role, s.tag) for s in ours} == {
        ("REFRESH_BUILDER_SVC", "REFRESH_BUILDER", "tag:1"),
        ("REFRESH_PROMOTER_SVC", "TRANSFORMER", "tag:2"),
    }


def test_a_wrong_identity_is_refused_in_words(shop: World) -> None:
    promoters = shop.settings.secrets.snowflake_promoter_key_file
    secrets = shop.settings.secrets.model_copy(update={"snowflake_builder_key_file": promoters})
    mistaken = Warehouse(shop.settings.model_copy(update={"secrets": secrets}), "x")
    with pytest.raises(RefreshError, check=cannot_log_in), mistaken.builder("t"):
        pass
    place = shop.settings.warehouse
    other = place.builder.model_copy(update={"role": "BI"})
    settings = shop.settings.model_copy(update={"warehouse": place.model_copy(update={"builder": other})})
    with pytest.raises(RefreshError, check=cannot_log_in), Warehouse(settings, "x").builder("t"):
        pass


def test_a_session_with_secondary_roles_is_refused(shop: World) -> None:
    """One user that may use all its roles at once would have no separation at all."""
    shop.admin("ALTER USER NIGHTLY SET DEFAULT_SECONDARY_ROLES = ('ALL')")
    nightly = UserSection(user="NIGHTLY", role="TRANSFORMER", warehouse="WH")
    with (
        closing(shop.sandbox.connect("NIGHTLY", "nightly")) as connection,
        pytest.raises(RefreshError) as refused,
    ):
        Session(connection, nightly, doubts=False)
    assert "`NIGHTLY` has secondary roles" in refused.value.user_text


def test_no_key_is_said(shop: World) -> None:
    secrets = shop.settings.secrets.model_copy(update={"snowflake_promoter_key_file": None})
    nobody = Warehouse(shop.settings.model_copy(update={"secrets": secrets}), "x")
    with pytest.raises(RefreshError, match="No key file"), nobody.promoter("t"):
        pass


def test_a_key_file_is_read_again_once_it_was_exchanged(shop: World, tmp_path: Path) -> None:
    own, file = shop.settings.secrets, tmp_path / "key.pem"
    secrets = own.model_copy(update={"snowflake_builder_key_file": file})
    warehouse = Warehouse(shop.settings.model_copy(update={"secrets": secrets}), "x")
    with pytest.raises(RefreshError, check=unusable_key), warehouse.builder("t"):
        pass
    exchange(file, b"no key", at=1)
    with pytest.raises(RefreshError, check=unusable_key), warehouse.builder("t"):
        pass
    exchange(file, own.snowflake_promoter_key_file.read_bytes(), at=2)
    with pytest.raises(RefreshError, check=cannot_log_in), warehouse.builder("t"):
        pass
    exchange(file, own.snowflake_builder_key_file.read_bytes(), at=3)
    with warehouse.builder("t") as session:
        assert session.role() == "REFRESH_BUILDER"


def exchange(file: Path, content: bytes, at: int) -> None:
    file.write_bytes(content)
    os.utime(file, (at, at))


def unusable_key(error: RefreshError) -> bool:
    return "key file of the Snowflake user `REFRESH_BUILDER_SVC` cannot be used" in error.user_text


def test_the_builder_can_never_write_to_production(shop: World) -> None:
    made_dev(shop)
    with shop.warehouse.builder("t") as session:
        session.clone(ORDERS, DEV, Kind.TRANSIENT)
        for attempt in (
            lambda: session.clone(DEV, ORDERS, Kind.TRANSIENT, replace=True),
            lambda: session.rename(DEV, ORDERS.renamed("NEW")),
            lambda: session.drop(ORDERS),
            lambda: session.send("DELETE FROM SHOP.PROD.ORDERS"),
        ):
            with pytest.raises(NotVisible):
                attempt()


# Looking


def test_a_table_as_the_catalog_describes_it(shop: World) -> None:
    with shop.warehouse.promoter("t") as session:
        table = session.table(ORDERS)
        assert session.table(ORDERS.renamed("ORDER_")) is None
        assert session.table(ORDERS.renamed("orders")) is None
    assert table is not None
    assert (table.kind, table.owner, table.row_count) == (Kind.TRANSIENT, "TRANSFORMER", 2)
    assert table.columns == (
        Column(name="DAY", type="DATE", nullable=False),
        Column(name="AMOUNT", type="NUMBER(38,2)"),
        Column(name="NOTE", type="VARCHAR(40)", comment="free text"),
    )
    assert table.grants == ("SELECT to ROLE BI", "SELECT to ROLE REFRESH_BUILDER")
    assert table.created.tzinfo is not None
    assert table.retention == 1
    assert (table.change_tracking, table.search_optimization) == (False, False)
    assert (table.policies, table.tags, table.streams, table.dynamic_tables) == ((), (), (), ())
    assert (table.keys, table.referenced_by, table.metric_functions) == ((), (), ())
    assert table.views == ("SHOP.PROD.READS_IT",)


def test_keys_and_metric_functions_are_seen_on_the_table_and_from_others(shop: World) -> None:
    shop.nightly(
        "ALTER TABLE SHOP.PROD.ORDERS ADD CONSTRAINT K PRIMARY KEY (DAY, NOTE) RELY",
        "ALTER TABLE SHOP.PROD.ORDERS ADD UNIQUE (AMOUNT)",
        "CREATE TABLE SHOP.PROD.LINES (D DATE, N VARCHAR, FOREIGN KEY (D, N) REFERENCES SHOP.PROD.ORDERS (DAY, NOTE))",
        "ALTER TABLE SHOP.PROD.ORDERS SET DATA_METRIC_SCHEDULE = '5 MINUTE'",
        "ALTER TABLE SHOP.PROD.ORDERS ADD DATA METRIC FUNCTION SNOWFLAKE.CORE.NULL_COUNT ON (AMOUNT)",
    )
    refers = 'FOREIGN KEY ("D", "N") REFERENCES "SHOP"."PROD"."ORDERS" ("DAY", "NOTE")'
    with shop.warehouse.promoter("t") as session:
        orders, lines = session.table(ORDERS), session.table(ORDERS.renamed("LINES"))
    assert orders is not None and lines is not None
    assert orders.keys == ('PRIMARY KEY ("DAY", "NOTE") RELY', 'UNIQUE ("AMOUNT")')
    assert orders.referenced_by == (f"SHOP.PROD.LINES {refers}",)
    assert orders.metric_functions == ('SNOWFLAKE.CORE.NULL_COUNT ON ("AMOUNT") SCHEDULE 5 MINUTE',)
    assert (lines.keys, lines.referenced_by, lines.metric_functions) == ((refers,), (), ())


def test_a_copy_of_ours_is_looked_at_without_what_reads_or_guards_it(shop: World) -> None:
    with shop.warehouse.builder("t") as session:
        table = session.table(ORDERS, alone=True)
    assert table is not None
    assert (table.tags, table.keys, table.change_tracking) == ((), (), False)
    assert (table.grants, table.streams, table.views, table.referenced_by) == (None,) * 4


def test_a_columns_default_is_seen(shop: World) -> None:
    shop.nightly("CREATE TABLE SHOP.PROD.FILLED (A INT DEFAULT 7, B INT)")
    with shop.warehouse.promoter("t") as session:
        assert [bool(c.default) for c in session.columns(ORDERS.renamed("FILLED"))] == [True, False]
    identity = {"column_name": "A", "data_type": "NUMBER", "is_identity": "YES"}
    assert inspection.column(identity).default == "AUTOINCREMENT"


def test_recorded_changes_are_seen(shop: World) -> None:
    with shop.sandbox.admin() as connection, connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {ORDERS.sql} SET CHANGE_TRACKING = TRUE")
    with shop.warehouse.promoter("t") as session:
        table = session.table(ORDERS)
    assert table is not None
    assert table.change_tracking is True


def test_kinds(shop: World) -> None:
    with shop.warehouse.promoter("t") as session:
        kinds = [session.table(ORDERS.renamed(name)) for name in ("ORDERS", "FOREVER", "READS_IT")]
    assert [t and t.kind for t in kinds] == [Kind.TRANSIENT, Kind.PERMANENT, Kind.VIEW]


def test_what_is_refused_is_unknown_not_empty(shop: World) -> None:
    for what in (
        "SHOW GRANTS",
        "POLICY_REFERENCES",
        "TAG_REFERENCES",
        "SHOW STREAMS",
        "SHOW DYNAMIC",
        "SHOW VIEWS",
        "SHOW TABLES",
        "SHOW UNIQUE KEYS",
        "SHOW EXPORTED KEYS",
        "DATA_METRIC_FUNCTION_REFERENCES",
    ):
        shop.sandbox.inject(what, "fail", code="003001", message="Insufficient privileges")
    with shop.warehouse.promoter("t") as session:
        table = session.table(ORDERS)
    assert table is not None
    unseen = (table.grants, table.policies, table.tags, table.streams, table.dynamic_tables, table.views)
    unseen += (table.keys, table.referenced_by, table.metric_functions)
    assert (*unseen, table.change_tracking) == (None,) * 10


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


def test_a_database_out_of_sight_is_an_error(shop: World) -> None:
    with shop.warehouse.builder("t") as session, pytest.raises(NotVisible):
        session.table(Relation("ELSEWHERE", "PROD", "ORDERS"))


def test_a_token_moves_with_every_change_and_only_then(shop: World) -> None:
    with shop.warehouse.builder("t") as session:
        first, again = session.token(ORDERS), session.token(ORDERS)
        assert first is not None
        assert first == again
        assert (first.row_count, first.owner, first.kind) == (2, "TRANSFORMER", Kind.TRANSIENT)
        shop.nightly("UPDATE SHOP.PROD.ORDERS SET AMOUNT = 3 WHERE DAY = '2026-04-08'")
        assert session.token(ORDERS) != first
        assert session.token(ORDERS.renamed("NOT_THERE")) is None


def test_content_is_order_free_and_by_column_name(shop: World) -> None:
    shop.nightly(
        "CREATE TRANSIENT TABLE SHOP.PROD.TURNED AS SELECT NOTE, DAY, AMOUNT FROM SHOP.PROD.ORDERS ORDER BY DAY DESC",
        "CREATE TRANSIENT TABLE SHOP.PROD.TWICE AS SELECT * FROM SHOP.PROD.ORDERS UNION ALL SELECT * FROM SHOP.PROD.ORDERS",
        "CREATE TRANSIENT TABLE SHOP.PROD.NONE_LEFT AS SELECT * FROM SHOP.PROD.ORDERS WHERE FALSE",
    )
    with shop.warehouse.builder("t") as session:
        content = session.content(ORDERS)
        assert content.rows == 2
        assert session.content(ORDERS.renamed("TURNED")) == content
        twice = session.content(ORDERS.renamed("TWICE"))
        assert (twice.rows, twice.hash == content.hash) == (4, False)
        assert session.content(ORDERS.renamed("NONE_LEFT")).rows == 0
        assert session.content(ORDERS, ["DAY"]) == session.content(ORDERS.renamed("TURNED"), ["DAY"])


# Changing


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
        with pytest.raises(SqlError):
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


# What went wrong


def test_an_error_says_what_without_the_data(shop: World) -> None:
    shop.sandbox.inject("ORDERS_X", "fail", code="100090", message='Duplicate row detected\nRow Values: ["secret", 12]')
    with shop.warehouse.builder("t") as session:
        with pytest.raises(SqlError) as caught:
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
        except SqlError as error:
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
