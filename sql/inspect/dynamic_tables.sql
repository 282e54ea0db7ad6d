-- Every dynamic table we may see, in any database. One row each: database_name, schema_name, name, text.
SHOW DYNAMIC TABLES IN ACCOUNT
