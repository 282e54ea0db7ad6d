{{ config(materialized='ephemeral') }}

select id as line_id, receipt as order_id, kind, price / 100 as price, kind = 'food' as is_food
from {{ source('till', 'lines') }}
