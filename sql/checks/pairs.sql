-- Row by row on the key, in one join. In: scope; binds since, named_<i>, rel_<i>, abs_<i>.
-- One row of exact counts. Keys: history_missing, history_extra, window_missing, window_new. Rows on both sides:
-- history_differ (any column, exact), window_changed (clock apart), window_outside (a column that was to stay),
-- named_rows and named_changed (on the dates that were named). Per column i: h<i> in history, w<i> in the window.
{% import 'checks/_sides.sql' as sides %}
WITH {{ sides.both(scope) }},
pairs AS (
  SELECT b.here IS NOT NULL AND c.here IS NOT NULL AS in_both, c.here IS NULL AS missing, b.here IS NULL AS extra,
    {{ sides.old(scope) }} AS old,
    {{ sides.named(scope) }} AS named
{%- for column in scope.values %},
    {{ sides.differs(column) }} AS d{{ column.index }}
{%- if column.tolerance %}, {{ sides.beyond(column) }} AS t{{ column.index }}{% endif %}
{%- endfor %}

  FROM b FULL OUTER JOIN c ON {{ sides.on_keys(scope) }}
)
SELECT
  COUNT_IF(missing AND old) AS history_missing,
  COUNT_IF(extra AND old) AS history_extra,
  COUNT_IF(missing AND NOT old) AS window_missing,
  COUNT_IF(extra AND NOT old) AS window_new,
  COUNT_IF(in_both AND old AND {{ sides.any(scope.values, false) }}) AS history_differ,
  COUNT_IF(in_both AND NOT old AND {{ sides.any(scope.judged, true) }}) AS window_changed,
  COUNT_IF(in_both AND NOT old AND {{ sides.any(scope.outside, true) }}) AS window_outside,
  COUNT_IF(named) AS named_rows,
  COUNT_IF(named AND (NOT in_both OR {{ sides.any(scope.judged, true) }})) AS named_changed
{%- for column in scope.values %},
  COUNT_IF(in_both AND old AND d{{ column.index }}) AS h{{ column.index }},
  COUNT_IF(in_both AND NOT old AND {{ sides.flag(column) }}) AS w{{ column.index }}
{%- endfor %}

FROM pairs
