-- Privileges on what contains a table. In: on (SCHEMA or DATABASE), relation. One row a privilege, as for a table.
SHOW GRANTS ON {{ on }} {{ relation.database | q }}{% if on == "SCHEMA" %}.{{ relation.schema | q }}{% endif %}

