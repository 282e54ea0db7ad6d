-- Keys of one table that another lacks. In: left, right (relations), grain (column names). One row: missing.
SELECT COUNT(*) AS missing
FROM {{ left | rel }} l
WHERE NOT EXISTS (
  SELECT 1 FROM {{ right | rel }} r
  WHERE {% for column in grain %}{{ "AND " if not loop.first }}r.{{ column | q }} IS NOT DISTINCT FROM l.{{ column | q }}
  {% endfor %}
)
