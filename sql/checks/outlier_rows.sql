-- The values that moved most: of each metric, direction and day the worst first. In: scope, metrics; binds of
-- checks/_moves and most (rows returned). One row each: k0, k1 ... as text, day, i, direction, before_text, after_text, share.
{% import 'checks/_moves.sql' as m %}
WITH {{ m.moves(scope, metrics) }},
placed AS (
  SELECT outlying.*, ROW_NUMBER() OVER (
    PARTITION BY i, direction, day
    ORDER BY ABS(share) DESC NULLS FIRST{% for key in scope.pair_keys %}, k{{ loop.index0 }}{% endfor %}) AS place
  FROM outlying
)
SELECT {% for key in scope.pair_keys %}k{{ loop.index0 }}, {% endfor %}day, i, direction, before_text, after_text, share
FROM placed
ORDER BY place, ABS(share) DESC NULLS FIRST, day, i{% for key in scope.pair_keys %}, k{{ loop.index0 }}{% endfor %}

LIMIT %(most)s
