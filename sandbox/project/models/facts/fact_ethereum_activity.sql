select
    date,
    txns,
    dau,
    fees,
    revenue,
    contracts_deployed,
    nft_trading_volume,
    settlement_volume
from {{ ref('stg_dune_chain_activity') }}
where chain = 'ethereum'
