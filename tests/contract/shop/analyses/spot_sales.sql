select sum(order_total) as sales from {{ ref('orders') }}
