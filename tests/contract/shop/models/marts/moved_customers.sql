select customer_id, count(*) as cities from {{ ref('customers_as_of') }} group by 1
