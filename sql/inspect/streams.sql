-- Every stream we may see, in any database. One row a stream: database_name, schema_name, name, table_name, base_tables.
SHOW STREAMS IN ACCOUNT
