-- When statements began and ended. In: database (any that we may use); binds ids (query ids, separated), since.
-- One row a statement that Snowflake shows: query_id, start_time, end_time.
SELECT QUERY_ID, START_TIME, END_TIME
FROM TABLE({{ database | q }}.INFORMATION_SCHEMA.QUERY_HISTORY(
  END_TIME_RANGE_START => %(since)s::TIMESTAMP_LTZ, RESULT_LIMIT => 10000))
WHERE CONTAINS(%(ids)s, QUERY_ID) AND END_TIME >= START_TIME
