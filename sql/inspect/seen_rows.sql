-- How many rows of a table this role sees. In: relation. One row: seen.
SELECT COUNT(*) AS seen FROM {{ relation | rel }}
