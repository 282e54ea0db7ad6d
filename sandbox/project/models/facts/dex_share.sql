{{ config(materialized='view') }}

select
    ethereum.date,
    ethereum.daily_volume as ethereum_volume,
    solana.daily_volume as solana_volume
from {{ ref('fact_ethereum_daily_dex_volumes') }} as ethereum
inner join {{ ref('fact_solana_daily_dex_volumes') }} as solana
    on ethereum.date = solana.date
