-- How many rows a dbt test finds fault with: dbt's `failures` where its fail_calc is count(*) and it has no limit. In: analysis (the test's compiled SQL, on a frozen table). One row: failures.
SELECT COUNT(*) AS failures FROM (
{{ analysis | raw }}
) test
