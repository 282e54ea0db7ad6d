select date, dex_volumes, fees
from {{ ref('ez_ethereum_metrics') }}
where dex_volumes < 0 or fees < 0
