-- Rows outside the limits that the team has set. In: scope, limited (columns with a limit); binds min_<i>, max_<i>.
-- Two rows, side = baseline and candidate: o<i> = rows outside, low<i> and high<i> = extremes as text.
{% for name, relation in (('baseline', scope.baseline), ('candidate', scope.candidate)) %}
SELECT '{{ name }}' AS side
{%- for column in limited %},
  COUNT_IF({{ column.name | q }} < %(min_{{ column.index }})s OR {{ column.name | q }} > %(max_{{ column.index }})s) AS o{{ column.index }},
  TO_VARCHAR(MIN({{ column.name | q }})) AS low{{ column.index }}, TO_VARCHAR(MAX({{ column.name | q }})) AS high{{ column.index }}
{%- endfor %}

FROM {{ relation | rel }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
