"""Who the gateway is at Snowflake: two users, each with its role and no other, and their key files."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.errors import RefreshError
from bot.model import Kind
from bot.session import Session
from bot.settings import UserSection
from bot.warehouse import NotVisible, Warehouse
from tests.contract.warehouses import DEV, ORDERS, World, made_dev


def cannot_log_in(error: RefreshError) -> bool:
    return "cannot log in" in error.user_text


def test_each_user_has_its_role_and_nothing_beside_it(shop: World) -> None:
    with shop.warehouse.builder("tag:1") as builder, shop.warehouse.promoter("tag:2") as promoter:
        assert builder.role() == "REFRESH_BUILDER"
        assert promoter.role() == "TRANSFORMER"
    ours = [s for s in shop.sandbox.log if s.tag.startswith("tag:")]
    assert {(s.user, s.role, s.tag) for s in ours} == {
        ("REFRESH_BUILDER_SVC", "REFRESH_BUILDER", "tag:1"),
        ("REFRESH_PROMOTER_SVC", "TRANSFORMER", "tag:2"),
    }


@pytest.mark.parametrize("hours", [-1, 0, 1])
def test_a_session_knows_what_time_it_is_at_snowflake(shop: World, hours: int) -> None:
    shop.sandbox.set_clock(timedelta(hours=hours))
    try:
        with shop.warehouse.builder("tag:1") as builder:
            since = builder.now()
            assert abs(since - (datetime.now(UTC) + timedelta(hours=hours))) < timedelta(seconds=10)
            builder.exists(DEV)
            history = builder.history("tag:1", since - timedelta(minutes=1), "DEV")
            assert all(abs(row.started - since) < timedelta(minutes=1) for row in history.rows)
            assert history.rows
            assert builder.history("tag:1", since + timedelta(minutes=1), "DEV").rows == ()
    finally:
        shop.sandbox.set_clock(timedelta())


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


def test_a_session_of_another_role_is_refused(shop: World) -> None:
    """An account may override the role that was asked for at login."""
    builder = UserSection(user="NIGHTLY", role="REFRESH_BUILDER", warehouse="WH")
    with (
        closing(shop.sandbox.connect("NIGHTLY", "nightly")) as connection,
        pytest.raises(RefreshError) as refused,
    ):
        Session(connection, builder, doubts=False)
    assert "TRANSFORMER" in refused.value.user_text


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
