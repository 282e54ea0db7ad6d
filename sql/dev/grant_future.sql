-- Lets the promoter read what will be built in the dev schema. In: relation, role.
GRANT SELECT ON FUTURE TABLES IN SCHEMA {{ relation.database | q }}.{{ relation.schema | q }} TO ROLE {{ role | q }}
