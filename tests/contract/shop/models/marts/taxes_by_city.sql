select customers.city, max(rates.rate) as rate, count(*) as customers
from {{ ref('customers') }} as customers
left join {{ ref('city_rates') }} as rates on customers.city = rates.city
group by 1
