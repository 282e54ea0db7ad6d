-- How many values of each metric moved, by direction and day. In: scope, metrics; binds of checks/_moves and explain_over.
-- One row each: i (the metric's index), direction, day, reported, to_explain, worst (largest relative change, NULL: appeared).
{% import 'checks/_moves.sql' as m %}
{% import 'checks/_sides.sql' as sides %}
WITH {{ m.moves(scope, metrics) }}
SELECT i, direction, {{ sides.day_text('day') }} AS day, COUNT(*) AS reported,
  COUNT_IF(share IS NULL OR NOT ABS(share) <= %(explain_over)s) AS to_explain, MAX(ABS(share)) AS worst
FROM outlying
GROUP BY i, direction, outlying.day
ORDER BY i, direction, outlying.day
