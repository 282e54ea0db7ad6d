"""What parsing a dbt project depends on: which file read which var, environment variable and key of `target`, or the clock.

dbt settles names and configuration while it parses, so a parsed project is only right for the inputs that it was
parsed with. Recorded while parsing, as a build system does, the readers of a changed input are known exactly: a file
that reads none of the changed inputs parses to the same result. Runs inside the dbt children only.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dbt.clients.jinja import MacroGenerator
from dbt.context.base import Var
from dbt.context.target import TargetContext
from dbt.parser import base, docs, fixtures, functions, generic_test, hooks, macros, schemas, snapshots, sources
from dbt_common.context import InvocationContext

Input = tuple[str, str]  # ("var" | "env" | "target", name)
CLOCK: Input = ("clock", "")  # the time or the id of this invocation: another one whenever dbt runs
EVERY = "*"  # of `target`, when it is read as a whole
NAMES = "#names"  # after a file's id: read only to name the relations of its nodes

_READS_CLOCK = re.compile(r"\b(?:run_started_at|invocation_id)\b|\bmodules\s*(?:\[|\.\s*(?:datetime|pytz)\b)")
_PARSERS = (
    base.SQLParser,
    docs.DocumentationParser,
    fixtures.FixtureParser,
    functions.FunctionParser,
    generic_test.GenericTestParser,
    hooks.HookParser,
    macros.MacroParser,
    schemas.SchemaParser,
    snapshots.SnapshotParser,
)


class Inputs:
    """Readers by input. What is read outside of any file (dbt_project.yml, the profile) was read by the project."""

    def __init__(self) -> None:
        self.target: dict[str, Any] = {}
        self._readers: dict[Input, set[str]] = {}
        self._reading = ""  # file id; empty: the project

    def files(self, changed: Iterable[Input]) -> frozenset[str] | None:
        """Ids of the files that read any of these; None when the project itself did, which concerns every file.

        An id ends with NAMES for what was read to name a relation, apart from what settles the configuration.
        """
        found: set[str] = set()
        for given in changed:
            found |= self._readers.get(given, set())
            if given[0] == "target":
                found |= self._readers.get(("target", EVERY), set())
        return None if "" in found else frozenset(found)

    def note(self, kind: str, name: str) -> None:
        self._readers.setdefault((kind, name), set()).add(self._reading)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Hear every read until the end of the block."""
        with _patched(self._patches()):
            yield

    def _patches(self) -> Iterator[tuple[type, str, Any]]:
        for parser in _PARSERS:
            yield parser, "parse_file", self._of_file(parser.parse_file)
        yield sources.SourcePatcher, "parse_source", self._of_target(sources.SourcePatcher.parse_source)
        yield sources.SourcePatcher, "parse_source_test", self._of_target(sources.SourcePatcher.parse_source_test)
        name_of = base.ConfiguredParser.update_parsed_node_relation_names
        yield base.ConfiguredParser, "update_parsed_node_relation_names", self._of_name(name_of)
        yield MacroGenerator, "__call__", self._of_macro(MacroGenerator.__call__)
        yield Var, "__call__", self._named("var", Var.__call__)
        yield Var, "has_var", self._named("var", Var.has_var)
        yield InvocationContext, "env", property(lambda context: _Heard(context._env, "env", self))
        make = TargetContext.__init__

        @functools.wraps(make)
        def init(context: Any, target_dict: dict[str, Any], *args: Any, **kwargs: Any) -> None:
            self.target = self.target or dict(target_dict)
            make(context, _Heard(target_dict, "target", self), *args, **kwargs)  # type: ignore[arg-type]

        yield TargetContext, "__init__", init

    def _named(self, kind: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def noted(context: Any, name: str, *args: Any, **kwargs: Any) -> Any:
            self.note(kind, name)
            return function(context, name, *args, **kwargs)

        return noted

    def _of_file(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def attributed(parser: Any, block: Any, *args: Any, **kwargs: Any) -> Any:
            with self._read_by(block.file.file_id):
                self._note_clock(block.file.contents)
                return function(parser, block, *args, **kwargs)

        return attributed

    def _of_macro(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(generator: Any, *args: Any, **kwargs: Any) -> Any:
            self._note_clock(generator.macro.macro_sql)
            return function(generator, *args, **kwargs)

        return called

    def _note_clock(self, text: str | None) -> None:
        """The text alone is looked at: the clock is a value in dbt's context, which nobody hears being read."""
        if text and _reads_clock(text):
            self.note(*CLOCK)

    def _of_name(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def attributed(*args: Any, **kwargs: Any) -> Any:
            with self._read_by(self._reading + NAMES if self._reading else ""):
                return function(*args, **kwargs)

        return attributed

    def _of_target(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def attributed(patcher: Any, target: Any, *args: Any, **kwargs: Any) -> Any:
            with self._read_by(target.file_id):
                return function(patcher, target, *args, **kwargs)

        return attributed

    @contextmanager
    def _read_by(self, file_id: str) -> Iterator[None]:
        before, self._reading = self._reading, file_id
        try:
            yield
        finally:
            self._reading = before


class _Heard(dict):  # type: ignore[type-arg]
    """A dictionary that notes which of its keys are asked for."""

    def __init__(self, values: Mapping[str, Any], kind: str, inputs: Inputs) -> None:
        super().__init__(values)
        self._note = functools.partial(inputs.note, kind)

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        self._note(str(key))
        return super().__contains__(key)

    def get(self, key: str, default: Any = None) -> Any:
        self._note(key)
        return super().get(key, default)

    def __iter__(self) -> Iterator[str]:
        self._note(EVERY)
        return super().__iter__()

    def keys(self) -> Any:
        self._note(EVERY)
        return super().keys()

    def items(self) -> Any:
        self._note(EVERY)
        return super().items()

    def values(self) -> Any:
        self._note(EVERY)
        return super().values()

    def __deepcopy__(self, _memo: object) -> dict[str, Any]:
        return self


@functools.lru_cache(maxsize=4096)
def _reads_clock(text: str) -> bool:
    return bool(_READS_CLOCK.search(text))


@contextmanager
def _patched(patches: Iterable[tuple[type, str, Any]]) -> Iterator[None]:
    before: list[tuple[type, str, Any]] = []
    try:
        for owner, name, new in patches:
            before.append((owner, name, owner.__dict__[name]))
            setattr(owner, name, new)
        yield
    finally:
        for owner, name, old in reversed(before):
            setattr(owner, name, old)
