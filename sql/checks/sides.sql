-- Size and dates of both sides, one scan each. In: scope; bind since (backfill).
-- Two rows, side = baseline and candidate: row_count, first_day, last_day, window_rows, and n<i> = NaN or infinity in column i.
{% for name, relation in (('baseline', scope.baseline), ('candidate', scope.candidate)) %}
SELECT '{{ name }}' AS side, COUNT(*) AS row_count,
{% if scope.date %}
  MIN({{ scope.date.name | q }}::DATE) AS first_day, MAX({{ scope.date.name | q }}::DATE) AS last_day,
{% else %}
  NULL::DATE AS first_day, NULL::DATE AS last_day,
{% endif %}
  {% if scope.since %}COUNT_IF({{ scope.date.name | q }}::DATE >= %(since)s::DATE){% else %}COUNT(*){% endif %} AS window_rows
{%- for column in scope.floats %},
  COUNT_IF({{ column.name | q }} = 'NaN'::FLOAT OR ABS({{ column.name | q }}) = 'inf'::FLOAT) AS n{{ column.index }}
{%- endfor %}

FROM {{ relation | rel }}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
