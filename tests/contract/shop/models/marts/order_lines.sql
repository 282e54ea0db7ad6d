select lines.line_id, lines.order_id, lines.price, lines.is_food, orders.ordered_at
from {{ ref('stg_lines') }} as lines
left join {{ ref('stg_orders') }} as orders on lines.order_id = orders.order_id
