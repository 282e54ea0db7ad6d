-- What the catalog says about some relations of one database: a policy that filters rows filters nothing here. In: database,
-- relations; binds schema_<i>, name_<i>. One row each that there is: every column of INFORMATION_SCHEMA.TABLES.
SELECT *
FROM {{ database | q }}.INFORMATION_SCHEMA.TABLES
WHERE {% for _ in relations %}(TABLE_SCHEMA = %(schema_{{ loop.index0 }})s AND TABLE_NAME = %(name_{{ loop.index0 }})s){% if not loop.last %} OR {% endif %}{% endfor %}

