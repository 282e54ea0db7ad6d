-- Macros shared by the checks. A scope (bot/scope.py) says what is compared; every column is read as c0, c1 ... so that
-- no identifier of the table meets one of ours. `b` is the baseline, `c` the candidate, `here` marks a row that exists.
{% macro value(column) -%}
{% if column.as_json %}TO_JSON({{ column.name | q }}){% elif column.as_text %}TO_VARCHAR({{ column.name | q }}){% else %}{{ column.name | q }}{% endif %}
{%- endmacro %}

{% macro side(scope, relation) -%}
SELECT 1 AS here{% for column in scope.columns %}, {{ value(column) }} AS c{{ column.index }}{% endfor %}

  FROM {{ relation | rel }}
{%- endmacro %}

{% macro both(scope) -%}
b AS (
  {{ side(scope, scope.baseline) }}
), c AS (
  {{ side(scope, scope.candidate) }}
)
{%- endmacro %}

{% macro on_keys(scope) -%}
{% for key in scope.keys %}{% if not loop.first %} AND {% endif %}b.c{{ key.index }} = c.c{{ key.index }}{% endfor %}
{%- endmacro %}

{# a row is history unless every side that has it dates it inside the window #}
{% macro old(scope) -%}
{% if scope.since %}
NOT (COALESCE(b.c{{ scope.date.index }}::DATE >= %(since)s::DATE, b.here IS NULL)
      AND COALESCE(c.c{{ scope.date.index }}::DATE >= %(since)s::DATE, c.here IS NULL))
{%- else %}FALSE{% endif %}
{%- endmacro %}

{% macro named(scope) -%}
{% if scope.named and scope.date %}
COALESCE(b.c{{ scope.date.index }}::DATE IN {{ named_days(scope) }}, FALSE)
      OR COALESCE(c.c{{ scope.date.index }}::DATE IN {{ named_days(scope) }}, FALSE)
{%- else %}FALSE{% endif %}
{%- endmacro %}

{% macro named_days(scope) -%}
({% for _ in scope.named %}%(named_{{ loop.index0 }})s::DATE{% if not loop.last %}, {% endif %}{% endfor %})
{%- endmacro %}

{# exact and NULL-safe #}
{% macro differs(column) -%}
b.c{{ column.index }} IS DISTINCT FROM c.c{{ column.index }}
{%- endmacro %}

{# what counts in the window: beyond the tolerance, where the column has one #}
{% macro beyond(column) -%}
b.c{{ column.index }} IS DISTINCT FROM c.c{{ column.index }} AND COALESCE(ABS(b.c{{ column.index }} - c.c{{ column.index }})
      > GREATEST(%(abs_{{ column.index }})s, %(rel_{{ column.index }})s * GREATEST(ABS(b.c{{ column.index }}), ABS(c.c{{ column.index }}))), TRUE)
{%- endmacro %}

{% macro flag(column) %}{{ 't' if column.tolerance else 'd' }}{{ column.index }}{% endmacro %}

{% macro any(columns, tolerant) -%}
{% if columns %}({% for column in columns %}{% if tolerant %}{{ flag(column) }}{% else %}d{{ column.index }}{% endif %}{% if not loop.last %} OR {% endif %}{% endfor %}){% else %}FALSE{% endif %}
{%- endmacro %}
