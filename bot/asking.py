"""The statements of a comparison: `sql/checks` rendered from a scope, its values bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.scope import Scope
from bot.session import Session

Row = Mapping[str, Any]
Sides = dict[str, Row]


class Asking:
    """Every method raises SqlError, ReadFailed and Unreachable, as `Session.rows` does."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def rows(
        self, sql_name: str, scope: Scope, binds: Mapping[str, object] | None = None, **context: object
    ) -> list[Row]:
        """Every row of `sql/<sql_name>.sql`."""
        return list(self.session.rows(sql_name, scope.binds | dict(binds or {}), scope=scope, **context))

    def sides(self, sql_name: str, scope: Scope, binds: Mapping[str, object] | None = None, **context: object) -> Sides:
        """The rows of a statement that returns one a side."""
        return {row["side"]: row for row in self.rows(sql_name, scope, binds, **context)}
