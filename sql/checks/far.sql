-- Values far from usual, counted; asked only where the extremes say that there are some. In: scope, metrics; binds far_<i>.
-- Two rows, side = baseline and candidate: of metric i o<i> = magnitudes over far_<i>, neg<i> and pos<i> = values of each sign.
{% for name, relation in (('baseline', scope.baseline), ('candidate', scope.candidate)) %}
SELECT '{{ name }}' AS side
{%- for metric in metrics %},
  COUNT_IF(ABS({{ metric.name | q }}::FLOAT) > %(far_{{ metric.index }})s) AS o{{ metric.index }},
  COUNT_IF({{ metric.name | q }} < 0) AS neg{{ metric.index }}, COUNT_IF({{ metric.name | q }} > 0) AS pos{{ metric.index }}
{%- endfor %}

FROM {{ relation | rel }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
