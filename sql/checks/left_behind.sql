-- Would the model's own SELECT change more than what was rebuilt? It is evaluated once, over the window, against the candidate.
-- In: scope, model (its compiled SQL), shared (columns it returns, keys included, as the candidate types them); binds since,
-- rel_<i>, abs_<i> of floats. Rows by `part`:
--   counts    text: rows of the model, only_candidate (a merge never deletes), only_model, repeated (rows whose key the model
--             returns more than once), then of each column outside the key how many rows differ; separated by commas
--   example   a few differing rows: k0, k1 ..., i (column, -1: the row itself), before (the candidate), after (the model)
{% import 'checks/_sides.sql' as sides %}
{% set values = shared | rejectattr('key') | list %}
{% macro keyed() %}{% for key in scope.keys %}, k{{ loop.index0 }}{% endfor %}{% endmacro %}
{% macro read(column) %}{% if column.as_json %}TO_JSON({{ column.name | q }}){% else %}{{ column.name | q }}::{{ types[column.index] }}{% endif %}{% endmacro %}
WITH model AS (
{{ model | raw }}
), c AS (
  SELECT 1 AS here{% for column in shared %}, {{ read(column) }} AS c{{ column.index }}{% endfor %}

  FROM {{ scope.candidate | rel }} WHERE {{ scope.date.name | q }}::DATE >= %(since)s::DATE
), b AS (
  SELECT 1 AS here, COUNT(*) OVER (PARTITION BY {% for key in scope.keys %}{{ key.name | q }}{% if not loop.last %}, {% endif %}{% endfor %}) AS times{% for column in shared %}, {{ read(column) }} AS c{{ column.index }}{% endfor %}

  FROM model WHERE {{ scope.date.name | q }}::DATE >= %(since)s::DATE
), pairs AS (
  SELECT b.here AS in_model, c.here AS in_candidate, b.times AS times{% for key in scope.keys %}, TO_VARCHAR(COALESCE(b.c{{ key.index }}, c.c{{ key.index }})) AS k{{ loop.index0 }}{% endfor %}
{%- for column in values %},
    b.here IS NOT NULL AND c.here IS NOT NULL AND {% if column.index in tolerances %}{{ sides.apart('b.c' ~ column.index, 'c.c' ~ column.index, column.index, true) }}{% else %}{{ sides.differs(column) }}{% endif %} AS d{{ column.index }},
    TO_VARCHAR(c.c{{ column.index }}) AS before{{ column.index }}, TO_VARCHAR(b.c{{ column.index }}) AS after{{ column.index }}
{%- endfor %}

  FROM b FULL OUTER JOIN c ON {{ sides.on_keys(scope) }}
), counts AS (
  SELECT COUNT_IF(in_model = 1) AS model_rows, COUNT_IF(in_model IS NULL) AS only_candidate, COUNT_IF(in_candidate IS NULL) AS only_model,
    COUNT_IF(times > 1) AS repeated{% for column in values %}, COUNT_IF(d{{ column.index }}) AS d{{ column.index }}{% endfor %}

  FROM pairs
), broken AS (
  SELECT * FROM pairs WHERE in_model IS NULL OR in_candidate IS NULL{% for column in values %} OR d{{ column.index }}{% endfor %}

  ORDER BY {% for key in scope.keys %}k{{ loop.index0 }}{% if not loop.last %}, {% endif %}{% endfor %}

  LIMIT 10
), columns_of AS (
  SELECT -1 AS i{% for column in values %} UNION ALL SELECT {{ column.index }}{% endfor %}

), examples AS (
  SELECT i, CASE i WHEN -1 THEN in_model IS NULL OR in_candidate IS NULL{% for column in values %} WHEN {{ column.index }} THEN d{{ column.index }}{% endfor %} END AS hit,
    CASE i WHEN -1 THEN CASE WHEN in_model IS NULL THEN 'only in dev' END{% for column in values %} WHEN {{ column.index }} THEN before{{ column.index }}{% endfor %} END AS before_text,
    CASE i WHEN -1 THEN CASE WHEN in_candidate IS NULL THEN 'only in the model' END{% for column in values %} WHEN {{ column.index }} THEN after{{ column.index }}{% endfor %} END AS after_text{{ keyed() }}

  FROM broken CROSS JOIN columns_of
)
SELECT 'counts' AS part, NULL::NUMBER(38,0) AS i, CONCAT_WS(',', TO_VARCHAR(model_rows), TO_VARCHAR(only_candidate), TO_VARCHAR(only_model), TO_VARCHAR(repeated){% for column in values %}, TO_VARCHAR(d{{ column.index }}){% endfor %}) AS before_text,
  NULL::VARCHAR AS after_text{% for key in scope.keys %}, NULL::VARCHAR AS k{{ loop.index0 }}{% endfor %}

FROM counts
UNION ALL
SELECT 'example', i, before_text, after_text{{ keyed() }} FROM examples WHERE hit
