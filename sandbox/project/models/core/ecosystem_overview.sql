{{ config(materialized='table', database='ethereum') }}

select
    metrics.date,
    chains.name as chain_name,
    metrics.market_cap,
    metrics.tvl,
    metrics.dau,
    metrics.fees
from {{ ref('ez_ethereum_metrics') }} as metrics
inner join {{ ref('dim_chains') }} as chains
    on metrics.chain = chains.chain
