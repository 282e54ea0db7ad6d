-- Replacements that this user has sent under query tags with one prefix, within Snowflake's 7 days by Snowflake's own clock.
-- In: database (any that we may use), until (or nothing); binds prefix, minutes, page (RESULT_LIMIT), until (for the page
-- before). One row a statement, and at least one: `seen` is how many statements the page held in all, `oldest` when the
-- first of them ended; query_id NULL: none of ours. What still runs has ended in 1970.
WITH page AS (
  SELECT QUERY_ID, QUERY_TEXT, QUERY_TAG, EXECUTION_STATUS, START_TIME, END_TIME
  FROM TABLE({{ database | q }}.INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER(
    END_TIME_RANGE_START => DATEADD('minute', -%(minutes)s, CURRENT_TIMESTAMP()),
    {% if until %}
    END_TIME_RANGE_END => %(until)s::TIMESTAMP_LTZ,
    {% endif %}
    RESULT_LIMIT => %(page)s))
),
ours AS (
  SELECT * FROM page WHERE STARTSWITH(QUERY_TAG, %(prefix)s) AND STARTSWITH(UPPER(QUERY_TEXT), 'CREATE OR REPLACE')
)
SELECT seen.n AS seen, seen.oldest, ours.QUERY_ID, ours.QUERY_TEXT, ours.QUERY_TAG, ours.EXECUTION_STATUS, ours.START_TIME
FROM (SELECT COUNT(*) AS n, MIN(IFF(END_TIME < START_TIME, NULL, END_TIME)) AS oldest FROM page) seen
LEFT JOIN ours ON TRUE
ORDER BY ours.START_TIME
