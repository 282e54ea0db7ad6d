"""dbt-refresh: refresh a dbt model in production from Slack, proven before and undoable after."""

__version__ = "0.1.0"
