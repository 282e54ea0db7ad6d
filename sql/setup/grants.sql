-- Users, roles and grants for one installation; printed by `dbt-refresh grants`, run by a person.
-- In: builder, promoter (user, role, warehouse), warehouses, dev (database names), backup_schema; and sources, prod,
-- backups: what dbt reads there, models, and tables of models, by database.

{% set to_builder = "TO ROLE " ~ (builder.role | q) ~ ";" %}
{% set to_promoter = "TO ROLE " ~ (promoter.role | q) ~ ";" %}
-- Set-up of dbt-refresh, for a role that may create users. Fill in the two public keys, then run all of it. Nothing is
-- taken away and every line may be run again: when the project has new databases, print this anew.
--
--   1. The builder: a user with a role of its own, that makes dev tables and can never write to production.
--   2. What the builder may read: databases of sources ({{ sources | length }}), then of production ({{ prod | length }}); the same 7 lines for each.
--   3. The promoter: a second user, with the role that owns production.
--   4. Backups: a schema in each database that has tables of models ({{ backups | length }}), for the promoter only; 2 lines for each.

-- 1. The builder
CREATE ROLE IF NOT EXISTS {{ builder.role | q }};
CREATE USER IF NOT EXISTS {{ builder.user | q }} TYPE = SERVICE RSA_PUBLIC_KEY = '<BUILDER_PUBLIC_KEY>'
  DEFAULT_ROLE = {{ builder.role | q }} DEFAULT_SECONDARY_ROLES = ();
GRANT ROLE {{ builder.role | q }} TO USER {{ builder.user | q }};
{% for warehouse in warehouses %}
GRANT USAGE ON WAREHOUSE {{ warehouse | q }} {{ to_builder }}
{% endfor %}
{% for database in dev %}
GRANT USAGE, CREATE SCHEMA ON DATABASE {{ database | q }} {{ to_builder }}
{% endfor %}

-- 2. What the builder may read
{% for kind, databases, holds in (("sources", sources, "tables"), ("production", prod, "models")) %}
{% for database, found in databases.items() %}

-- {{ database }}: {{ kind }}, {{ loop.index }} of {{ loop.length }}; {{ holds }}: {{ found | length }}
GRANT USAGE ON DATABASE {{ database | q }} {{ to_builder }}
GRANT USAGE ON ALL SCHEMAS IN DATABASE {{ database | q }} {{ to_builder }}
GRANT USAGE ON FUTURE SCHEMAS IN DATABASE {{ database | q }} {{ to_builder }}
GRANT SELECT ON ALL TABLES IN DATABASE {{ database | q }} {{ to_builder }}
GRANT SELECT ON FUTURE TABLES IN DATABASE {{ database | q }} {{ to_builder }}
GRANT SELECT ON ALL VIEWS IN DATABASE {{ database | q }} {{ to_builder }}
GRANT SELECT ON FUTURE VIEWS IN DATABASE {{ database | q }} {{ to_builder }}
{% endfor %}
{% endfor %}

-- 3. The promoter
CREATE USER IF NOT EXISTS {{ promoter.user | q }} TYPE = SERVICE RSA_PUBLIC_KEY = '<PROMOTER_PUBLIC_KEY>'
  DEFAULT_ROLE = {{ promoter.role | q }} DEFAULT_SECONDARY_ROLES = ();
GRANT ROLE {{ promoter.role | q }} TO USER {{ promoter.user | q }};
GRANT USAGE ON WAREHOUSE {{ promoter.warehouse | q }} {{ to_promoter }}
{% for database in dev %}
GRANT USAGE ON DATABASE {{ database | q }} {{ to_promoter }}
{% endfor %}
-- To see which policies a table has; an owner who may apply none is refused the answer. Enterprise Edition.
GRANT APPLY MASKING POLICY, APPLY ROW ACCESS POLICY ON ACCOUNT {{ to_promoter }}
GRANT APPLY AGGREGATION POLICY, APPLY JOIN POLICY, APPLY PROJECTION POLICY, APPLY STORAGE LIFECYCLE POLICY ON ACCOUNT {{ to_promoter }}

-- 4. Backups
{% for database, found in backups.items() %}

-- {{ database }}: {{ loop.index }} of {{ loop.length }}; tables of models: {{ found | length }}
CREATE SCHEMA IF NOT EXISTS {{ database | q }}.{{ backup_schema | q }};
GRANT USAGE, CREATE TABLE ON SCHEMA {{ database | q }}.{{ backup_schema | q }} {{ to_promoter }}
{% endfor %}
