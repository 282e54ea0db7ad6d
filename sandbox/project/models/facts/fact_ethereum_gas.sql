{# Looks at the last days only and knows nothing of `backfill_date`. #}
{{ config(materialized='incremental', incremental_strategy='merge', unique_key='date') }}

select
    date,
    gas_gwei,
    fees as gas_fees
from {{ ref('stg_dune_chain_activity') }}
where chain = 'ethereum'
{% if is_incremental() %}
    and date > (select dateadd('day', -3, max(seen.date)) from {{ this }} as seen)
{% endif %}
