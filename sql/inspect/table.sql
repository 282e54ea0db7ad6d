-- What the catalog says about one relation, by its exact name. In: relation; binds schema, name.
-- At most one row: every column of INFORMATION_SCHEMA.TABLES (the flags IS_DYNAMIC, IS_HYBRID ... exist per release).
SELECT *
FROM {{ relation.database | q }}.INFORMATION_SCHEMA.TABLES
WHERE TABLE_SCHEMA = %(schema)s AND TABLE_NAME = %(name)s
