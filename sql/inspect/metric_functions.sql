-- Data metric functions on a table. In: relation; bind relation (its SQL name). One row a function: metric_database_name,
-- metric_schema_name, metric_name, ref_arguments (JSON), schedule, level.
SELECT *
FROM TABLE({{ relation.database | q }}.INFORMATION_SCHEMA.DATA_METRIC_FUNCTION_REFERENCES(
  REF_ENTITY_NAME => %(relation)s, REF_ENTITY_DOMAIN => 'TABLE'))
