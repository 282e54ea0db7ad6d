-- Lets the promoter into the dev schema. In: relation, role.
GRANT USAGE ON SCHEMA {{ relation.database | q }}.{{ relation.schema | q }} TO ROLE {{ role | q }}
