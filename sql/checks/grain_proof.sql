-- Does the key identify rows? Cheap: distinct 64-bit hashes prove distinct keys; where two meet, checks/grain looks exactly.
-- The candidate is read in differing buckets only: equal ones hold the baseline's keys. In: scope.
-- Two rows, side = baseline and candidate: null_rows (rows without a whole key), duplicate_keys (hashes that occur twice).
{% import 'checks/_sides.sql' as sides %}
{% macro repeated(relation, part) -%}
SELECT HASH({{ sides.key_values(scope) }}) AS h, COUNT(*) AS n, MAX(CASE WHEN {% for key in scope.keys %}{{ key.name | q }} IS NULL{% if not loop.last %} OR {% endif %}{% endfor %} THEN 1 ELSE 0 END) AS nulls
  FROM {{ relation | rel }}
  {{ part }}
  GROUP BY h HAVING n > 1 OR nulls > 0
{%- endmacro %}
WITH {{ sides.suspect(scope) }}b AS (
  {{ repeated(scope.baseline, '') }}
), c AS (
  {{ repeated(scope.candidate, sides.chosen(scope)) }}
)
SELECT 'baseline' AS side, COALESCE(SUM(nulls), 0) AS null_rows, COUNT(*) AS duplicate_keys FROM b
UNION ALL
SELECT 'candidate', COALESCE(SUM(nulls), 0), COUNT(*) FROM c
