"""Our dataclasses as JSON text and back, exactly: Decimals, dates, infinities and nested tuples survive."""

from __future__ import annotations

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def plain(value: object) -> Any:
    """The value as JSON types; bytes become text."""
    return _adapter(type(value)).dump_python(value, mode="json")


def dumps(value: object) -> str:
    """Canonical: sorted keys, no spaces, so that equal values have equal text and hash."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def loads(kind: type[T], text: str) -> T:
    return _adapter(kind).validate_python(json.loads(text))
