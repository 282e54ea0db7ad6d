-- Tags set on a table's columns. In: relation; bind relation (its SQL name). One row a tag and column.
SELECT TAG_DATABASE, TAG_SCHEMA, TAG_NAME, TAG_VALUE, LEVEL, COLUMN_NAME
FROM TABLE({{ relation.database | q }}.INFORMATION_SCHEMA.TAG_REFERENCES_ALL_COLUMNS(%(relation)s, 'TABLE'))
