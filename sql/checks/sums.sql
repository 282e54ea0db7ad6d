-- Both sides by day and in all, where the key does not pair their rows. In: scope, metrics (to sum), emptied (columns whose NULLs are
-- counted); bind most (days returned). Rows by `part`, values as text, of the baseline in before_text and of the candidate in after_text:
--   sums, nulls   of all rows: a number for each metric, or column, separated by commas; NULL is left empty
--   day           the sum of metric i on a day where it is another one, the largest difference first
{% import 'checks/_sides.sql' as sides %}
{% macro daily(relation) -%}
SELECT {% if scope.date %}COALESCE({{ sides.day_text(scope.date.name | q) }}, ''){% else %}''{% endif %} AS day
  {%- for metric in metrics %}, {{ sides.total(scope, metric) }} AS s{{ metric.index }}{% endfor %}
  {%- for column in emptied %}, COUNT_IF({{ column.name | q }} IS NULL) AS z{{ column.index }}{% endfor %}

  FROM {{ relation | rel }} GROUP BY 1
{%- endmacro %}
{% macro all(kind, columns) -%}
CONCAT_WS(','{% for column in columns %}, COALESCE(TO_VARCHAR(SUM({{ kind }}{{ column.index }})), ''){% endfor %}{% if not columns %}, ''{% endif %})
{%- endmacro %}
{% macro apart(metric) -%}
b.s{{ metric.index }} IS DISTINCT FROM c.s{{ metric.index }}
{%- if metric.float_ %} AND NOT COALESCE(ABS(b.s{{ metric.index }} - c.s{{ metric.index }}) <= 1e-9 * ABS(b.s{{ metric.index }}), FALSE){% endif %}
{%- endmacro %}
WITH b AS (
  {{ daily(scope.baseline) }}
), c AS (
  {{ daily(scope.candidate) }}
){% if metrics %}, wanted AS (
  SELECT {{ metrics[0].index }} AS i{% for metric in metrics[1:] %} UNION ALL SELECT {{ metric.index }}{% endfor %}

), moved AS (
  SELECT COALESCE(b.day, c.day) AS day, i,
    CASE i{% for metric in metrics %} WHEN {{ metric.index }} THEN {{ apart(metric) }}{% endfor %} END AS apart,
    CASE i{% for metric in metrics %} WHEN {{ metric.index }} THEN TO_VARCHAR(b.s{{ metric.index }}){% endfor %} END AS before_text,
    CASE i{% for metric in metrics %} WHEN {{ metric.index }} THEN TO_VARCHAR(c.s{{ metric.index }}){% endfor %} END AS after_text,
    CASE i{% for metric in metrics %} WHEN {{ metric.index }} THEN ABS(COALESCE(c.s{{ metric.index }}, 0)::FLOAT - COALESCE(b.s{{ metric.index }}, 0)::FLOAT){% endfor %} END AS size
  FROM b FULL OUTER JOIN c ON b.day = c.day CROSS JOIN wanted
){% endif %}

SELECT 'sums' AS part, NULL::VARCHAR AS day, NULL::NUMBER(38,0) AS i, b_all.sums AS before_text, c_all.sums AS after_text
FROM (SELECT {{ all('s', metrics) }} AS sums FROM b) b_all CROSS JOIN (SELECT {{ all('s', metrics) }} AS sums FROM c) c_all
UNION ALL
SELECT 'nulls', NULL, NULL, b_all.nulls, c_all.nulls
FROM (SELECT {{ all('z', emptied) }} AS nulls FROM b) b_all CROSS JOIN (SELECT {{ all('z', emptied) }} AS nulls FROM c) c_all
{% if metrics %}
UNION ALL
(SELECT 'day', day, i, before_text, after_text FROM moved WHERE apart ORDER BY size DESC NULLS FIRST, day, i LIMIT %(most)s)
{% endif %}
