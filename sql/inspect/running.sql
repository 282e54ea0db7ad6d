-- What still runs of a step: under its query tag, or in a session that has used it, since a project may tag its own
-- statements. A status that is not known to be an end counts as running: to stop what has ended changes nothing.
-- In: database (any that we may use); binds tag, since, page (RESULT_LIMIT). One row a statement.
WITH page AS (
  SELECT QUERY_ID, QUERY_TAG, SESSION_ID, EXECUTION_STATUS
  FROM TABLE({{ database | q }}.INFORMATION_SCHEMA.QUERY_HISTORY(
    END_TIME_RANGE_START => %(since)s::TIMESTAMP_LTZ, RESULT_LIMIT => %(page)s))
)
SELECT QUERY_ID
FROM page
WHERE UPPER(COALESCE(EXECUTION_STATUS, '')) NOT IN ('SUCCESS', 'FAILED_WITH_ERROR', 'FAILED_WITH_INCIDENT')
  AND SESSION_ID IN (SELECT SESSION_ID FROM page WHERE QUERY_TAG = %(tag)s)
