-- Keys of a table. In: relation, which: PRIMARY, UNIQUE, IMPORTED (its foreign keys), EXPORTED (those of others that refer to it).
-- One row a column of a key: constraint_name, column_name; or fk_name, fk_ and pk_ with _database_name, _schema_name,
-- _table_name, _column_name; key_sequence, rely.
SHOW {{ which }} KEYS IN TABLE {{ relation | rel }}
