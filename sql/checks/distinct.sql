-- How many values each column has, to look for a key. In: scope, offered (columns). One row of the candidate:
-- row_count, and of column i d<i> = distinct values, approximately, and v<i> = rows with a value.
SELECT COUNT(*) AS row_count{% for column in offered %},
  APPROX_COUNT_DISTINCT({{ column.name | q }}) AS d{{ column.index }}, COUNT({{ column.name | q }}) AS v{{ column.index }}{% endfor %}

FROM {{ scope.candidate | rel }}
