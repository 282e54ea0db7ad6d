"""Seeds the local Snowflake with the incident: production as the nightly run left it, and a source corrected since.

The nightly's tables come from the very models of `sandbox/project`, rendered in miniature, so that production is what
a dbt build over the bad source would have made. Nothing is random: every number is a function of its day.
"""

from __future__ import annotations

import re
from pathlib import Path

import jinja2

from sandbox.snowflake import SnowflakeSandbox

MODELS = Path(__file__).resolve().parent / "project" / "models"
SEEDS = MODELS.parent / "seeds"

INCIDENT_DAY = "2026-04-08"
BAD = "11290000000000000"
TRUE = "1676204911.20"

# Built in this order; where each lands in production, and the keyword of its kind.
PRODUCTION = {
    "fact_ethereum_daily_dex_volumes": ("ANALYTICS.PROD.FACT_ETHEREUM_DAILY_DEX_VOLUMES", "TRANSIENT TABLE"),
    "fact_solana_daily_dex_volumes": ("ANALYTICS.PROD.FACT_SOLANA_DAILY_DEX_VOLUMES", "TRANSIENT TABLE"),
    "fact_ethereum_activity": ("ANALYTICS.PROD.FACT_ETHEREUM_ACTIVITY", "TRANSIENT TABLE"),
    "fact_solana_activity": ("ANALYTICS.PROD.FACT_SOLANA_ACTIVITY", "TRANSIENT TABLE"),
    "fact_ethereum_market": ("ANALYTICS.PROD.FACT_ETHEREUM_MARKET", "TRANSIENT TABLE"),
    "fact_solana_market": ("ANALYTICS.PROD.FACT_SOLANA_MARKET", "TRANSIENT TABLE"),
    "fact_ethereum_gas": ("ANALYTICS.PROD.FACT_ETHEREUM_GAS", "TRANSIENT TABLE"),
    "fact_ethereum_bridge_transfers": ("ANALYTICS.PROD.FACT_ETHEREUM_BRIDGE_TRANSFERS", "TRANSIENT TABLE"),
    "dex_share": ("ANALYTICS.PROD.DEX_SHARE", "VIEW"),
    "dim_chains": ("ANALYTICS.PROD.DIM_CHAINS", "TABLE"),
    "ez_ethereum_metrics": ("ETHEREUM.PROD_CORE.EZ_METRICS", "TRANSIENT TABLE"),
    "ez_solana_metrics": ("ANALYTICS.PROD_CORE.EZ_METRICS", "TRANSIENT TABLE"),
    "ecosystem_overview": ("ETHEREUM.PROD_CORE.ECOSYSTEM_OVERVIEW", "TRANSIENT TABLE"),
}
_CHAINS = "ANALYTICS.PROD.CHAINS"  # the seed
_EZ = ("ETHEREUM.PROD_CORE.EZ_METRICS", "ANALYTICS.PROD_CORE.EZ_METRICS")

_PEOPLE = """
CREATE WAREHOUSE ETHEREUM;
CREATE WAREHOUSE ANALYTICS_XL;
CREATE WAREHOUSE NIGHTLY;
CREATE WAREHOUSE DASHBOARD;
CREATE ROLE TRANSFORMER;
CREATE ROLE DASHBOARD;
CREATE USER DBT_NIGHTLY PASSWORD = 'nightly' DEFAULT_ROLE = TRANSFORMER DEFAULT_WAREHOUSE = NIGHTLY
  DEFAULT_SECONDARY_ROLES = ();
CREATE USER DASHBOARD_SVC PASSWORD = 'dashboard' DEFAULT_ROLE = DASHBOARD DEFAULT_WAREHOUSE = DASHBOARD
  DEFAULT_SECONDARY_ROLES = ();
GRANT ROLE TRANSFORMER TO USER DBT_NIGHTLY;
GRANT ROLE DASHBOARD TO USER DASHBOARD_SVC;
GRANT USAGE ON WAREHOUSE NIGHTLY TO ROLE TRANSFORMER;
GRANT USAGE ON WAREHOUSE DASHBOARD TO ROLE DASHBOARD;
GRANT CREATE DATABASE ON ACCOUNT TO ROLE TRANSFORMER;
CREATE DATABASE DEV;
"""

_PLACES = """
CREATE DATABASE RAW;
CREATE SCHEMA RAW.DUNE;
CREATE DATABASE ANALYTICS;
CREATE SCHEMA ANALYTICS.PROD;
CREATE SCHEMA ANALYTICS.PROD_CORE;
CREATE DATABASE ETHEREUM;
CREATE SCHEMA ETHEREUM.PROD_CORE
"""

# One row a day from 2018-01-02 to 2026-04-21; `x` runs from 0 to 1, `w` and `v` are waves with the weeks and months.
_DAYS = """
with numbers as (
    select row_number() over (order by seq4()) - 1 as n from table(generator(rowcount => 3032))
),
days as (
    select
        n,
        dateadd('day', n, to_date('2018-01-02')) as block_date,
        n / 3031.0 as x,
        1 + 0.16 * sin(n * 0.897) + 0.05 * sin(n * 2.31) as w,
        1 + 0.22 * sin(n * 0.0172) + 0.04 * sin(n * 0.31) as v
    from numbers
),
chains as (
    select column1 as chain, column2 as first_day, column3 as share
    from values ('Ethereum', to_date('2018-01-02'), 1.0), ('Solana', to_date('2020-03-16'), 0.62)
)"""

_SOURCES = {
    "RAW.DUNE.DEX_VOLUMES": f"""
{_DAYS}
select
    days.block_date,
    chains.chain,
    case
        when chains.chain = 'Ethereum' and days.block_date = to_date('2026-04-07') then 1712880140
        when chains.chain = 'Ethereum' and days.block_date = to_date('{INCIDENT_DAY}') then {BAD}
        when chains.chain = 'Ethereum' and days.block_date = to_date('2026-04-09') then 1640118302
        else round(chains.share * 2100000 * exp(6.7 * days.x) * days.w, 2)
    end::number(38, 2) as volume_usd,
    round(chains.share * (3000 + 410000 * days.x * days.w))::number(38, 0) as trades,
    dateadd('minute', 65, dateadd('day', 1, days.block_date)::timestamp_ntz) as loaded_at
from days
inner join chains on days.block_date >= chains.first_day
""",
    "RAW.DUNE.CHAIN_ACTIVITY": f"""
{_DAYS}
select
    days.block_date,
    chains.chain,
    round(chains.share * (500000 + 900000 * days.x * days.w))::number(38, 0) as txns,
    round(chains.share * (180000 + 420000 * days.x * days.v))::number(38, 0) as active_addresses,
    round(chains.share * (350000 + 6100000 * days.x * days.w * days.v), 2)::number(38, 2) as fees_usd,
    round(chains.share * (210000 + 3900000 * days.x * days.w * days.v), 2)::number(38, 2) as burnt_usd,
    round(8 + 30 * days.v * days.w, 3)::number(18, 3) as gas_gwei,
    round(chains.share * (900 + 5200 * days.x * days.v))::number(38, 0) as contracts_deployed,
    case
        when chains.chain = 'Ethereum' and days.block_date = to_date('{INCIDENT_DAY}') then 102000000
        else round(chains.share * 110000000 * days.x * days.v, 2)
    end::number(38, 2) as nft_volume_usd,
    case
        when chains.chain = 'Ethereum' and days.block_date = to_date('{INCIDENT_DAY}') then 4000000000
        else round(chains.share * (600000000 + 3600000000 * days.x * days.w), 2)
    end::number(38, 2) as transfer_volume_usd
from days
inner join chains on days.block_date >= chains.first_day
""",
    "RAW.DUNE.CHAIN_MARKETS": f"""
{_DAYS}
select
    days.block_date,
    chains.chain,
    round(chains.share * (420 + 2900 * days.x * days.v), 4)::float as price_usd,
    round(96000000 + 24500000 * days.x)::number(38, 0) as circulating_supply,
    round(chains.share * (150000000 + 61000000000 * days.x * days.v), 2)::number(38, 2) as tvl_usd,
    round(chains.share * (90000000 + 152000000000 * days.x), 2)::number(38, 2) as stablecoin_supply_usd
from days
inner join chains on days.block_date >= chains.first_day
""",
    "RAW.DUNE.BRIDGE_TRANSFERS": f"""
{_DAYS},
bridges as (
    select column1 as bridge, column2 as usual
    from values ('canonical', 31000000), ('hop', 2100000), ('across', 9400000)
)
select
    days.block_date,
    bridges.bridge,
    round(bridges.usual * days.w * days.v, 2)::number(38, 2) as amount_usd
from days
cross join bridges
where days.n >= 2600
""",
}

_LAST_NIGHT = "to_timestamp_ntz('2026-04-22 02:14:00')"
_WRITTEN = {
    "sysdate() as created_on": "dateadd('minute', 134, dateadd('day', 1, fundamentals.date)::timestamp_ntz) as created_on",
    "sysdate() as modified_on": (
        "least(dateadd('minute', 134, dateadd('day', 3, fundamentals.date)::timestamp_ntz), "
        f"{_LAST_NIGHT}) as modified_on"
    ),
}  # each row was written the night after its day, and again as long as it was recent


def seed(sandbox: SnowflakeSandbox) -> None:
    """Make the demo world in an empty sandbox: people, sources, production as of last night, the source corrected."""
    sandbox.run_script(_PEOPLE)
    with sandbox.connect("DBT_NIGHTLY", "nightly", role="TRANSFORMER") as nightly:
        run = nightly.cursor().execute
        for statement in _nightly():
            run(statement)
        run(
            f"UPDATE RAW.DUNE.DEX_VOLUMES SET VOLUME_USD = {TRUE}, LOADED_AT = TO_TIMESTAMP_NTZ('2026-04-22 09:31:00') "
            f"WHERE CHAIN = 'Ethereum' AND BLOCK_DATE = TO_DATE('{INCIDENT_DAY}')"
        )


def _nightly() -> list[str]:
    """Everything that stands in RAW, ANALYTICS and ETHEREUM, in order, with the bad value in the source."""
    statements = _PLACES.strip().split(";\n")
    statements += [f"CREATE TABLE {name} AS ({select})" for name, select in _SOURCES.items()]
    statements.append(f"CREATE TRANSIENT TABLE {_CHAINS} (CHAIN VARCHAR, NAME VARCHAR, LAUNCHED_ON DATE)")
    rows = (SEEDS / "chains.csv").read_text(encoding="utf-8").splitlines()[1:]
    statements.append(f"INSERT INTO {_CHAINS} VALUES " + ", ".join(f"{tuple(row.split(','))}" for row in rows))
    for model, (relation, kind) in PRODUCTION.items():
        statements.append(f"CREATE OR REPLACE {kind} {relation} AS ({select(model)})")
        if relation in _EZ:
            statements.append(
                f"CREATE OR REPLACE VIEW {relation}_LATEST AS "
                f"SELECT * FROM {relation} WHERE DATE = (SELECT MAX(DATE) FROM {relation})"
            )
    readable = [*_EZ, *(f"{ez}_LATEST" for ez in _EZ), PRODUCTION["ecosystem_overview"][0]]
    statements += [f"GRANT USAGE ON DATABASE {database} TO ROLE DASHBOARD" for database in ("ANALYTICS", "ETHEREUM")]
    statements += [f"GRANT USAGE ON SCHEMA {d}.PROD_CORE TO ROLE DASHBOARD" for d in ("ANALYTICS", "ETHEREUM")]
    kinds = ("VIEW" if name.endswith("_LATEST") else "TABLE" for name in readable)
    statements += [
        f"GRANT SELECT ON {kind} {name} TO ROLE DASHBOARD" for kind, name in zip(kinds, readable, strict=True)
    ]
    return statements


def select(model: str) -> str:
    """The model's SELECT as the nightly run sends it on a first build, with production's names."""
    template = jinja2.Environment(autoescape=False).from_string(_file(model).read_text(encoding="utf-8"))
    sql = template.render(
        config=lambda **_: "",
        ref=_ref,
        source=lambda source, table: f"RAW.{source.upper()}.{table.upper()}",
        var=lambda _name, default=None: default,
        is_incremental=lambda: False,
        recent_rows=lambda _column: "",
    )
    for written, then in _WRITTEN.items():
        sql = sql.replace(written, then)
    return re.sub(r"\n\s*\n+", "\n", sql).strip()


def _ref(model: str) -> str:
    if model == "chains":
        return _CHAINS
    return PRODUCTION[model][0] if model in PRODUCTION else f"(\n{select(model)}\n)"


def _file(model: str) -> Path:
    return next(MODELS.rglob(f"{model}.sql"))
