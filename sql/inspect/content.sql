-- What a table holds, by one scan. In: relation, columns (names, in the order both sides use). One row: row_count, hash.
SELECT COUNT(*) AS row_count, HASH_AGG({{ columns | map('q') | join(', ') }}) AS hash
FROM {{ relation | rel }}
