-- What only SHOW tells of a table: whether its changes are recorded for readers, and a search index is kept.
-- STARTS WITH knows no wildcards, but tables whose names go on may come along. In: relation; bind name.
SHOW TABLES IN SCHEMA {{ relation.database | q }}.{{ relation.schema | q }} STARTS WITH %(name)s
