"""What parsing a dbt project depends on: which file read which var, environment variable, key of `target`, flag or clock.

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
from dbt.config.renderer import DbtProjectYamlRenderer
from dbt.context.base import Var
from dbt.context.configured import ConfiguredVar
from dbt.context.target import TargetContext
from dbt.parser import base, docs, fixtures, functions, generic_test, hooks, macros, schemas, snapshots, sources
from dbt_common.context import InvocationContext

Input = tuple[str, str]  # ("var" | "env" | "target", name), or one of the next two
CLOCK: Input = ("clock", "")  # the time or the id of this invocation: another one whenever dbt runs
FLAGS: Input = ("flags", "")  # whether it is a full refresh; the rest of `flags` is the same in every child
EVERY = "*"  # of `target`, when it is read as a whole
NAMES = "#names"  # after a file's id: read only to name the relations of its nodes

# Values of dbt's context, which nobody hears being read: the text is looked at.
_SAID = {
    CLOCK: re.compile(
        r"\b(?:run_started_at|invocation_id|invocation_args_dict|dbt_metadata_envs)\b"
        r"|\bmodules\b(?!\s*\.\s*(?:re|itertools)\b)"
    ),
    FLAGS: re.compile(r"\bflags\b"),
}
_OF_ALL = ("__iter__", "__str__", "__repr__", "__eq__", "__or__", "keys", "items", "values", "copy")  # of a dictionary
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
        yield ConfiguredVar, "__call__", self._named("var", ConfiguredVar.__call__)  # in YAML: it asks nobody else
        yield DbtProjectYamlRenderer, "render_entry", self._of_project(DbtProjectYamlRenderer.render_entry)
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
                self._note_said(block.file.contents)
                return function(parser, block, *args, **kwargs)

        return attributed

    def _of_macro(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(generator: Any, *args: Any, **kwargs: Any) -> Any:
            self._note_said(generator.macro.macro_sql)
            return function(generator, *args, **kwargs)

        return called

    def _of_project(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """What dbt_project.yml says concerns every file, whichever is read meanwhile."""

        @functools.wraps(function)
        def rendered(renderer: Any, value: Any, keypath: Any) -> Any:
            with self._read_by(""):
                self._note_said(value if isinstance(value, str) else None)
                return function(renderer, value, keypath)

        return rendered

    def _note_said(self, text: str | None) -> None:
        for given in _said(text or ""):
            self.note(*given)

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

    def __deepcopy__(self, _memo: object) -> dict[str, Any]:
        return self


def _as_a_whole(name: str) -> Callable[..., Any]:
    function = getattr(dict, name)

    @functools.wraps(function)
    def noted(heard: _Heard, *args: Any) -> Any:
        heard._note(EVERY)
        return function(heard, *args)

    return noted


for _name in _OF_ALL:
    setattr(_Heard, _name, _as_a_whole(_name))


@functools.lru_cache(maxsize=4096)
def _said(text: str) -> tuple[Input, ...]:
    return tuple(given for given, pattern in _SAID.items() if pattern.search(text))


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
