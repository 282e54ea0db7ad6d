{{ config(materialized='incremental', incremental_strategy='merge', unique_key='day') }}

select cast(ordered_at as date) as day, sum(order_total) as sales
from {{ ref('orders') }}
{% if is_incremental() %}
where cast(ordered_at as date) > (select max(day) from {{ this }})
{% endif %}
group by 1
