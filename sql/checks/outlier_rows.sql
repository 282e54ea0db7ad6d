-- The sums of days that moved most. In: scope, metrics; binds of checks/_moves and most (rows returned).
-- One row each: k0 as text, day, i, direction, before_text, after_text, share.
{% import 'checks/_moves.sql' as m %}
WITH {{ m.moves(scope, metrics) }}
SELECT {% for key in scope.pair_keys %}k{{ loop.index0 }}, {% endfor %}day, i, direction, before_text, after_text, share
FROM outlying
ORDER BY ABS(share) DESC NULLS FIRST, day, i
LIMIT %(most)s
