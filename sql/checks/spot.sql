-- A spot check: what the source says against what the candidate holds. In: scope, analysis, keys, metrics, by_day (both
-- are summed by day), dated (the source has the date column); binds named_<i>, rel_<i>, abs_<i>.
-- One row a key of the source: k0 ... as text, day, found (the candidate has it), and per metric i: s<i> and t<i> = source
-- and candidate as text, d<i> = they differ. Up to 200, those that differ first, then those not found, then some of each
-- day. In every row, of all keys: total, differ (values of keys that were found), not_found.
{% import 'checks/_sides.sql' as sides %}
WITH spot AS (
{{ analysis | raw }}
),
source AS (
  SELECT {% for key in keys %}{{ key.name | q }}{% if by_day %}::DATE{% endif %} AS k{{ loop.index0 }}, {% endfor %}
{% if dated %}{{ scope.date.name | q }}::DATE{% else %}NULL::DATE{% endif %} AS on_day
{%- for metric in metrics %}, {% if by_day %}SUM({{ metric.name | q }}){% else %}{{ metric.name | q }}{% endif %} AS m{{ metric.index }}{% endfor %}

  FROM spot
{% if by_day %}
  GROUP BY 1, 2
{% endif %}
),
target AS (
  SELECT 1 AS here, {% for key in keys %}{{ key.name | q }}{% if by_day %}::DATE{% endif %} AS k{{ loop.index0 }}, {% endfor %}
{% for metric in metrics %}{% if by_day %}SUM({{ metric.name | q }}){% else %}{{ metric.name | q }}{% endif %} AS m{{ metric.index }}{% if not loop.last %}, {% endif %}{% endfor %}

  FROM {{ scope.candidate | rel }}
{% if by_day %}
  GROUP BY 2
{% endif %}
),
compared AS (
  SELECT {% for key in keys %}TO_VARCHAR(source.k{{ loop.index0 }}) AS k{{ loop.index0 }}, {% endfor %}{{ sides.day_text('source.on_day') }} AS day, target.here IS NOT NULL AS found
{%- for metric in metrics %},
  TO_VARCHAR(source.m{{ metric.index }}) AS s{{ metric.index }}, TO_VARCHAR(target.m{{ metric.index }}) AS t{{ metric.index }},
  {{ sides.apart('source.m' ~ metric.index, 'target.m' ~ metric.index, metric.index, true) }} AS d{{ metric.index }}
{%- endfor %}

  FROM source LEFT JOIN target ON {% for key in keys %}{% if not loop.first %} AND {% endif %}source.k{{ loop.index0 }} = target.k{{ loop.index0 }}{% endfor %}

{% if dated and scope.named %}
  WHERE source.on_day IN ({% for _ in scope.named %}%(named_{{ loop.index0 }})s::DATE{% if not loop.last %}, {% endif %}{% endfor %})
{% endif %}
)
SELECT compared.*, COUNT(*) OVER () AS total,
  SUM({% for metric in metrics %}IFF(found AND d{{ metric.index }}, 1, 0){% if not loop.last %} + {% endif %}{% endfor %}) OVER () AS differ,
  SUM(IFF(found, 0, 1)) OVER () AS not_found
FROM compared
ORDER BY IFF(NOT found, 1, IFF({% for metric in metrics %}d{{ metric.index }}{% if not loop.last %} OR {% endif %}{% endfor %}, 0, 2)),
  ROW_NUMBER() OVER (PARTITION BY day ORDER BY {% for key in keys %}k{{ loop.index0 }}{% if not loop.last %}, {% endif %}{% endfor %}),
  {% for key in keys %}k{{ loop.index0 }}{% if not loop.last %}, {% endif %}{% endfor %}

LIMIT 200
