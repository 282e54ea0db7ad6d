{{
    config(
        materialized='incremental',
        incremental_strategy='merge',
        unique_key='date',
        on_schema_change='append_new_columns',
        merge_update_columns=var('backfill_columns', []),
        merge_exclude_columns=['created_on'] if not var('backfill_columns', []) else none,
        alias='ez_metrics',
        full_refresh=var('rebuild_ez_metrics', false),
        post_hook="{{ latest_view(this) }}",
    )
}}

with fundamentals as (
    select
        activity.date,
        'solana' as chain,
        activity.txns,
        activity.dau,
        activity.fees,
        activity.revenue,
        activity.fees - activity.revenue as supply_side_fees,
        activity.contracts_deployed,
        dex.trades as dex_trades,
        dex.daily_volume as dex_volumes,
        activity.nft_trading_volume,
        activity.settlement_volume,
        coalesce(dex.daily_volume, 0) + activity.nft_trading_volume + activity.settlement_volume
            as total_economic_activity
    from {{ ref('fact_solana_activity') }} as activity
    left join {{ ref('fact_solana_daily_dex_volumes') }} as dex
        on activity.date = dex.date
)

select
    fundamentals.date,
    fundamentals.chain,
    market.price,
    market.circulating_supply,
    market.price * market.circulating_supply as market_cap,
    market.tvl,
    market.stablecoin_supply,
    fundamentals.txns,
    fundamentals.dau,
    fundamentals.fees,
    fundamentals.revenue,
    fundamentals.supply_side_fees,
    fundamentals.contracts_deployed,
    fundamentals.dex_trades,
    fundamentals.dex_volumes,
    fundamentals.nft_trading_volume,
    fundamentals.settlement_volume,
    fundamentals.total_economic_activity,
    sysdate() as created_on,
    sysdate() as modified_on
from fundamentals
left join {{ ref('fact_solana_market') }} as market
    on fundamentals.date = market.date
{{ recent_rows('fundamentals.date') }}
