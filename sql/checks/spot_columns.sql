-- Which columns a spot check returns. In: analysis (its compiled SQL). No rows: only the names are wanted.
SELECT * FROM (
{{ analysis | raw }}
) spot LIMIT 0
