-- Macro shared by the outlier checks without a usable key: every metric's sum of a day in the window that moved by more than
-- report_over, appeared or vanished. In: scope, metrics; binds since, report_over, min_abs.
{% import 'checks/_sides.sql' as sides %}
{% macro daily(scope, metrics, relation) -%}
SELECT 1 AS here, {{ scope.date.name | q }}::DATE AS c{{ scope.date.index }}{% for metric in metrics %}, {{ sides.total(scope, metric) }} AS c{{ metric.index }}{% endfor %}

  FROM {{ relation | rel }} GROUP BY {{ scope.date.name | q }}::DATE
{%- endmacro %}

{% macro moves(scope, metrics) -%}
b AS (
  {{ daily(scope, metrics, scope.baseline) }}
), c AS (
  {{ daily(scope, metrics, scope.candidate) }}
), wanted AS (
  SELECT {{ metrics[0].index }} AS i{% for metric in metrics[1:] %} UNION ALL SELECT {{ metric.index }}{% endfor %}

), pairs AS (
  SELECT {% for key in scope.pair_keys %}TO_VARCHAR(b.c{{ key.index }}) AS k{{ loop.index0 }}, {% endfor %}

    {% if scope.date %}COALESCE(c.c{{ scope.date.index }}, b.c{{ scope.date.index }})::DATE{% else %}NULL::DATE{% endif %} AS day, i,
    CASE i{% for metric in metrics %} WHEN {{ metric.index }} THEN TO_VARCHAR(b.c{{ metric.index }}){% endfor %} END AS before_text,
    CASE i{% for metric in metrics %} WHEN {{ metric.index }} THEN TO_VARCHAR(c.c{{ metric.index }}){% endfor %} END AS after_text,
    CASE i{% for metric in metrics %} WHEN {{ metric.index }} THEN b.c{{ metric.index }}::FLOAT{% endfor %} END AS before,
    CASE i{% for metric in metrics %} WHEN {{ metric.index }} THEN c.c{{ metric.index }}::FLOAT{% endfor %} END AS after
  FROM b JOIN c ON {% for key in scope.pair_keys %}{% if not loop.first %} AND {% endif %}b.c{{ key.index }} = c.c{{ key.index }}{% endfor %} CROSS JOIN wanted
  WHERE NOT ({{ sides.old(scope) }})
), moved AS (
  SELECT pairs.*,
    CASE WHEN COALESCE(before, 0) = 0 AND COALESCE(after, 0) <> 0 THEN 'appeared'
      WHEN COALESCE(before, 0) <> 0 AND COALESCE(after, 0) = 0 THEN 'vanished'
      WHEN after > before THEN 'up' WHEN after < before THEN 'down' END AS direction,
    CASE WHEN before <> 0 AND after <> 0 THEN (after - before) / ABS(before) END AS share
  FROM pairs
  WHERE before IS DISTINCT FROM after
    AND NOT GREATEST(COALESCE(ABS(before), 0), COALESCE(ABS(after), 0)) < %(min_abs)s
), outlying AS (
  SELECT * FROM moved
  WHERE direction IS NOT NULL AND (share IS NULL OR NOT ABS(share) <= %(report_over)s)
)
{%- endmacro %}
