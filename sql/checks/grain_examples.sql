-- A few keys of the candidate that are NULL or stand in several rows. In: scope. Up to 5 rows: k0, k1 ... as text, n.
SELECT {% for key in scope.keys %}TO_VARCHAR({{ key.name | q }}) AS k{{ loop.index0 }}, {% endfor %}COUNT(*) AS n
FROM {{ scope.candidate | rel }}
GROUP BY {% for key in scope.keys %}{{ key.name | q }}{% if not loop.last %}, {% endif %}{% endfor %}

HAVING COUNT(*) > 1{% for key in scope.keys %} OR {{ key.name | q }} IS NULL{% endfor %}

ORDER BY n DESC, {% for key in scope.keys %}k{{ loop.index0 }}{% if not loop.last %}, {% endif %}{% endfor %}

LIMIT 5
