-- Tags set on a table. In: relation; bind relation (its SQL name). One row a tag: tag_name, tag_value, level.
SELECT TAG_DATABASE, TAG_SCHEMA, TAG_NAME, TAG_VALUE, LEVEL
FROM TABLE({{ relation.database | q }}.INFORMATION_SCHEMA.TAG_REFERENCES(%(relation)s, 'TABLE'))
