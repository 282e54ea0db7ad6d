-- Owner and kind of a schema. In: relation (its database and schema); bind schema. At most one row.
SELECT SCHEMA_OWNER, IS_TRANSIENT
FROM {{ relation.database | q }}.INFORMATION_SCHEMA.SCHEMATA
WHERE SCHEMA_NAME = %(schema)s
