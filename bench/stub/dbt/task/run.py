"""The stub's models have no hooks."""

from typing import Any


def get_hook(source: str, index: int) -> Any:
    raise NotImplementedError
