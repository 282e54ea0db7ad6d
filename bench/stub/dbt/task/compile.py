"""The stub's models have no hooks, and nothing happens after they are compiled."""

from typing import Any


class CompileTask:
    def after_run(self, adapter: Any, results: Any) -> None:
        pass
