-- How many values each column has, to look for a key. In: scope, offered (columns). One row: row_count of the candidate, and of
-- column i d<i> = distinct values in it, approximately, v<i> = its rows with a value, w<i> = the baseline's without one.
SELECT COUNT(*) AS row_count{% for column in offered %},
  APPROX_COUNT_DISTINCT({{ column.name | q }}) AS d{{ column.index }}, COUNT({{ column.name | q }}) AS v{{ column.index }},
  (SELECT COUNT(*) - COUNT({{ column.name | q }}) FROM {{ scope.baseline | rel }}) AS w{{ column.index }}{% endfor %}

FROM {{ scope.candidate | rel }}
