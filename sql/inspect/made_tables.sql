-- Tables of a schema that are named as ours are, of any installation. In: database; binds schema. One row a table.
SELECT TABLE_NAME, CREATED
FROM {{ database | q }}.INFORMATION_SCHEMA.TABLES
WHERE TABLE_SCHEMA = %(schema)s
  AND (CONTAINS(TABLE_NAME, '__BACKUP_R') OR CONTAINS(TABLE_NAME, '__BEFORE_UNDO_R')
    OR CONTAINS(TABLE_NAME, '__CANDIDATE_R') OR CONTAINS(TABLE_NAME, '__BASELINE_R'))
ORDER BY TABLE_NAME
