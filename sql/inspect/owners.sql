-- Every table of a database that this role sees, and who owns it. In: database.
SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_OWNER
FROM {{ database | q }}.INFORMATION_SCHEMA.TABLES
WHERE TABLE_SCHEMA <> 'INFORMATION_SCHEMA'
