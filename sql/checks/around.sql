-- Every metric by day around the days people look at, both sides. In: scope, metrics; binds first, last (dates).
-- One row a side and day: side, day, s<i> = sum of metric i as text.
{% for name, relation in (('baseline', scope.baseline), ('candidate', scope.candidate)) %}
SELECT '{{ name }}' AS side, {{ scope.date.name | q }}::DATE AS day
{%- for metric in metrics %}, TO_VARCHAR(SUM({{ metric.name | q }})) AS s{{ metric.index }}{% endfor %}

FROM {{ relation | rel }}
WHERE {{ scope.date.name | q }}::DATE BETWEEN %(first)s::DATE AND %(last)s::DATE
GROUP BY {{ scope.date.name | q }}::DATE
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
