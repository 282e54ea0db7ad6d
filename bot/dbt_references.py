"""Reading `ref` and `source` without dbt's own parser in Rust, which does not survive a fork; runs inside the dbt children only.

`dbt_extractor` keeps a pool of threads from its first call on. A forked child inherits the pool without its threads, and
the next call in there waits for them for ever, with Python's lock held.
"""

from __future__ import annotations

from typing import Any

import dbt.clients.jinja_static
import dbt.parser.models
import dbt.parser.unit_tests
from dbt_extractor import ExtractionError  # type: ignore[attr-defined]
from jinja2 import Environment, TemplateSyntaxError, nodes

_JINJA = Environment(autoescape=True)


def without_threads() -> None:
    """Have dbt read models by rendering them, as it does where its parser gives up, and expressions of YAML with Jinja.

    dbt's own flag `--no-static-parser` is not enough: constraints, snapshots and unit tests ask the parser all the same.
    """
    for module, read in _READERS.items():
        setattr(module, "py_extract_from_source", read)  # noqa: B010


def references(source: str) -> dict[str, Any]:
    """What `py_extract_from_source` says of `{{ ref(...) }}` or `{{ source(...) }}` alone. Raises ExtractionError."""
    call = _only_call(source)
    try:
        given = [_text(argument) for argument in call.args]
        options = {option.key: option.value.as_const() for option in call.kwargs}
    except nodes.Impossible as error:
        raise ExtractionError(f"not a literal in {source}") from error
    if isinstance(call.node, nodes.Name) and not call.dyn_args and not call.dyn_kwargs:
        if call.node.name == "source" and len(given) == 2 and not options:
            return {"refs": [], "sources": {tuple(given)}, "configs": []}
        if call.node.name == "ref" and len(given) in (1, 2) and options.keys() in ({*()}, {"v"}, {"version"}):
            return {"refs": [_ref(given, options)], "sources": set(), "configs": []}
    raise ExtractionError(f"neither ref nor source: {source}")


def _unread(source: str) -> dict[str, Any]:
    raise ExtractionError(source)


def _only_call(source: str) -> nodes.Call:
    try:
        body = _JINJA.parse(source).body
    except TemplateSyntaxError as error:
        raise ExtractionError(str(error)) from error
    match body:
        case [nodes.Output(nodes=[nodes.Call() as call])]:
            return call
    raise ExtractionError(f"neither ref nor source: {source}")


def _text(argument: nodes.Expr) -> str:
    value = argument.as_const()
    if not isinstance(value, str):
        raise nodes.Impossible
    return value


def _ref(given: list[str], options: dict[str, Any]) -> dict[str, Any]:
    package = {"package": given[0]} if len(given) == 2 else {}
    version = dict(zip(("version",), options.values(), strict=False))
    return {"name": given[-1], **package, **version}


_READERS = {  # of whole models, and of what YAML names: one expression
    dbt.parser.models: _unread,
    dbt.clients.jinja_static: references,
    dbt.parser.unit_tests: references,
}
