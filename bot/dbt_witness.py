"""The table that dbt wrote, as dbt's own process sees it before anything else runs; runs inside the dbt children only.

What the bot freezes later must still be that table: between the two another session of the builder may replace it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from dbt.adapters.factory import get_adapter
from dbt.task.runnable import GraphRunnableTask
from snowflake.connector import DictCursor


@contextlib.contextmanager
def witness(unique_id: str, look: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Send `look` (sql, binds) as soon as this node is built, before its tests start; the rows that it finds."""
    rows: list[dict[str, Any]] = []
    before = GraphRunnableTask._handle_result

    def handle_result(self: Any, result: Any) -> None:
        before(self, result)
        if result.node.unique_id == unique_id and str(result.status) == "success":
            with contextlib.suppress(Exception):  # without a look the build cannot be vouched for, and that is said
                rows.extend(_sent(get_adapter(self.config), look))

    GraphRunnableTask._handle_result = handle_result
    try:
        yield rows
    finally:
        GraphRunnableTask._handle_result = before


def _sent(adapter: Any, look: dict[str, Any]) -> list[dict[str, Any]]:
    with adapter.connection_named("witness"):
        cursor = adapter.connections.get_thread_connection().handle.cursor(DictCursor)
        found = cursor.execute(look["sql"], look["binds"]).fetchall()
        return [{str(name).lower(): value for name, value in row.items()} for row in found]
