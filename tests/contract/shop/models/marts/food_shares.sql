{{ config(materialized='view', tags=['share'], meta={'owner': 'kitchen'}) }}
select ordered_at, avg(case when is_food_order then 1 else 0 end) as food_share from {{ ref('orders') }} group by 1
