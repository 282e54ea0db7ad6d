-- How many rows a dbt test finds fault with. In: analysis (the test's compiled SQL, on a frozen table). One row: failures.
SELECT COUNT(*) AS failures FROM (
{{ analysis | raw }}
) test
