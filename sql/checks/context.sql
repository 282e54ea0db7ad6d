-- What surrounds the change. In: scope, metrics (to measure), joined (so much differs that each value is looked at), shown (metrics of the picture), where (pairs of a column and a list of its values, none: NULL), span (the days of the changed rows are asked for); binds usual (the
-- quantile), value_<i>_<j>, moved_first, moved_last (these days), since (backfill), first, last (days of the picture). The reference for what is usual are the baseline's
-- values that stay as they are: those of equal buckets, else one by one; of a large table, a deterministic sample.
-- Rows by `part`, `side` = baseline or candidate:
--   usual     text: the reference magnitude of each metric
--   shares    of the candidate's rows that may change: n that hold the value `text` of column i; i NULL: all of them
--   span      n of them between the first and the last day of a changed row
--   day       text: the sum of each metric in `shown` on `day`
-- Texts are numbers separated by commas; NULL is left empty.
{% import 'checks/_sides.sql' as sides %}
{% macro holds(column, value, null) -%}
{% if null %}{{ column.name | q }} IS NULL
{%- elif column == scope.date or column.type == 'DATE' %}{{ column.name | q }}::DATE = {{ value }}::DATE
{%- elif column.text %}{{ column.name | q }} = {{ value }}
{%- else %}{{ column.name | q }} = {{ value }}::{{ 'NUMBER(38,0)' if column.whole else 'BOOLEAN' }}{% endif %}
{%- endmacro %}
WITH {{ sides.suspect(scope) }}none AS (SELECT 1 AS one)
{% if metrics and not joined %}
, kept AS (
  SELECT {% for metric in metrics %}{{ metric.name | q }}::FLOAT AS v{{ metric.index }}{% if not loop.last %}, {% endif %}{% endfor %}

  FROM {{ scope.baseline | rel }}
  WHERE {% if scope.sample > 1 %}{{ sides.sampled(scope) }}{% else %}TRUE{% endif %}
  {% if scope.suspects %} AND {{ sides.bucket(scope) }} NOT IN (SELECT BUCKET FROM suspect){% endif %}

)
{% elif metrics %}
, b AS (
  {{ sides.side(scope, scope.baseline) }}
), c AS (
  {{ sides.side(scope, scope.candidate) }}
), kept AS (
  SELECT {% for metric in metrics %}CASE WHEN b.c{{ metric.index }} IS NOT DISTINCT FROM c.c{{ metric.index }} THEN b.c{{ metric.index }}::FLOAT END AS v{{ metric.index }}{% if not loop.last %}, {% endif %}{% endfor %}

  FROM b JOIN c ON {{ sides.on_keys(scope) }}
)
{% endif %}
{% if metrics %}
, reference AS (
  SELECT {% for metric in metrics %}PERCENTILE_CONT(%(usual)s) WITHIN GROUP (ORDER BY ABS(v{{ metric.index }})) AS r{{ metric.index }}{% if not loop.last %}, {% endif %}{% endfor %}

  FROM kept
)
{% endif %}
{% if where or span %}
, held AS (
  SELECT COUNT(*) AS n{% for column, values in where %}{% set i = column.index %}{% for value in values %}, COUNT_IF({{ holds(column, '%(value_' ~ i ~ '_' ~ loop.index0 ~ ')s', value is none) }}) AS n{{ i }}_{{ loop.index0 }}{% endfor %}{% endfor %}
  {%- if span %}, COUNT_IF({{ scope.date.name | q }}::DATE BETWEEN %(moved_first)s::DATE AND %(moved_last)s::DATE) AS n_span{% endif %}

  FROM {{ scope.candidate | rel }}
  {% if scope.since %}WHERE {{ scope.date.name | q }}::DATE >= %(since)s::DATE{% endif %}

)
{% endif %}
SELECT 'none' AS part, NULL::VARCHAR AS side, NULL::NUMBER(38,0) AS i, NULL::VARCHAR AS day, NULL::NUMBER(38,0) AS n, NULL::VARCHAR AS text FROM none WHERE one = 0
{% if metrics %}

UNION ALL SELECT 'usual', 'baseline', NULL, NULL, NULL, CONCAT_WS(',', {% for metric in metrics %}COALESCE(TO_VARCHAR(r{{ metric.index }}), ''){% if not loop.last %}, {% endif %}{% endfor %}) FROM reference
{% endif %}
{% if where or span %}

UNION ALL SELECT 'shares', 'candidate', NULL, NULL, n, NULL FROM held
{%- if span %}

UNION ALL SELECT 'span', 'candidate', NULL, NULL, n_span, NULL FROM held
{%- endif %}
{%- for column, values in where %}{% set i = column.index %}{% for _ in values %}

UNION ALL SELECT 'shares', 'candidate', {{ i }}, NULL, n{{ i }}_{{ loop.index0 }}, %(value_{{ i }}_{{ loop.index0 }})s FROM held
{%- endfor %}{% endfor %}{% endif %}
{% if shown %}{% for name, relation in (('baseline', scope.baseline), ('candidate', scope.candidate)) %}

UNION ALL SELECT 'day', '{{ name }}', NULL, {{ sides.day_text(scope.date.name | q) }}, NULL, CONCAT_WS(',', {% for metric in shown %}COALESCE(TO_VARCHAR({{ sides.total(scope, metric) }}), ''){% if not loop.last %}, {% endif %}{% endfor %})
FROM {{ relation | rel }} WHERE {{ scope.date.name | q }}::DATE BETWEEN %(first)s::DATE AND %(last)s::DATE GROUP BY {{ scope.date.name | q }}::DATE
{%- endfor %}{% endif %}
