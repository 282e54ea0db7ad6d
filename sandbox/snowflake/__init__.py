"""A local Snowflake for the demo and the tests: the connector's protocol over DuckDB, with rights, kinds, faults and a log."""

from .log import Statement
from .sandbox import SnowflakeSandbox
from .state import Saved

__all__ = ["Saved", "SnowflakeSandbox", "Statement"]
