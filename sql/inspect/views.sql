-- Views in the relation's database. In: relation. One row each: database_name, schema_name, name, text, is_materialized.
SHOW VIEWS IN DATABASE {{ relation.database | q }}
