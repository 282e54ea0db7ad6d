-- Macros shared by the checks. A scope (bot/scope.py) says what is compared; every column is read as c0, c1 ... so that
-- no identifier of the table meets one of ours. `b` is the baseline, `c` the candidate, `here` marks a row that exists.
{% macro value(column) -%}
{% if column.as_json %}TO_JSON({{ column.name | q }}){% elif column.as_text %}TO_VARCHAR({{ column.name | q }}){% else %}{{ column.name | q }}{% endif %}
{%- endmacro %}

{% macro listed(columns) %}{% for column in columns %}{{ value(column) }}{% if not loop.last %}, {% endif %}{% endfor %}{% endmacro %}

{# Inside a hash: what a value says, whatever the type of its side. Numbers of two scales by the digits before and
   after the point: 38 digits may be too few for both at once. #}
{% macro said(column) -%}
{% if column.one_type.startswith('NUMBER') %}SPLIT_PART(TO_VARCHAR({{ column.name | q }}), '.', 1) || TO_VARCHAR(MOD({{ column.name | q }}, 1)::{{ column.one_type }})
{%- elif column.one_type %}{{ column.name | q }}::{{ column.one_type }}
{%- else %}{{ value(column) }}{% endif %}
{%- endmacro %}

{% macro said_of(columns) %}{% for column in columns %}{{ said(column) }}{% if not loop.last %}, {% endif %}{% endfor %}{% endmacro %}

{# A day as text: Python knows no year beyond 9999, and none before 1. #}
{% macro day_text(day) %}TO_VARCHAR({{ day }}::DATE, 'YYYY-MM-DD'){% endmacro %}

{# A time for Python, or NULL where the year is one that it has no date for. #}
{% macro near(time) %}CASE WHEN YEAR({{ time }}) BETWEEN 2 AND 9998 THEN {{ time }} END{% endmacro %}

{% macro days(column) %}DATEDIFF('day', '1970-01-01'::DATE, {{ column.name | q }}::DATE){% endmacro %}

{# The low bits of the whole numbers of the key, which cost nothing, or of a hash where there is none. #}
{% macro part(scope) -%}
{% if scope.parts == 1 %}0
{%- elif scope.counters %}{{ unless_filled(scope, counted(scope), 0) }}
{%- else %}BITAND(HASH({{ said_of(scope.hashed_keys) }}), {{ scope.parts - 1 }}){% endif %}
{%- endmacro %}

{% macro counted(scope) -%}
BITAND({% for key in scope.counters %}{% if not loop.last %}BITXOR({% endif %}{{ key.name | q }}::NUMBER(38,0){% if not loop.last %}, {% endif %}{% endfor %}{{ ')' * (scope.counters | length - 1) }}, {{ scope.parts - 1 }})
{%- endmacro %}

{# Asked of every row: a key known to hold no NULL is not looked at for one. #}
{% macro unless_filled(scope, value, otherwise, column=none) -%}
{% if scope.filled and (column is none or column.key) %}{{ value }}{% else %}COALESCE({{ value }}, {{ otherwise }}){% endif %}
{%- endmacro %}

{% macro day(scope) %}{{ unless_filled(scope, days(scope.date), scope.undated, scope.date) }}{% endmacro %}

{# A number that a row keeps as long as nothing in it changes: its day, and a part that depends on the key alone. #}
{% macro bucket(scope) -%}
{% if scope.by_day %}{{ day(scope) }} * {{ scope.parts }} + {% endif %}{{ part(scope) }}
{%- endmacro %}

{# One bucket in scope.sample, a power of two: of each day other ones. #}
{% macro sampled(scope) -%}
BITAND({% if scope.by_day %}{{ day(scope) }} + {% endif %}{{ part(scope) }}, {{ scope.sample - 1 }}) = 0
{%- endmacro %}

{# Only rows of buckets that differ (the result of checks/proof), and of them the sample of keys, where one is taken. #}
{% macro only(scope) -%}
{% if scope.suspects %}
{{ bucket(scope) }} IN (SELECT BUCKET FROM suspect)
{%- if scope.suspects.first %} AND {{ scope.date.name | q }}::DATE BETWEEN %(suspect_first)s::DATE AND %(suspect_last)s::DATE{% endif %}
{% else %}TRUE{% endif %}
{% if scope.sample > 1 %}
 AND MOD(ABS(HASH({{ said_of(scope.keys) }})), {{ scope.sample }}) = 0
{%- endif %}
{%- endmacro %}

{% macro chosen(scope) %}{% if scope.suspects or scope.sample > 1 %}WHERE {{ only(scope) }}{% endif %}{% endmacro %}

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

{# Two numbers of unlike sign are not near each other: FLOAT tells how far, where the difference may have 39 digits. #}
{% macro apart(before, after, i, float_) -%}
{{ before }} IS DISTINCT FROM {{ after }} AND (COALESCE(ABS(CASE WHEN ({{ before }} < 0) = ({{ after }} < 0) THEN {{ before }} - {{ after }} ELSE {{ before }}::FLOAT - {{ after }}::FLOAT END) > GREATEST(%(abs_{{ i }})s, %(rel_{{ i }})s * GREATEST(ABS({{ before }}), ABS({{ after }}))::FLOAT), TRUE)
{%- if float_ %} OR NOT ABS({{ before }}) < 'inf'::FLOAT OR NOT ABS({{ after }}) < 'inf'::FLOAT{% endif %})
{%- endmacro %}

{# of a day or of all rows: FLOAT where it may need more than 38 digits #}
{% macro total(scope, column) %}SUM({{ column.name | q }}{% if column.index in scope.vast %}::FLOAT{% endif %}){% endmacro %}

{% macro flag(column) %}{{ 't' if column.tolerance else 'd' }}{{ column.index }}{% endmacro %}

{% macro any(columns, tolerant) -%}
{% if columns %}({% for column in columns %}{% if tolerant %}{{ flag(column) }}{% else %}d{{ column.index }}{% endif %}{% if not loop.last %} OR {% endif %}{% endfor %}){% else %}FALSE{% endif %}
{%- endmacro %}

{# Inside the hash: a clock that may move is left out, and a float that has a tolerance is cut to 36 bits (2e-11), so that
   the noise of a sum changes no hash and no change beyond the tolerance stays unseen. In history nothing is. #}
{% macro hashed(scope, column) -%}
{% if not column.softened %}{{ said(column) }}
{%- elif scope.since %}CASE WHEN {{ scope.date.name | q }}::DATE >= %(since)s::DATE THEN {{ soft(scope, column) }} ELSE {{ said(column) }} END
{%- else %}{{ soft(scope, column) }}{% endif %}
{%- endmacro %}

{% macro soft(scope, column) -%}
{% if column.clock %}NULL
{%- elif column.index in scope.bounded %}{{ cut(said(column)) }}
{%- else %}CASE WHEN ABS({{ said(column) }}) < 1e290 THEN {{ cut(said(column)) }} ELSE {{ said(column) }} END{% endif %}
{%- endmacro %}

{% macro cut(value) -%}
{{ value }} * 131073 - ({{ value }} * 131073 - {{ value }})
{%- endmacro %}
