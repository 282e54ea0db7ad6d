-- The bot's own dev schema, when it is missing. In: relation (its database and schema).
CREATE SCHEMA IF NOT EXISTS {{ relation.database | q }}.{{ relation.schema | q }}
