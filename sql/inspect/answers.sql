-- Does a relation still answer? In: relation. No rows; an error when its definition no longer fits.
SELECT * FROM {{ relation | rel }} LIMIT 0
