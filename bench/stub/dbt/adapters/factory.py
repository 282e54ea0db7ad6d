"""The stub has one connection, which its task carries as its configuration."""

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any


def get_adapter(config: Any) -> Any:
    connections = SimpleNamespace(get_thread_connection=lambda: SimpleNamespace(handle=config))
    return SimpleNamespace(connection_named=lambda _name: nullcontext(), connections=connections)
