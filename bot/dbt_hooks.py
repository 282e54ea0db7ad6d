"""The hooks of a run as dbt would send them, and a guard before each statement; runs inside the dbt children only.

dbt resolves `ref` in on-run-start and on-run-end of project and packages as in any node: to production, where the build
defers to it. What they would write is known before anything starts, and no statement that writes outside dev is sent.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from dbt.task.compile import CompileTask
from dbt.task.run import get_hook
from dbt_common.events.contextvars import get_node_info

from bot.model import Relation
from bot.write_targets import Dev, targets


class Guard:
    """Says why a statement must not be sent: it writes outside dev, or in a hook of the run it is not known what it writes."""

    def __init__(self, production: Iterable[Iterable[str]]) -> None:
        self._production = frozenset((database, schema) for database, schema in production)
        self._dev: Dev | None = None
        self.only_reading = False
        self.place = ("", "")  # where the session's own names are

    def protect(self, node: Any) -> None:
        """From here on only the place of this model may be written."""
        if node.relation_name:
            self._dev = Dev(relation=Relation.parse(node.relation_name), production=self._production)

    def refused(self, sql: str, database: str, schema: str) -> str:
        """Why it must not be sent, or ""."""
        if self._dev is None:
            return ""
        found = targets(sql, database, schema)
        if self.only_reading and not found.none:
            return "a hook writes while it is rendered, so it cannot be known what before it runs"
        if outside := self._dev.outside(found):
            return f"it would write to {', '.join(outside)}, which is outside dev, so it was not sent"
        if not found.known and get_node_info().get("resource_type") == "operation":
            return "it is not known what this hook would write, so it was not sent"
        return ""


class Rendered:
    """Hooks of the run; `rendered` are their texts in the order given, as written where rendering needs the run itself."""

    def __init__(self, guard: Guard, hooks: list[Any], model: Any) -> None:
        self._guard, self._hooks, self._model = guard, hooks, model
        self.rendered: list[str] = []

    def take(self, task: Any, adapter: Any) -> None:
        login = task.config.credentials
        self._guard.place = (login.database.upper(), login.schema.upper())
        self._guard.only_reading = True
        try:
            with adapter.connection_named("hooks"):
                self.rendered = [self._one(task, hook) for hook in self._hooks]
        finally:
            self._guard.only_reading = False

    def _one(self, task: Any, hook: Any) -> str:
        try:
            compiled = task.compiler.compile_node(copy.deepcopy(hook), task.manifest, self._context(hook), write=False)
            return (get_hook(compiled.compiled_code, index=1).sql or "").strip()
        except Exception:  # whatever its macros do: nobody can say what it would write
            return _as_written(hook)

    def _context(self, hook: Any) -> dict[str, Any]:
        """What dbt gives to on-run-end, as far as it is known before the run."""
        if "on-run-end" not in hook.tags:
            return {}
        place = (self._model.database, self._model.schema)
        return {"results": _Later(), "schemas": [place[1]], "database_schemas": [place]}


@contextlib.contextmanager
def hooks_of_run(guard: Guard, hooks: list[Any], model: Any) -> Iterator[Rendered]:
    """Render these hooks at the end of the compile command inside: with its deferral, its flags and its connection."""
    found, before = Rendered(guard, hooks, model), CompileTask.after_run

    def after_run(self: Any, adapter: Any, results: Any) -> None:
        before(self, adapter, results)
        found.take(self, adapter)

    CompileTask.after_run = after_run
    try:
        yield found
    finally:
        CompileTask.after_run = before


class _Later:
    """The results of a run that has not been: a hook that looks at them cannot be rendered yet."""

    def _not_yet(self, *_: Any) -> NoReturn:
        raise RuntimeError("there are no results yet")

    __iter__ = __len__ = __bool__ = __getitem__ = __getattr__ = _not_yet


def _as_written(hook: Any) -> str:
    """Marked as a template even where it has no Jinja, so that it is never taken for SQL."""
    return hook.raw_code if "{" in hook.raw_code else f"{{# not rendered #}} {hook.raw_code}"
