"""What production and the dev schema forbid is refused before anything is built, with the way out (design 2.2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.settings import ModelSection
from tests.stories import acts
from tests.stories.conftest import EZ, FACT, Parts, Stage, staged

PROD = "ANALYTICS.PROD"
DEV = "DEV.DEV_REFRESH_BOT"
OVERVIEW = "ETHEREUM.PROD_CORE.ECOSYSTEM_OVERVIEW"


@pytest.fixture(scope="module")
def prod(project: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Production with many things in it that cannot be refreshed."""
    with staged(project, tmp_path_factory.mktemp("tables"), {}) as stage:
        stage.nightly_writes(f"{PROD}.FACT_SOLANA_ACTIVITY", f"DROP TABLE {PROD}.FACT_SOLANA_ACTIVITY")
        stage.nightly_writes(OVERVIEW, f"DROP TABLE {OVERVIEW}")
        stage.nightly_writes(OVERVIEW, f"CREATE VIEW {OVERVIEW} AS SELECT date FROM {EZ}")
        stage.nightly_writes(
            f"{PROD}.FACT_SOLANA_MARKET",
            f"CREATE OR REPLACE TABLE {PROD}.FACT_SOLANA_MARKET AS SELECT * FROM {PROD}.FACT_ETHEREUM_MARKET",
        )
        stage.as_admin(
            f"GRANT OWNERSHIP ON TABLE {PROD}.FACT_ETHEREUM_ACTIVITY TO ROLE DASHBOARD COPY CURRENT GRANTS",
            f"GRANT SELECT ON TABLE {PROD}.FACT_ETHEREUM_ACTIVITY TO ROLE TRANSFORMER",
        )
        stage.as_builder(f"CREATE SCHEMA {DEV}", f"CREATE TABLE {DEV}.FACT_ETHEREUM_GAS (date DATE)")
        stage.as_admin(
            f"GRANT OWNERSHIP ON TABLE {DEV}.FACT_ETHEREUM_GAS TO ROLE TRANSFORMER",
            f"GRANT SELECT ON TABLE {DEV}.FACT_ETHEREUM_GAS TO ROLE REFRESH_BUILDER",
        )
        stage.world.snowflake.show_as(f"{PROD}.FACT_ETHEREUM_MARKET", "DYNAMIC")
        stage.world.snowflake.show_as(f"{PROD}.FACT_ETHEREUM_BRIDGE_TRANSFERS", "HYBRID")
        stage.world.snowflake.show_as(f"{PROD}.FACT_SOLANA_DAILY_DEX_VOLUMES", "ICEBERG")
        stage.world.snowflake.show_as(f"{PROD}.DIM_CHAINS", "EXTERNAL")
        yield stage
        assert not [s for s in stage.world.snowflake.log if " CLONE " in s.sql]  # not even a baseline was taken


ONLY = "only permanent and transient tables can be replaced by a clone."
REFUSED = {
    "no table yet": (
        "fact_solana_activity",
        f"`{PROD}.FACT_SOLANA_ACTIVITY` does not exist yet, or I may not see it: a first deployment of "
        "`fact_solana_activity` is not a refresh. If it exists, grant the builder SELECT on it (`dbt-refresh grants`).",
    ),
    "a view": ("ecosystem_overview", f"`{OVERVIEW}` is a view; {ONLY}"),
    "a dynamic table": ("fact_ethereum_market", f"`{PROD}.FACT_ETHEREUM_MARKET` is a dynamic table; {ONLY}"),
    "a hybrid table": (
        "fact_ethereum_bridge_transfers",
        f"`{PROD}.FACT_ETHEREUM_BRIDGE_TRANSFERS` is a hybrid table; {ONLY}",
    ),
    "an Iceberg table": (
        "fact_solana_daily_dex_volumes",
        f"`{PROD}.FACT_SOLANA_DAILY_DEX_VOLUMES` is an Iceberg table; {ONLY}",
    ),
    "an external table": ("dim_chains", f"`{PROD}.DIM_CHAINS` is an external table; {ONLY}"),
    "another owner": (
        "fact_ethereum_activity",
        f"`{PROD}.FACT_ETHEREUM_ACTIVITY` belongs to role `DASHBOARD`, and I promote as `TRANSFORMER`: the table would "
        "change hands. Give it to `TRANSFORMER`, or let an operator set `[warehouse.promoter] role`.",
    ),
    "somebody else's dev table": (
        "fact_ethereum_gas",
        f"`{DEV}.FACT_ETHEREUM_GAS` belongs to role `TRANSFORMER`, not to `REFRESH_BUILDER`: "
        "drop it or rename it, then ask again.",
    ),
    "a permanent table of a transient model": (
        "fact_solana_market",
        f"`{PROD}.FACT_SOLANA_MARKET` is permanent, and dbt would build `fact_solana_market` transient, which can never be "
        "cloned into it: set `transient: false` in the model, as production has it.",
    ),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_table_that_cannot_be_replaced_is_refused_privately(prod: Stage, why: str) -> None:
    model, sentence = REFUSED[why]
    assert acts.refused(prod, model) == sentence


def test_a_right_of_the_builder_to_write_starts_nothing_however_it_came_to_it(prod: Stage) -> None:
    """Itself, through a role that it inherits, through one that its user may take, as everybody, as owner of the schema."""
    table = f"{PROD}.FACT_ETHEREUM_GAS"
    prod.as_admin("CREATE ROLE LOADER", "CREATE ROLE LOADERS", "GRANT ROLE LOADER TO ROLE LOADERS")
    for give, take in (
        ("GRANT INSERT ON TABLE {t} TO ROLE REFRESH_BUILDER", "REVOKE INSERT ON TABLE {t} FROM ROLE REFRESH_BUILDER"),
        ("GRANT TRUNCATE ON TABLE {t} TO ROLE PUBLIC", "REVOKE TRUNCATE ON TABLE {t} FROM ROLE PUBLIC"),
        ("GRANT ROLE LOADERS TO ROLE REFRESH_BUILDER", "REVOKE ROLE LOADERS FROM ROLE REFRESH_BUILDER"),
        ("GRANT ROLE LOADERS TO USER REFRESH_BUILDER_SVC", "REVOKE ROLE LOADERS FROM USER REFRESH_BUILDER_SVC"),
    ):
        prod.as_admin(give.format(t=table))
        if "LOADERS" in give:
            prod.as_admin(f"GRANT DELETE ON TABLE {table} TO ROLE LOADER")
        said = acts.refused(prod, "fact_ethereum_gas full-refresh")
        assert said.startswith(
            f"dbt builds as `REFRESH_BUILDER`, which may write to `{table}`, so nothing was started."
        ), give
        prod.as_admin(take.format(t=table), f"REVOKE DELETE ON TABLE {table} FROM ROLE LOADER")


def test_an_unknown_column_is_answered_with_those_that_are_there(prod: Stage) -> None:
    said = acts.refused(prod, "ez_ethereum_metrics backfill 2026-04-08 columns=dex_volume,fees")
    near = "`dex_volume` is not a column of `ez_ethereum_metrics`. Did you mean `dex_volumes`? "
    assert said.startswith(f"{near}Its columns are `date`, `chain`, ")
    assert said.endswith("`created_on` and `modified_on`.")


def test_a_plan_is_refused_for_the_same_reasons(prod: Stage) -> None:
    assert acts.refused(prod, "plan fact_solana_market") == REFUSED["a permanent table of a transient model"][1]


def test_a_channel_that_outsiders_read_is_refused(prod: Stage) -> None:
    for typed in ("fact_ethereum_daily_dex_volumes", "plan fact_ethereum_daily_dex_volumes"):
        assert acts.refused(prod, typed, channel="C0SHARED") == (
            "This channel is shared with another organisation, so nothing about production is shown in it: "
            "ask in a channel of your own workspace."
        )


def test_a_dev_schema_of_somebody_else_or_a_transient_one_is_refused(stage: Stage) -> None:
    stage.as_builder(f"CREATE TRANSIENT SCHEMA {DEV}")
    assert acts.refused(stage, "dim_chains") == (
        f"`{PROD}.DIM_CHAINS` is permanent and the dev schema `{DEV}` is transient: nothing built there can ever be cloned "
        "into it. Use a permanent dev schema."
    )
    stage.as_admin(
        f"GRANT OWNERSHIP ON SCHEMA {DEV} TO ROLE TRANSFORMER COPY CURRENT GRANTS",
        f"GRANT USAGE ON SCHEMA {DEV} TO ROLE REFRESH_BUILDER",
    )
    assert acts.refused(stage, "fact_ethereum_gas") == (
        f"The dev schema `{DEV}` belongs to role `TRANSFORMER`: I build only in schemas that `REFRESH_BUILDER` made. "
        "Choose another one in `[dbt.env]`, or drop it."
    )


@pytest.mark.settings(
    warehouse={"prod_databases": ("ETHEREUM",), "warehouses": ()},
    models=(ModelSection(match="ez_*", grain=("day",)),),
)
def test_settings_that_do_not_fit_are_named(stage: Stage) -> None:
    assert stage.told("alice", "fact_ethereum_daily_dex_volumes") == (
        f"`fact_ethereum_daily_dex_volumes` lives in `{FACT}`, and only `ETHEREUM` may be refreshed: "
        "an operator can add `ANALYTICS` to `prod_databases` in refresh.toml."
    )
    assert stage.told("alice", "ez_ethereum_metrics backfill 2026-04-08 warehouse=ANALYTICS_XL") == (
        "No other warehouse may be chosen here: leave `warehouse=` out."
    )
    assert acts.refused(stage, "ez_ethereum_metrics backfill 2026-04-08") == (
        "`grain` in the refresh settings of `ez_ethereum_metrics` names `day`, which its table does not have: "
        "correct the model's `config.meta.refresh`, or `[[models]]` in refresh.toml."
    )
