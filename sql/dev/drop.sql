-- Drop a table of ours, by its recorded exact name. In: relation.
DROP TABLE IF EXISTS {{ relation | rel }}
