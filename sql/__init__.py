"""Snowflake SQL, one statement a file, rendered by `bot.queries`: inspect/ reads the catalog, dev/ and promote/ change
tables, checks/ compares. Files that begin with an underscore hold macros that several statements share.
"""
