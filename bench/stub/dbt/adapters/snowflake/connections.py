"""The stub sends its two statements itself."""

from typing import Any


class SnowflakeConnectionManager:
    def add_query(self, sql: str) -> Any:
        raise NotImplementedError
