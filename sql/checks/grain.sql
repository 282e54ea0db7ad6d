-- The key where it is NULL or repeated, counted exactly and in full on both sides. In: scope.
-- Two rows, side = baseline and candidate: null_rows (any key column NULL), duplicate_keys (keys that stand in several rows),
-- duplicate_rows (rows they stand in). Then up to 5 rows, side = example: a key of the candidate as text (k0, k1 ...)
-- and its n rows; of the baseline where the candidate has none.
{% import 'checks/_sides.sql' as sides %}
{% macro grouped() %}{% for key in scope.keys %}, g{{ key.index }}{% endfor %}{% endmacro %}
{% macro counted(relation) -%}
SELECT COUNT(*) AS n, nulls{% for key in scope.keys %}, TO_VARCHAR(g{{ key.index }}) AS k{{ loop.index0 }}{% endfor %}

  FROM (
    SELECT CASE WHEN {% for key in scope.keys %}{{ key.name | q }} IS NULL{% if not loop.last %} OR {% endif %}{% endfor %} THEN 1 ELSE 0 END AS nulls
      {%- for key in scope.keys %}, {{ sides.value(key) }} AS g{{ key.index }}{% endfor %}

    FROM {{ relation | rel }}
  ) keyed
  GROUP BY nulls{{ grouped() }}
  HAVING COUNT(*) > 1 OR nulls > 0
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

FROM (SELECT * FROM c UNION ALL SELECT * FROM b WHERE NOT EXISTS (SELECT 1 FROM c)) shown ORDER BY n DESC{% for key in scope.keys %}, k{{ loop.index0 }}{% endfor %}

LIMIT 5)
