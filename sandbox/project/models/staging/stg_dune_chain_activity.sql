select
    block_date as date,
    lower(chain) as chain,
    txns,
    active_addresses as dau,
    fees_usd as fees,
    burnt_usd as revenue,
    gas_gwei,
    contracts_deployed,
    nft_volume_usd as nft_trading_volume,
    transfer_volume_usd as settlement_volume
from {{ source('dune', 'chain_activity') }}
