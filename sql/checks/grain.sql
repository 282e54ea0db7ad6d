-- The key where it is NULL or repeated, counted exactly and in full on both sides. In: scope.
-- Two rows, side = baseline and candidate: null_rows (any key column NULL), duplicate_keys (keys that stand in several rows),
-- duplicate_rows (rows they stand in). Then up to 5 rows, side = example: a key of the candidate as text (k0, k1 ...) and its n rows.
{% import 'checks/_sides.sql' as sides %}
{% macro counted(relation) -%}
SELECT COUNT(*) AS n, {% for key in scope.keys %}MAX(CASE WHEN {{ key.name | q }} IS NULL THEN 1 ELSE 0 END) {% if not loop.last %}+ {% endif %}{% endfor %}AS nulls
    {%- for key in scope.keys %}, TO_VARCHAR({{ sides.value(key) }}) AS k{{ loop.index0 }}{% endfor %}

  FROM {{ relation | rel }}
  GROUP BY {{ sides.listed(scope.keys) }} HAVING n > 1 OR nulls > 0
{%- endmacro %}
{% macro added(side, rows) -%}
SELECT '{{ side }}' AS side, COALESCE(SUM(CASE WHEN nulls > 0 THEN n END), 0) AS null_rows,
  COUNT_IF(n > 1 AND nulls = 0) AS duplicate_keys, COALESCE(SUM(CASE WHEN n > 1 AND nulls = 0 THEN n END), 0) AS duplicate_rows,
  NULL::NUMBER(38,0) AS n{% for key in scope.keys %}, NULL::VARCHAR AS k{{ loop.index0 }}{% endfor %}

FROM {{ rows }}
{%- endmacro %}
WITH b AS (
  {{ counted(scope.baseline) }}
), c AS (
  {{ counted(scope.candidate) }}
)
{{ added('baseline', 'b') }}
UNION ALL
{{ added('candidate', 'c') }}
UNION ALL
(SELECT 'example', NULL, NULL, NULL, n{% for key in scope.keys %}, k{{ loop.index0 }}{% endfor %}

FROM c ORDER BY n DESC{% for key in scope.keys %}, k{{ loop.index0 }}{% endfor %}

LIMIT 5)
