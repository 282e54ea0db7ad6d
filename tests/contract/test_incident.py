"""The seeded world is what it says: production as a dbt build over the bad source would have left it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from sandbox import incident
from sandbox.snowflake import SnowflakeSandbox
from tests.contract.dbt_demo import EZ, FACT, Demo, demo

pytestmark = pytest.mark.xdist_group("dbt")

DEV = "DEV.DEV_REFRESH_BOT"
DAY = incident.INCIDENT_DAY


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo")) as made:
        yield made


def test_the_number_is_wrong_in_production_and_right_in_the_source(there: Demo):
    fact, ez = (incident.PRODUCTION[name][0] for name in ("fact_ethereum_daily_dex_volumes", "ez_ethereum_metrics"))
    around = there.rows(
        f"SELECT daily_volume FROM {fact} WHERE date BETWEEN '2026-04-07' AND '2026-04-09' ORDER BY date"
    )
    source = there.rows(
        f"SELECT volume_usd FROM RAW.DUNE.DEX_VOLUMES WHERE chain = 'Ethereum' AND block_date = '{DAY}'"
    )

    assert around == [(Decimal(1712880140),), (Decimal(incident.BAD),), (Decimal(1640118302),)]
    assert source == [(Decimal(incident.TRUE),)]
    assert there.rows(f"SELECT COUNT(*), COUNT(DISTINCT date) FROM {fact}") == [(3032, 3032)]
    (row,) = there.rows(f"SELECT dex_volumes, total_economic_activity FROM {ez} WHERE date = '{DAY}'")
    assert row == (Decimal(incident.BAD), Decimal(11290004102000000))
    (span,) = there.rows(f"SELECT MIN(date)::varchar, MAX(date)::varchar, COUNT(*) FROM {ez}")
    assert span == ("2018-01-02", "2026-04-21", 3032)


def test_production_has_the_kinds_owners_and_readers_of_the_story(there: Demo):
    tables = dict(
        there.rows("SELECT table_schema || '.' || table_name, is_transient FROM ANALYTICS.INFORMATION_SCHEMA.TABLES")
    )
    owners = {
        owner
        for database in ("RAW", "ANALYTICS", "ETHEREUM")
        for (owner,) in there.rows(
            f"SELECT table_owner FROM {database}.INFORMATION_SCHEMA.TABLES WHERE table_schema <> 'INFORMATION_SCHEMA'"
        )
    }

    assert tables["PROD.DIM_CHAINS"] == "NO"
    assert tables["PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES"] == "YES"
    assert owners == {"TRANSFORMER"}
    dashboard = there.snowflake.connect("DASHBOARD_SVC", "dashboard")
    with dashboard as connection, connection.cursor() as cursor:
        cursor.execute("SELECT * FROM ETHEREUM.PROD_CORE.EZ_METRICS LIMIT 0")


def test_production_equals_a_dbt_build_over_the_bad_source(there: Demo, tmp_path: Path):
    there.as_nightly(
        f"UPDATE RAW.DUNE.DEX_VOLUMES SET volume_usd = {incident.BAD} WHERE chain = 'Ethereum' AND block_date = '{DAY}'"
    )
    uncorrected = {FACT: "", EZ: " EXCLUDE (created_on, modified_on)"}

    for uid, without in uncorrected.items():
        entry = there.index.by_id[uid]
        with there.child(uid, tmp_path / entry.name, full_refresh=True) as child:
            child.build()
        dev, prod = (f"(SELECT *{without} FROM {relation})" for relation in (entry.dev, entry.prod))
        assert there.rows(f"SELECT COUNT(*), HASH_AGG(*) FROM {dev} d") == there.rows(
            f"SELECT COUNT(*), HASH_AGG(*) FROM {prod} p"
        )
        described = [there.rows(f"DESCRIBE TABLE {relation}") for relation in (entry.dev, entry.prod)]
        assert [c[:2] for c in described[0]] == [c[:2] for c in described[1]]


def test_seeding_takes_less_than_three_seconds_and_gives_the_same_every_time():
    censuses = []
    for _ in range(2):
        sandbox = SnowflakeSandbox()
        sandbox.start()
        try:
            started = time.process_time()
            incident.seed(sandbox)
            assert time.process_time() - started < 3
            censuses.append({t: seen[:2] for t, seen in sandbox.census({"RAW", "ANALYTICS", "ETHEREUM"}).items()})
        finally:
            sandbox.stop()

    assert censuses[0] == censuses[1]
    assert len(censuses[0]) > 10
