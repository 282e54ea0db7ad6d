-- The bot's own dev schema, when it is missing. In: relation (its database and schema).
-- Managed access lets its owner, the builder, promise SELECT on future tables without the global MANAGE GRANTS.
CREATE SCHEMA IF NOT EXISTS {{ relation.database | q }}.{{ relation.schema | q }} WITH MANAGED ACCESS
