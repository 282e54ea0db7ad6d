with receipts as (
    select * from {{ source('till', 'receipts') }}
)

select
    id as order_id,
    person as customer_id,
    paid_at as ordered_at,
    net / 100 as subtotal,
    tax / 100 as tax_paid,
    (net + tax) / 100 as order_total
from receipts
