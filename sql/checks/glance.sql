-- Size, dates and extremes of both sides, without grouping: most of it Snowflake answers from metadata.
-- In: scope, limited (columns with a limit), clocks (timestamps that may say when a row was written); binds since (backfill),
-- named_<i>, min_<i>, max_<i>.
-- Two rows, side = baseline and candidate: row_count, whole_keys (rows with a whole key at most), first_day, last_day (as text), window_rows,
-- named_rows; of number i low<i> and high<i> as text; o<i> = rows outside the limits of column i; of a timestamp that may be
-- a clock a<i>, z<i> (least and greatest in rows that were rebuilt; NULL where Python has no date for it) and u<i> (how many have a value).
{% import 'checks/_sides.sql' as sides %}
{% for name, relation in (('baseline', scope.baseline), ('candidate', scope.candidate)) %}
SELECT '{{ name }}' AS side, COUNT(*) AS row_count,
  {% if scope.keys %}LEAST({% for key in scope.keys %}COUNT({{ key.name | q }}), {% endfor %}COUNT(*)){% else %}COUNT(*){% endif %} AS whole_keys,
{% if scope.date %}
  {{ sides.day_text('MIN(' ~ (scope.date.name | q) ~ '::DATE)') }} AS first_day, {{ sides.day_text('MAX(' ~ (scope.date.name | q) ~ '::DATE)') }} AS last_day,
{% else %}
  NULL::VARCHAR AS first_day, NULL::VARCHAR AS last_day,
{% endif %}
  {% if scope.since %}COUNT_IF({{ scope.date.name | q }}::DATE >= %(since)s::DATE){% else %}COUNT(*){% endif %} AS window_rows,
  {% if scope.named and scope.date %}COUNT_IF({{ scope.date.name | q }}::DATE IN {{ sides.named_days(scope) }}){% else %}0{% endif %} AS named_rows
{%- for column in scope.measured %},
  TO_VARCHAR(MIN({{ column.name | q }})) AS low{{ column.index }}, TO_VARCHAR(MAX({{ column.name | q }})) AS high{{ column.index }}
{%- endfor %}
{% for column in limited %},
  COUNT_IF({{ column.name | q }} < %(min_{{ column.index }})s OR {{ column.name | q }} > %(max_{{ column.index }})s) AS o{{ column.index }}
{%- endfor %}
{% for column in clocks %}
{% set value = ('CASE WHEN ' ~ (scope.date.name | q) ~ '::DATE >= %(since)s::DATE THEN ' ~ (column.name | q) ~ ' END') if scope.since else (column.name | q) %},
  {{ sides.near('MIN(' ~ value ~ ')') }} AS a{{ column.index }}, {{ sides.near('MAX(' ~ value ~ ')') }} AS z{{ column.index }}, COUNT({{ value }}) AS u{{ column.index }}
{%- endfor %}

FROM {{ relation | rel }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
