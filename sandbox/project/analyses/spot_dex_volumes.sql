{# What the provider says for the days in question, straight from the landing table. #}
select
    block_date as date,
    volume_usd as daily_volume
from {{ source('dune', 'dex_volumes') }}
where lower(chain) = 'ethereum'
{%- if var('refresh_dates', []) %}
    and block_date in (
        {%- for day in var('refresh_dates') %}to_date('{{ day }}'){{ ', ' if not loop.last }}{% endfor -%}
    )
{%- endif %}
