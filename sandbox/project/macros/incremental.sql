{# The rows an incremental model looks at: from `backfill_date` on when one is given, else the last days. #}
{% macro recent_rows(column, days=3) -%}
    {%- if is_incremental() -%}
        {%- set backfill_date = var('backfill_date', none) -%}
        {%- if backfill_date -%}
            where {{ column }} >= to_date('{{ backfill_date }}')
        {%- else -%}
            where {{ column }} > (select dateadd('day', -{{ days }}, max(seen.date)) from {{ this }} as seen)
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# The newest day as a view of its own, for pages that show one number. #}
{% macro latest_view(relation) -%}
    create or replace view {{ relation.database }}.{{ relation.schema }}.{{ relation.identifier }}_latest as
    select * from {{ relation }} where date = (select max(date) from {{ relation }})
{%- endmacro %}
