-- Row by row on the key, in one join of the rows that may differ. In: scope, metrics (whose values are ranked), where (columns
-- whose values may say where the change is), counted (names of the counts, in order); binds since, last_day, named_<i>,
-- rel_<i>, abs_<i>, report_over, explain_over, min_abs, most (outliers returned), largest (so many of them whatever their day).
-- Rows by `part`, NULL in the columns that a part does not use:
--   counts    text: the numbers of `counted`, separated by commas
--   example   rows that break parity: keys, i (column, -1: the row itself), text (missing, extra or differs), before, after, n = history
--   days      outliers of metric i, direction and day: n reported, m to explain, share = the worst
--   outlier   the largest of them, then the worst of each day: keys, day, i, direction, before, after, share
--   where     the commonest values (text; of the date column, days; NULL too) of column i among the changed rows: n of them
{% import 'checks/_sides.sql' as sides %}
{% macro shift(column) %}DATEDIFF('second', b{{ column.index }}, c{{ column.index }}){% endmacro %}
{% macro nothing(names) %}{% for name in names %}, NULL::VARCHAR AS k{{ loop.index0 }}{% endfor %}{% endmacro %}
{% macro keyed() %}{% for key in scope.keys %}, k{{ loop.index0 }}{% endfor %}{% endmacro %}
{% macro picked(side, columns) %}CASE i{% for column in columns %} WHEN {{ column.index }} THEN TO_VARCHAR({{ side }}{{ column.index }}){% endfor %} END{% endmacro %}
{% macro placed(columns) %}CASE i{% for column in columns %} WHEN {{ column.index }} THEN {% if column == scope.date %}{{ sides.day_text('day') }}{% else %}TO_VARCHAR(c{{ column.index }}){% endif %}{% endfor %} END{% endmacro %}
{% macro number(side, columns) %}CASE i{% for column in columns %} WHEN {{ column.index }} THEN {{ side }}{{ column.index }}::FLOAT{% endfor %} END{% endmacro %}
{% macro shown() %}i, day, direction, size, share, {{ picked('b', metrics) }} AS before_text, {{ picked('c', metrics) }} AS after_text{{ keyed() }}{% endmacro %}
{% macro numbered(columns) %}SELECT {{ columns[0].index }} AS i{% for column in columns[1:] %} UNION ALL SELECT {{ column.index }}{% endfor %}{% endmacro %}
WITH {{ sides.suspect(scope) }}b AS (
  {{ sides.side(scope, scope.baseline) }}
), c AS (
  {{ sides.side(scope, scope.candidate) }}
), pairs AS (
  SELECT {% for key in scope.keys %}TO_VARCHAR(COALESCE(b.c{{ key.index }}, c.c{{ key.index }})) AS k{{ loop.index0 }}, {% endfor %}

    {% if scope.date %}COALESCE(c.c{{ scope.date.index }}, b.c{{ scope.date.index }})::DATE{% else %}NULL::DATE{% endif %} AS day,
    b.here IS NOT NULL AND c.here IS NOT NULL AS in_both, c.here IS NULL AS missing, b.here IS NULL AS extra,
    {{ sides.old(scope) }} AS old, {{ sides.late(scope) }} AS late,
    {{ sides.named(scope) }} AS named
{%- for column in scope.columns %},
    b.c{{ column.index }} AS b{{ column.index }}, c.c{{ column.index }} AS c{{ column.index }}
{%- if not column.key %}, {{ sides.differs(column) }} AS d{{ column.index }}{% endif %}
{%- if column.tolerance and not column.key %}, {{ sides.beyond(column) }} AS t{{ column.index }}{% endif %}
{%- endfor %}

  FROM b FULL OUTER JOIN c ON {{ sides.on_keys(scope) }}
  WHERE b.here IS NULL OR c.here IS NULL{% for column in scope.values %} OR {{ sides.differs(column) }}{% endfor %}

), changed AS (
  SELECT pairs.*, in_both AND NOT old AND {{ sides.any(scope.judged, true) }} AS moved
  FROM pairs
), counts AS (
  SELECT
    COUNT_IF(missing AND old) AS history_missing,
    COUNT_IF(extra AND old) AS history_extra,
    COUNT_IF(missing AND NOT old) AS window_missing,
    COUNT_IF(extra AND NOT old) AS window_new,
    COUNT_IF(extra AND NOT old AND late) AS late_new,
    COUNT_IF(in_both AND old AND {{ sides.any(scope.values, false) }}) AS history_differ,
    COUNT_IF(moved) AS window_changed,
    COUNT_IF(in_both AND NOT old AND {{ sides.any(scope.outside, true) }}) AS window_outside,
    COUNT_IF(named AND (moved OR NOT in_both OR (old AND {{ sides.any(scope.values, false) }}))) AS named_changed,
    COUNT(DISTINCT CASE WHEN moved THEN day END) AS changed_days,
    COALESCE(DATEDIFF('day', '1970-01-01'::DATE, MIN(CASE WHEN moved THEN day END)), 0) AS changed_first,
    COALESCE(DATEDIFF('day', '1970-01-01'::DATE, MAX(CASE WHEN moved THEN day END)), 0) AS changed_last
{%- for column in scope.values %},
    COUNT_IF(in_both AND old AND d{{ column.index }}) AS h{{ column.index }},
    COUNT_IF(in_both AND NOT old AND {{ sides.flag(column) }}) AS w{{ column.index }},
    COUNT_IF(in_both AND NOT old AND b{{ column.index }} IS NOT NULL AND c{{ column.index }} IS NULL) AS z{{ column.index }},
    COUNT_IF(in_both AND NOT old AND b{{ column.index }} IS NULL AND c{{ column.index }} IS NOT NULL) AS f{{ column.index }}
{%- endfor %}
{%- for column in scope.presumed %},
    COALESCE(MIN(CASE WHEN in_both AND d{{ column.index }} THEN {{ shift(column) }} END), 0) AS least{{ column.index }},
    COALESCE(MAX(CASE WHEN in_both AND d{{ column.index }} THEN {{ shift(column) }} END), 0) AS most{{ column.index }}
{%- endfor %}

  FROM changed
), broken AS (
  SELECT * FROM changed
  WHERE (in_both AND old) OR (extra AND old) OR missing OR (in_both AND {{ sides.any(scope.outside, true) }})
  ORDER BY old DESC{% for key in scope.keys %}, k{{ loop.index0 }}{% endfor %}

  LIMIT 10
), columns_of AS (
  SELECT -1 AS i{% for column in scope.values %} UNION ALL SELECT {{ column.index }}{% endfor %}

), examples AS (
  SELECT broken.*, i, CASE i WHEN -1 THEN NOT in_both{% for column in scope.values %}

      WHEN {{ column.index }} THEN in_both AND d{{ column.index }}{% if column.allowed %} AND old{% endif %}{% endfor %} END AS hit,
    {{ picked('b', scope.values) if scope.values else 'NULL::VARCHAR' }} AS before_text, {{ picked('c', scope.values) if scope.values else 'NULL::VARCHAR' }} AS after_text
  FROM broken CROSS JOIN columns_of
)
{% if metrics %}
, metrics_of AS (
  {{ numbered(metrics) }}
), valued AS (
  SELECT changed.*, i, {{ number('b', metrics) }} AS before, {{ number('c', metrics) }} AS after,
    CASE i{% for column in metrics %} WHEN {{ column.index }} THEN {{ sides.flag(column) }}{% endfor %} END AS apart
  FROM changed CROSS JOIN metrics_of
  WHERE in_both AND NOT old
), directed AS (
  SELECT valued.*,
    CASE WHEN COALESCE(before, 0) = 0 AND COALESCE(after, 0) <> 0 THEN 'appeared'
      WHEN COALESCE(before, 0) <> 0 AND COALESCE(after, 0) = 0 THEN 'vanished'
      WHEN after > before THEN 'up' WHEN after < before THEN 'down' END AS direction,
    CASE WHEN before <> 0 AND after <> 0 THEN (after - before) / ABS(before) END AS share
  FROM valued
  WHERE apart AND (NOT GREATEST(COALESCE(ABS(before), 0), COALESCE(ABS(after), 0)) < %(min_abs)s)
), outlying AS (
  SELECT *, ABS(share) AS size FROM directed
  WHERE direction IS NOT NULL AND (share IS NULL OR NOT ABS(share) <= %(report_over)s)
), placed AS (
  SELECT outlying.*, ROW_NUMBER() OVER (
    PARTITION BY i, direction, day ORDER BY size DESC NULLS FIRST{{ keyed() }}) AS place
  FROM outlying
), largest AS (
  SELECT * FROM outlying ORDER BY size DESC NULLS FIRST, day, i{{ keyed() }} LIMIT %(largest)s
), worst_of_each AS (
  SELECT * FROM placed ORDER BY place, size DESC NULLS FIRST, day, i{{ keyed() }} LIMIT %(most)s
), leading AS (
  SELECT 0 AS turn, {{ shown() }} FROM largest UNION ALL SELECT place, {{ shown() }} FROM worst_of_each
), worst AS (
  SELECT i, day, direction, size, share, before_text, after_text{{ keyed() }} FROM leading
  GROUP BY i, day, direction, size, share, before_text, after_text{{ keyed() }}
  ORDER BY MIN(turn), size DESC NULLS FIRST, day, i{{ keyed() }}

  LIMIT %(most)s
)
{% endif %}
{% if where %}
, where_of AS (
  {{ numbered(where) }}
), placed_in AS (
  SELECT i, {{ placed(where) }} AS value
  FROM changed CROSS JOIN where_of
  WHERE moved
), grouped AS (
  SELECT i, value, COUNT(*) AS n FROM placed_in GROUP BY i, value
), commonest AS (
  SELECT i, value, n, ROW_NUMBER() OVER (PARTITION BY i ORDER BY n DESC, value) AS place FROM grouped
)
{% endif %}
SELECT 'counts' AS part, NULL::NUMBER(38,0) AS i, NULL::VARCHAR AS day, NULL::VARCHAR AS direction, NULL::NUMBER(38,0) AS n, NULL::NUMBER(38,0) AS m,
  CONCAT_WS(',', {% for name in counted %}TO_VARCHAR({{ name }}){% if not loop.last %}, {% endif %}{% endfor %}) AS text,
  NULL::VARCHAR AS before_text, NULL::VARCHAR AS after_text, NULL::FLOAT AS share{{ nothing(scope.keys) }}
FROM counts
UNION ALL
SELECT 'example', i, {{ sides.day_text('day') }}, NULL, CASE WHEN old THEN 1 ELSE 0 END, NULL, CASE WHEN i >= 0 THEN 'differs' WHEN missing THEN 'missing' ELSE 'extra' END,
  CASE WHEN i >= 0 THEN before_text END, CASE WHEN i >= 0 THEN after_text END, NULL{{ keyed() }}
FROM examples WHERE hit
{% if metrics %}
UNION ALL
SELECT 'days', i, {{ sides.day_text('day') }}, direction, COUNT(*), COUNT_IF(share IS NULL OR NOT size <= %(explain_over)s), NULL, NULL, NULL, MAX(size){% for key in scope.keys %}, NULL{% endfor %}

FROM outlying GROUP BY i, direction, day
UNION ALL
SELECT 'outlier', i, {{ sides.day_text('day') }}, direction, NULL, NULL, NULL, before_text, after_text, share{{ keyed() }}

FROM worst
{% endif %}
{% if where %}
UNION ALL
SELECT 'where', i, NULL, NULL, n, NULL, value, NULL, NULL, NULL{% for key in scope.keys %}, NULL{% endfor %}

FROM commonest WHERE place <= 3
{% endif %}
