{# Where things land. In dev everything is DEV.DEV_<user>.<model name>; alias, schema and database of the
   configuration only count in production. #}

{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {%- if target.name == 'dev' -%}
        {{ target.database }}
    {%- else -%}
        {{ (custom_database_name or target.database) | trim }}
    {%- endif -%}
{%- endmacro %}

{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
    {%- if target.name == 'dev' -%}
        DEV_{{ env_var('DEV_USER', 'ANALYST') }}
    {%- elif custom_schema_name -%}
        {{ target.schema }}_{{ custom_schema_name | trim }}
    {%- else -%}
        {{ target.schema }}
    {%- endif -%}
{%- endmacro %}

{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- if target.name == 'dev' or not custom_alias_name -%}
        {{ node.name }}
    {%- else -%}
        {{ custom_alias_name | trim }}
    {%- endif -%}
{%- endmacro %}

{# Compiled SQL gets pasted into worksheets: keep its names free of quotes, whatever a package's settings say. #}
{% macro ref() %}
    {%- do return(builtins.ref(*varargs, **kwargs).quote(database=false, schema=false, identifier=false)) -%}
{% endmacro %}
