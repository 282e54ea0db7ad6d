-- The sums of days that moved most. In: scope, metrics; binds of checks/_moves and most (rows returned).
-- One row each: k0 as text, day, i, direction, before_text, after_text, share.
{% import 'checks/_moves.sql' as m %}
{% import 'checks/_sides.sql' as sides %}
WITH {{ m.moves(scope, metrics) }}
SELECT {% for key in scope.pair_keys %}k{{ loop.index0 }}, {% endfor %}{{ sides.day_text('day') }} AS day, i, direction, before_text, after_text, share
FROM outlying
ORDER BY ABS(share) DESC NULLS FIRST, outlying.day, i
LIMIT %(most)s
