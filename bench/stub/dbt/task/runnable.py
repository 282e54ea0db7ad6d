"""What follows the build of a node."""

from typing import Any


class GraphRunnableTask:
    def __init__(self, config: Any) -> None:
        self.config = config

    def _handle_result(self, result: Any) -> None:
        pass
