select
    block_date as date,
    lower(chain) as chain,
    volume_usd as daily_volume,
    trades
from {{ source('dune', 'dex_volumes') }}
