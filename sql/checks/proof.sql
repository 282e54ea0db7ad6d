-- The cheap proof: one scan a side gives count and 64-bit hash of every bucket; equal buckets need no join.
-- In: scope, most (rows returned); bind since. First row: bucket NULL, buckets and differing = how many there are and differ,
-- rows_in = rows of both sides in those that differ, first and last of these. Then one row a differing bucket, read again by RESULT_SCAN.
{% import 'checks/_sides.sql' as sides %}
{% macro counted(relation) -%}
SELECT g, COUNT(*) AS n, HASH_AGG({% for column in scope.columns %}h{{ column.index }}{% if not loop.last %}, {% endif %}{% endfor %}{% for column in scope.ticking %}, z{{ column.index }}{% endfor %}) AS h
  FROM (
    SELECT {{ sides.bucket(scope) }} AS g{% for column in scope.columns %}, {{ sides.hashed(scope, column) }} AS h{{ column.index }}{% endfor %}{% for column in scope.ticking %}, {{ column.name | q }} IS NULL AS z{{ column.index }}{% endfor %}

    FROM {{ relation | rel }}
  ) hashed
  GROUP BY g
{%- endmacro %}
WITH b AS (
  {{ counted(scope.baseline) }}
), c AS (
  {{ counted(scope.candidate) }}
), compared AS (
  SELECT COALESCE(b.g, c.g) AS g, COALESCE(b.n, 0) + COALESCE(c.n, 0) AS n,
    b.n IS DISTINCT FROM c.n OR b.h IS DISTINCT FROM c.h AS differs
  FROM b FULL OUTER JOIN c ON b.g = c.g
)
SELECT NULL::NUMBER(38,0) AS BUCKET, COUNT(*) AS BUCKETS, COALESCE(COUNT_IF(differs), 0) AS DIFFERING,
  COALESCE(SUM(CASE WHEN differs THEN n END), 0) AS ROWS_IN,
  MIN(CASE WHEN differs THEN g END) AS LEAST_BUCKET, MAX(CASE WHEN differs THEN g END) AS GREATEST_BUCKET
FROM compared
UNION ALL
(SELECT g, NULL, NULL, NULL, NULL, NULL FROM compared WHERE differs LIMIT %(most)s)
