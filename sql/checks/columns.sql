-- The columns of both sides in order. In: baseline, candidate (relations); binds schema_b, name_b, schema_c, name_c.
-- One row a column: side, and what inspect/columns returns.
{% for side, relation, i in (('baseline', baseline, 'b'), ('candidate', candidate, 'c')) %}
SELECT '{{ side }}' AS SIDE, ORDINAL_POSITION, COLUMN_NAME, DATA_TYPE, IS_NULLABLE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION,
  NUMERIC_SCALE, DATETIME_PRECISION, COMMENT
FROM {{ relation.database | q }}.INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA = %(schema_{{ i }})s AND TABLE_NAME = %(name_{{ i }})s
{% if not loop.last %}
UNION ALL
{% endif %}
{% endfor %}
ORDER BY SIDE, ORDINAL_POSITION
