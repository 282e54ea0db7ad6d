-- Does a key identify rows? Cheap, and exact for keys without NULL: rows are grouped by the key, one day or whole number of it in
-- blocks of 32. A row sets one bit of its block; the sum of the bits equals their OR only where no bit is set twice.
-- In: scope, tries (keys, each with its columns, the one that goes into blocks, and whether that one is a day), read (sides; a
-- candidate whose buckets are all equal holds the baseline's keys). One row a try and side: i, side, repeated (blocks with a repeated key).
{% import 'checks/_sides.sql' as sides %}
{% macro repeated(i, tried, side, relation, part) -%}
SELECT {{ i }} AS i, '{{ side }}' AS side, COUNT(*) AS repeated
FROM (
{% if tried.block %}
  SELECT 1 AS one
  FROM (
    SELECT {% for key in tried.rest %}{{ sides.value(key) }} AS k{{ key.index }}, {% endfor %}

      {% if tried.by_day %}{{ sides.days(tried.block) }}{% else %}{{ tried.block.name | q }}::NUMBER(38,0){% endif %} AS n
    FROM {{ relation | rel }}
    {{ part }}
  ) keyed
  GROUP BY {% for key in tried.rest %}k{{ key.index }}, {% endfor %}n - BITAND(n, 31)
  HAVING SUM(BITSHIFTLEFT(1, BITAND(n, 31))::NUMBER(38,0)) <> BITOR_AGG(BITSHIFTLEFT(1, BITAND(n, 31))::NUMBER(38,0))
{% else %}
  SELECT 1 AS one
  FROM {{ relation | rel }}
  {{ part }}
  GROUP BY {{ sides.listed(tried.rest) }}
  HAVING COUNT(*) > 1
{% endif %}
) repeated_keys
{%- endmacro %}
{% set partly = scope.suspects and scope.key_bound and 'candidate' in read %}
{% if partly %}
WITH {{ sides.suspect(scope) }}none AS (SELECT 1 AS one)
{% endif %}
{% for tried in tries %}
{% set i = loop.index0 %}
{{ repeated(i, tried, 'baseline', scope.baseline, '') }}
{% if 'candidate' in read %}
UNION ALL
{{ repeated(i, tried, 'candidate', scope.candidate, sides.chosen(scope) if partly else '') }}
{% endif %}
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
