-- How many values each column has, to look for a key. In: scope, offered (columns). One row: row_count of the candidate, and of
-- column i d<i> = distinct values in it, approximately, v<i> = its rows with a value, w<i> = the baseline's without one.
SELECT *
FROM (
  SELECT COUNT(*) AS row_count{% for column in offered %},
    APPROX_COUNT_DISTINCT({{ column.name | q }}) AS d{{ column.index }}, COUNT({{ column.name | q }}) AS v{{ column.index }}{% endfor %}

  FROM {{ scope.candidate | rel }}
) c CROSS JOIN (
  SELECT {% for column in offered %}COUNT(*) - COUNT({{ column.name | q }}) AS w{{ column.index }}{% if not loop.last %}, {% endif %}{% endfor %}

  FROM {{ scope.baseline | rel }}
) b
