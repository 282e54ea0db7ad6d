-- How often a float is NaN or infinite, and what else is in it; asked only where the extremes say that there are some. In: scope, floats (those columns).
-- Two rows, side = baseline and candidate: n<i> = such values of float i, most<i> = its greatest magnitude, NaN apart, as text.
{% for name, relation in (('baseline', scope.baseline), ('candidate', scope.candidate)) %}
SELECT '{{ name }}' AS side{% for column in floats %}, COUNT_IF(NOT ABS({{ column.name | q }}) < 'inf'::FLOAT) AS n{{ column.index }},
  TO_VARCHAR(MAX(NULLIF(ABS({{ column.name | q }}), 'NaN'::FLOAT))) AS most{{ column.index }}{% endfor %}

FROM {{ relation | rel }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
