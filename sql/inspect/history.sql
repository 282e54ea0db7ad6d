-- Statements sent under one query tag. In: database (any that we may use); binds tag, since, page (RESULT_LIMIT).
-- One row a statement, and at least one: `seen` is how many statements the page held in all; query_id NULL: none of ours.
WITH page AS (
  SELECT QUERY_ID, QUERY_TEXT, QUERY_TAG, EXECUTION_STATUS, START_TIME, ERROR_MESSAGE
  FROM TABLE({{ database | q }}.INFORMATION_SCHEMA.QUERY_HISTORY(
    END_TIME_RANGE_START => %(since)s::TIMESTAMP_LTZ, RESULT_LIMIT => %(page)s))
),
ours AS (
  SELECT * FROM page WHERE QUERY_TAG = %(tag)s AND START_TIME >= %(since)s::TIMESTAMP_LTZ
)
SELECT seen.n AS seen, ours.QUERY_ID, ours.QUERY_TEXT, ours.EXECUTION_STATUS, ours.START_TIME, ours.ERROR_MESSAGE
FROM (SELECT COUNT(*) AS n FROM page) seen
LEFT JOIN ours ON TRUE
ORDER BY ours.START_TIME
