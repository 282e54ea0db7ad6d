-- What putting a backup in production's place would take along: rows as multisets, by their 64-bit hash.
-- In: columns (names, production's), sides (each with its name, relation and the columns that it has): prod, backup, and
-- candidate unless it is gone. A column that a side lacks is NULL there.
-- One row: written (rows that only production holds), removed (rows of the candidate that production lacks).
SELECT COALESCE(SUM(GREATEST(in_prod - GREATEST(in_backup, in_candidate), 0)), 0) AS written,
  COALESCE(SUM(GREATEST(in_candidate - in_prod, 0)), 0) AS removed
FROM (
  SELECT h, COUNT_IF(side = 'prod') AS in_prod, COUNT_IF(side = 'backup') AS in_backup,
    COUNT_IF(side = 'candidate') AS in_candidate
  FROM (
{% for side in sides %}
    SELECT '{{ side.name }}' AS side, HASH({% for column in columns %}{% if column in side.columns %}{{ column | q }}{% else %}NULL{% endif %}{{ ", " if not loop.last }}{% endfor %}) AS h
    FROM {{ side.relation | rel }}
    {{ "UNION ALL" if not loop.last }}
{% endfor %}
  ) every_row
  GROUP BY h
) counted
