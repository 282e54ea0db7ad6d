-- A few rows that break parity. In: scope, columns (those with a forbidden difference); binds as checks/pairs.
-- Up to 10 rows: k0, k1 ... as text, what (missing, extra, or i = index of the column), before_text, after_text, old.
{% import 'checks/_sides.sql' as sides %}
WITH {{ sides.both(scope) }},
wanted AS (
  SELECT -1 AS i{% for column in columns %} UNION ALL SELECT {{ column.index }}{% endfor %}

),
broken AS (
  SELECT {% for key in scope.keys %}TO_VARCHAR(COALESCE(b.c{{ key.index }}, c.c{{ key.index }})) AS k{{ loop.index0 }}, {% endfor %}

    i, {{ sides.old(scope) }} AS old, c.here AS in_c,
    CASE i WHEN -1 THEN c.here IS NULL OR (b.here IS NULL AND {{ sides.old(scope) }})
{%- for column in columns %}

      WHEN {{ column.index }} THEN b.here IS NOT NULL AND c.here IS NOT NULL AND {{ sides.differs(column) }}{% if column.allowed %} AND {{ sides.old(scope) }}{% endif %}
{%- endfor %}

    END AS hit,
    CASE i WHEN -1 THEN NULL::VARCHAR{% for column in columns %} WHEN {{ column.index }} THEN TO_VARCHAR(b.c{{ column.index }}){% endfor %} END AS before_text,
    CASE i WHEN -1 THEN NULL::VARCHAR{% for column in columns %} WHEN {{ column.index }} THEN TO_VARCHAR(c.c{{ column.index }}){% endfor %} END AS after_text
  FROM b FULL OUTER JOIN c ON {{ sides.on_keys(scope) }} CROSS JOIN wanted
)
SELECT {% for key in scope.keys %}k{{ loop.index0 }}, {% endfor %}

  CASE WHEN i >= 0 THEN TO_VARCHAR(i) WHEN in_c IS NULL THEN 'missing' ELSE 'extra' END AS what, before_text, after_text, old
FROM broken
WHERE hit
ORDER BY old DESC, {% for key in scope.keys %}k{{ loop.index0 }}, {% endfor %}i
LIMIT 10
