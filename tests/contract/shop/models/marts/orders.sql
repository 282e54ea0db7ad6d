with

orders as (

    select * from {{ ref('stg_orders') }}

),

lines as (

    select order_id, count(line_id) as lines, sum(case when is_food then 1 else 0 end) as food_lines
    from {{ ref('order_lines') }}
    group by 1

),

joined as (

    select orders.*, lines.lines, lines.food_lines > 0 as is_food_order
    from orders
    left join lines on orders.order_id = lines.order_id

)

select *, row_number() over (partition by customer_id order by ordered_at) as nth_order from joined
