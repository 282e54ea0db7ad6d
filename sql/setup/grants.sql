-- Users, roles and grants for one installation; printed by `dbt-refresh grants`, run by a person.
-- In: builder, promoter (user, role, warehouse), warehouses, sources, prod, dev (database names), backup_schema.
-- The builder: makes dev tables, reads production, can never write there.
CREATE ROLE IF NOT EXISTS {{ builder.role | q }};
CREATE USER IF NOT EXISTS {{ builder.user | q }} TYPE = SERVICE RSA_PUBLIC_KEY = '<BUILDER_PUBLIC_KEY>'
  DEFAULT_ROLE = {{ builder.role | q }} DEFAULT_SECONDARY_ROLES = ();
GRANT ROLE {{ builder.role | q }} TO USER {{ builder.user | q }};
{% for warehouse in warehouses %}
GRANT USAGE ON WAREHOUSE {{ warehouse | q }} TO ROLE {{ builder.role | q }};
{% endfor %}
{% for database in dev %}
GRANT USAGE, CREATE SCHEMA ON DATABASE {{ database | q }} TO ROLE {{ builder.role | q }};
{% endfor %}

-- What the builder may read: {{ sources | length }} databases of sources, then {{ prod | length }} of production.
{% for database in sources + prod %}

-- {{ loop.index }} of {{ loop.length }}
GRANT USAGE ON DATABASE {{ database | q }} TO ROLE {{ builder.role | q }};
GRANT USAGE ON ALL SCHEMAS IN DATABASE {{ database | q }} TO ROLE {{ builder.role | q }};
GRANT USAGE ON FUTURE SCHEMAS IN DATABASE {{ database | q }} TO ROLE {{ builder.role | q }};
GRANT SELECT ON ALL TABLES IN DATABASE {{ database | q }} TO ROLE {{ builder.role | q }};
GRANT SELECT ON FUTURE TABLES IN DATABASE {{ database | q }} TO ROLE {{ builder.role | q }};
GRANT SELECT ON ALL VIEWS IN DATABASE {{ database | q }} TO ROLE {{ builder.role | q }};
GRANT SELECT ON FUTURE VIEWS IN DATABASE {{ database | q }} TO ROLE {{ builder.role | q }};
{% endfor %}

-- The promoter: a second user with the role that owns production.
CREATE USER IF NOT EXISTS {{ promoter.user | q }} TYPE = SERVICE RSA_PUBLIC_KEY = '<PROMOTER_PUBLIC_KEY>'
  DEFAULT_ROLE = {{ promoter.role | q }} DEFAULT_SECONDARY_ROLES = ();
GRANT ROLE {{ promoter.role | q }} TO USER {{ promoter.user | q }};
GRANT USAGE ON WAREHOUSE {{ promoter.warehouse | q }} TO ROLE {{ promoter.role | q }};
{% for database in dev %}
GRANT USAGE ON DATABASE {{ database | q }} TO ROLE {{ promoter.role | q }};
{% endfor %}
-- To see which policies a table has; an owner who may apply none is refused the answer. Enterprise Edition.
GRANT APPLY MASKING POLICY ON ACCOUNT TO ROLE {{ promoter.role | q }};
GRANT APPLY ROW ACCESS POLICY ON ACCOUNT TO ROLE {{ promoter.role | q }};

-- Backups: a schema of each of the {{ prod | length }} production databases, for the promoter only.
{% for database in prod %}
CREATE SCHEMA IF NOT EXISTS {{ database | q }}.{{ backup_schema | q }};
GRANT USAGE, CREATE TABLE ON SCHEMA {{ database | q }}.{{ backup_schema | q }} TO ROLE {{ promoter.role | q }};
{% endfor %}
