select
    date,
    daily_volume,
    trades
from {{ ref('stg_dune_dex_volumes') }}
where chain = 'solana'
