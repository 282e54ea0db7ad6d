-- Without a usable key: rows as multisets, by their 64-bit hash and how often each occurs; only those of buckets that differ.
-- In: scope, zones (each with a name, which rows: all, history or window, and its columns), emptied (columns whose NULLs are
-- counted in the zone named window, which they are part of; of a clock that may move, which is in no hash, in all its rows); bind since.
-- One row a zone: zone, only_baseline, only_candidate (rows, duplicates counted), and of these (of a clock: of all) zb<i>, zc<i> where column i is NULL.
{% import 'checks/_sides.sql' as sides %}
{% set every = emptied + scope.loose %}
{% macro rows_of(zone, relation, b, c) %}
SELECT '{{ zone.name }}' AS zone, HASH({% for column in zone.columns %}{{ sides.soft(scope, column) if column.softened and zone.rows != 'history' else sides.said(column) }}{% if not loop.last %}, {% endif %}{% endfor %}) AS h, {{ b }} AS b, {{ c }} AS c{% for column in every %}, {% if zone.name == 'window' %}CASE WHEN {{ column.name | q }} IS NULL THEN 1 ELSE 0 END{% else %}0{% endif %} AS z{{ column.index }}{% endfor %}

    FROM {{ relation | rel }}
    WHERE {{ sides.only(scope) }}
{%- if zone.rows == 'window' %} AND {{ scope.date.name | q }}::DATE >= %(since)s::DATE{% elif zone.rows == 'history' %} AND NOT COALESCE({{ scope.date.name | q }}::DATE >= %(since)s::DATE, FALSE){% endif %}
{% endmacro %}
{% if scope.suspects %}
WITH {{ sides.suspect(scope) }}none AS (SELECT 1 AS one)
{% endif %}
SELECT zone, SUM(GREATEST(in_b - in_c, 0)) AS only_baseline, SUM(GREATEST(in_c - in_b, 0)) AS only_candidate
{%- for column in emptied %},
  SUM(z{{ column.index }} * GREATEST(in_b - in_c, 0)) AS zb{{ column.index }}, SUM(z{{ column.index }} * GREATEST(in_c - in_b, 0)) AS zc{{ column.index }}
{%- endfor %}
{%- for column in scope.loose %},
  SUM(zb{{ column.index }}) AS zb{{ column.index }}, SUM(zc{{ column.index }}) AS zc{{ column.index }}
{%- endfor %}

FROM (
  SELECT zone, h, COUNT_IF(b = 1) AS in_b, COUNT_IF(c = 1) AS in_c{% for column in emptied %}, MAX(z{{ column.index }}) AS z{{ column.index }}{% endfor %}{% for column in scope.loose %}, SUM(b * z{{ column.index }}) AS zb{{ column.index }}, SUM(c * z{{ column.index }}) AS zc{{ column.index }}{% endfor %}

  FROM (
{% for zone in zones %}
    {{ rows_of(zone, scope.baseline, 1, 0) }}
    UNION ALL
    {{ rows_of(zone, scope.candidate, 0, 1) }}
    {% if not loop.last %}
    UNION ALL
    {% endif %}
{% endfor %}
  ) both_sides
  GROUP BY zone, h
) counted
GROUP BY zone
