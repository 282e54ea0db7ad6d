-- Masking, row access and other policies on a table or view. In: relation; binds relation (its SQL name), domain.
-- One row a reference.
SELECT POLICY_KIND, POLICY_NAME, REF_COLUMN_NAME
FROM TABLE({{ relation.database | q }}.INFORMATION_SCHEMA.POLICY_REFERENCES(
  REF_ENTITY_NAME => %(relation)s, REF_ENTITY_DOMAIN => %(domain)s))
