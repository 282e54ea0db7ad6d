-- Does the key identify rows, on both sides? In: scope. Two rows, side = baseline and candidate:
-- null_rows (any key column NULL), duplicate_keys (keys that stand in several rows), duplicate_rows (rows they stand in).
{% for name, relation in (('baseline', scope.baseline), ('candidate', scope.candidate)) %}
SELECT '{{ name }}' AS side,
  COALESCE(SUM(CASE WHEN incomplete THEN n ELSE 0 END), 0) AS null_rows,
  COUNT_IF(n > 1 AND NOT incomplete) AS duplicate_keys,
  COALESCE(SUM(CASE WHEN n > 1 AND NOT incomplete THEN n ELSE 0 END), 0) AS duplicate_rows
FROM (
  SELECT COUNT(*) AS n, {% for key in scope.keys %}{{ key.name | q }} IS NULL{% if not loop.last %} OR {% endif %}{% endfor %} AS incomplete
  FROM {{ relation | rel }}
  GROUP BY {% for key in scope.keys %}{{ key.name | q }}{% if not loop.last %}, {% endif %}{% endfor %}

) keys
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
