-- Does a key identify rows, on both sides? In: scope, tries (keys: lists of columns), partly (the key is the one whose
-- buckets were proven: the candidate is read in differing buckets only, and equal buckets count as the baseline's).
-- One row a try and side: i, side = baseline and candidate, null_rows (any key column NULL), duplicate_keys (keys that stand in
-- several rows), duplicate_rows (rows they stand in).
{% import 'checks/_sides.sql' as sides %}
{% macro counted(keys, relation, flag) -%}
SELECT COUNT(*) AS n, {% for key in keys %}MAX(CASE WHEN {{ key.name | q }} IS NULL THEN 1 ELSE 0 END) {% if not loop.last %}+ {% endif %}{% endfor %}AS nulls, {{ flag }} AS shared
  FROM {{ relation | rel }}
{%- endmacro %}
{% macro grouped(keys) %}GROUP BY {% for key in keys %}{{ key.name | q }}{% if not loop.last %}, {% endif %}{% endfor %} HAVING n > 1 OR nulls > 0{% endmacro %}
{% macro added(i, side, rows) -%}
SELECT {{ i }} AS i, '{{ side }}' AS side, COALESCE(SUM(CASE WHEN nulls > 0 THEN n END), 0) AS null_rows,
  COUNT_IF(n > 1 AND nulls = 0) AS duplicate_keys, COALESCE(SUM(CASE WHEN n > 1 AND nulls = 0 THEN n END), 0) AS duplicate_rows
FROM {{ rows }}
{%- endmacro %}
{% if partly %}
WITH {{ sides.suspect(scope) }}base AS (
  {{ counted(scope.keys, scope.baseline, 'MAX(CASE WHEN ' ~ sides.bucket(scope) ~ ' IN (SELECT BUCKET FROM suspect) THEN 0 ELSE 1 END)' if scope.suspects else '1') }}
  {{ grouped(scope.keys) }}
), cand AS (
  SELECT n, nulls, shared FROM base WHERE shared = 1
{% if scope.suspects %}
  UNION ALL
  {{ counted(scope.keys, scope.candidate, '0') }}
  {{ sides.chosen(scope) }}
  {{ grouped(scope.keys) }}
{% endif %}
)
{{ added(0, 'baseline', 'base') }}
UNION ALL
{{ added(0, 'candidate', 'cand') }}
{% else %}
{% for keys in tries %}
{% set i = loop.index0 %}
{{ added(i, 'baseline', '(' ~ counted(keys, scope.baseline, '0') ~ ' ' ~ grouped(keys) ~ ') b' ~ i) }}
UNION ALL
{{ added(i, 'candidate', '(' ~ counted(keys, scope.candidate, '0') ~ ' ' ~ grouped(keys) ~ ') c' ~ i) }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
{% endif %}
