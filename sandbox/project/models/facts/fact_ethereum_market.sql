select
    block_date as date,
    price_usd as price,
    circulating_supply,
    tvl_usd as tvl,
    stablecoin_supply_usd as stablecoin_supply
from {{ source('dune', 'chain_markets') }}
where lower(chain) = 'ethereum'
