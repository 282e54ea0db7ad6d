select stg.city, count(*) as regulars
from {{ ref('regulars', v=2) }} as regulars
left join {{ ref('shop', 'stg_customers') }} as stg on regulars.customer_id = stg.customer_id
group by 1
