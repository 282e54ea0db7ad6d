-- Every materialized view we may see, in any database. One row each: database_name, schema_name, name, and its base table
-- in source_database_name, source_schema_name, source_table_name.
SHOW MATERIALIZED VIEWS IN ACCOUNT
