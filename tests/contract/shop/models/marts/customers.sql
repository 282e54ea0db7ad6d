with

customers as (

    select * from {{ ref('stg_customers') }}

),

spent as (

    select
        customer_id,
        count(distinct order_id) as orders,
        sum(subtotal) as spent_before_tax,
        sum(tax_paid) as tax_paid,
        sum(order_total) as spent
    from {{ ref('orders') }}
    group by 1

)

select
    customers.*, spent.orders, spent.spent_before_tax, spent.tax_paid, spent.spent,
    case when spent.orders > 1 then 'returning' else 'new' end as customer_type
from customers
left join spent on customers.customer_id = spent.customer_id
