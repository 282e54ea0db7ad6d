select customer_id, customer_name, spent from {{ ref('customers') }} where customer_type = 'returning'
