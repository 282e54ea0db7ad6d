{# Appends what is new; there is no key to merge on. #}
{{ config(materialized='incremental', incremental_strategy='append') }}

select
    transfers.block_date as date,
    transfers.bridge,
    transfers.amount_usd as amount
from {{ source('dune', 'bridge_transfers') }} as transfers
{{ recent_rows('transfers.block_date') }}
