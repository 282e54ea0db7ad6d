-- Stop a running statement. Bind query_id. One row of text.
SELECT SYSTEM$CANCEL_QUERY(%(query_id)s) AS answer
