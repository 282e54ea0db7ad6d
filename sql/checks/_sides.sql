-- Macros shared by the checks. A scope (bot/scope.py) says what is compared; every column is read as c0, c1 ... so that
-- no identifier of the table meets one of ours. `b` is the baseline, `c` the candidate, `here` marks a row that exists.
{% macro value(column) -%}
{% if column.as_json %}TO_JSON({{ column.name | q }}){% elif column.as_text %}TO_VARCHAR({{ column.name | q }}){% else %}{{ column.name | q }}{% endif %}
{%- endmacro %}

{% macro key_values(scope) %}{% for key in scope.keys %}{{ value(key) }}{% if not loop.last %}, {% endif %}{% endfor %}{% endmacro %}

{# A number that depends on the key alone: the day where the key has one, and a part of the hash of its other columns. #}
{% macro bucket(scope) -%}
{% if scope.by_day %}COALESCE(DATEDIFF('day', '1970-01-01'::DATE, {{ scope.date.name | q }}::DATE), -1000000){% if scope.parts > 1 %} * {{ scope.parts }} + {% endif %}{% endif %}
{% if scope.parts > 1 or not scope.by_day %}BITAND(HASH({% for key in scope.hashed_keys %}{{ value(key) }}{% if not loop.last %}, {% endif %}{% endfor %}), {{ scope.parts - 1 }}){% endif %}
{%- endmacro %}

{# Only rows of buckets that differ (the result of checks/proof), and of them the sample of keys, where one is taken. #}
{% macro chosen(scope) -%}
{% if scope.suspects %}
WHERE {{ bucket(scope) }} IN (SELECT BUCKET FROM suspect)
{%- if scope.by_day and scope.suspects.first %} AND {{ scope.date.name | q }}::DATE BETWEEN %(suspect_first)s::DATE AND %(suspect_last)s::DATE{% endif %}
{% endif %}
{% if scope.sample > 1 %}
 {{ 'AND' if scope.suspects else 'WHERE' }} MOD(ABS(HASH({{ key_values(scope) }})), {{ scope.sample }}) = 0
{%- endif %}
{%- endmacro %}

{% macro suspect(scope) -%}
{% if scope.suspects %}
suspect AS (
  SELECT BUCKET FROM TABLE(RESULT_SCAN(%(proof)s)) WHERE BUCKET IS NOT NULL
), {% endif %}
{%- endmacro %}

{% macro side(scope, relation) -%}
SELECT 1 AS here{% for column in scope.columns %}, {{ value(column) }} AS c{{ column.index }}{% endfor %}

  FROM {{ relation | rel }}
  {{ chosen(scope) }}
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

{# after production's last day: the source has moved on since #}
{% macro late(scope) -%}
{% if scope.date %}COALESCE(COALESCE(b.c{{ scope.date.index }}, c.c{{ scope.date.index }})::DATE > %(last_day)s::DATE, FALSE){% else %}FALSE{% endif %}
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

{# what counts in the window: beyond the tolerance, where the column has one. NaN and infinity have no neighbours #}
{% macro beyond(column) -%}
{{ apart('b.c' ~ column.index, 'c.c' ~ column.index, column.index, column.float_) }}
{%- endmacro %}

{% macro apart(before, after, i, float_) -%}
{{ before }} IS DISTINCT FROM {{ after }} AND (COALESCE(ABS({{ before }} - {{ after }}) > GREATEST(%(abs_{{ i }})s, %(rel_{{ i }})s * GREATEST(ABS({{ before }}), ABS({{ after }}))), TRUE)
{%- if float_ %} OR NOT ABS({{ before }}) < 'inf'::FLOAT OR NOT ABS({{ after }}) < 'inf'::FLOAT{% endif %})
{%- endmacro %}

{% macro flag(column) %}{{ 't' if column.tolerance else 'd' }}{{ column.index }}{% endmacro %}

{% macro any(columns, tolerant) -%}
{% if columns %}({% for column in columns %}{% if tolerant %}{{ flag(column) }}{% else %}d{{ column.index }}{% endif %}{% if not loop.last %} OR {% endif %}{% endfor %}){% else %}FALSE{% endif %}
{%- endmacro %}

{# Inside the hash: a clock that may move is left out, and a float that has a tolerance is cut to 36 bits (2e-11), so that
   the noise of a sum changes no hash and no change beyond the tolerance stays unseen. In history nothing is. #}
{% macro hashed(scope, column) -%}
{% if not column.softened %}{{ value(column) }}
{%- elif scope.since %}CASE WHEN {{ scope.date.name | q }}::DATE >= %(since)s::DATE THEN {{ soft(column) }} ELSE {{ value(column) }} END
{%- else %}{{ soft(column) }}{% endif %}
{%- endmacro %}

{% macro soft(column) -%}
{% if column.clock %}NULL{% else %}CASE WHEN ABS({{ column.name | q }}) < 1e290 THEN {{ column.name | q }} * 131073 - ({{ column.name | q }} * 131073 - {{ column.name | q }}) ELSE {{ column.name | q }} END{% endif %}
{%- endmacro %}
