-- Values far from what production usually holds. In: scope, metrics; binds usual (the quantile), times.
-- The reference is the baseline without the rows that change; without a usable key, the whole baseline.
-- Two rows, side = baseline and candidate: r<i> = reference magnitude, o<i> = values over `times` that,
-- x<i> = largest magnitude, and g<i> = values of a sign that the reference does not have.
{% import 'checks/_sides.sql' as sides %}
WITH {{ sides.both(scope) }},
kept AS (
  SELECT {% for metric in metrics %}{% if scope.unique %}CASE WHEN b.c{{ metric.index }} IS NOT DISTINCT FROM c.c{{ metric.index }} THEN b.c{{ metric.index }}::FLOAT END{% else %}b.c{{ metric.index }}::FLOAT{% endif %} AS v{{ metric.index }}{% if not loop.last %}, {% endif %}{% endfor %}

  FROM b{% if scope.unique %} JOIN c ON {{ sides.on_keys(scope) }}{% endif %}

),
reference AS (
  SELECT {% for metric in metrics %}PERCENTILE_CONT(%(usual)s) WITHIN GROUP (ORDER BY ABS(v{{ metric.index }})) AS r{{ metric.index }},
    COUNT_IF(v{{ metric.index }} < 0) AS neg{{ metric.index }}, COUNT_IF(v{{ metric.index }} > 0) AS pos{{ metric.index }}{% if not loop.last %},
    {% endif %}{% endfor %}

  FROM kept
)
{% for name, alias in (('baseline', 'b'), ('candidate', 'c')) %}
SELECT '{{ name }}' AS side
{%- for metric in metrics %},
  MAX(r{{ metric.index }}) AS r{{ metric.index }}, COUNT_IF(r{{ metric.index }} > 0 AND ABS(c{{ metric.index }}::FLOAT) > %(times)s * r{{ metric.index }}) AS o{{ metric.index }},
  MAX(ABS(c{{ metric.index }}::FLOAT)) AS x{{ metric.index }},
  COUNT_IF((neg{{ metric.index }} = 0 AND pos{{ metric.index }} > 0 AND c{{ metric.index }} < 0) OR (pos{{ metric.index }} = 0 AND neg{{ metric.index }} > 0 AND c{{ metric.index }} > 0)) AS g{{ metric.index }}
{%- endfor %}

FROM {{ alias }} CROSS JOIN reference
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
