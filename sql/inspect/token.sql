-- Cheap change marker of a table: no scan. In: relation; binds relation (its SQL name), schema, name. At most one row.
-- LAST_ALTERED is left out: Snowflake's own maintenance moves it.
SELECT TO_VARCHAR(SYSTEM$LAST_CHANGE_COMMIT_TIME(%(relation)s)) AS last_change, CREATED, LAST_DDL, ROW_COUNT,
  TABLE_OWNER, IS_TRANSIENT
FROM {{ relation.database | q }}.INFORMATION_SCHEMA.TABLES
WHERE TABLE_SCHEMA = %(schema)s AND TABLE_NAME = %(name)s
