"""One model of a parsed project with other vars, environment and target, without parsing the project again.

The files that matter for this model and that read a changed input are parsed again by dbt's own partial parser, told
that they changed; everything else stays as it was parsed. Where that could differ from parsing everything,
`NotWarm` says why, and the child parses in full. Runs inside the dbt children only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.factory import get_adapter, register_adapter
from dbt.context.providers import generate_runtime_macro_context
from dbt.contracts.files import ParseFileType, SchemaSourceFile
from dbt.contracts.graph.manifest import Manifest
from dbt.mp_context import get_mp_context
from dbt.parser.hooks import HookParser
from dbt.parser.manifest import ManifestLoader
from dbt.parser.partial import PartialParsing
from dbt.parser.read_files import FileDiff, load_source_file
from dbt.parser.search import FileBlock

from bot.dbt_inputs import CLOCK, FLAGS, NAMES, Input, Inputs
from bot.dbt_part import around, cut_off, looks_at_all, operations, with_ephemerals

_KEYS = {"model": "models", "seed": "seeds", "snapshot": "snapshots", "analysis": "analyses"}


class NotWarm(Exception):
    """Only parsing the whole project is certain to be right; the message says why, for people."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """A whole project as it was parsed once, and what that depended on."""

    manifest: Manifest
    inputs: Inputs
    environment: dict[str, str]
    vars: dict[str, Any]

    def changed(
        self, environment: dict[str, str], given: dict[str, Any], target: dict[str, Any], *, full_refresh: bool
    ) -> set[Input]:
        """Every input whose value is another one now; the project itself is never read for a full refresh."""
        return {
            CLOCK,
            *([FLAGS] if full_refresh else []),
            *(("var", name) for name in _differ(self.vars, given)),
            *(("env", name) for name in _differ(self.environment, environment)),
            *(("target", name) for name in _differ(self.inputs.target, target)),
        }


def again(
    base: Base, config: Any, wanted: Collection[str], environment: dict[str, str], *, full_refresh: bool
) -> Manifest:
    """The part of the project around `wanted` as dbt would have parsed it with this configuration.

    Registers the adapter as parsing does. Raises NotWarm where only parsing everything is certain to be right.
    """
    register_adapter(config, get_mp_context())
    adapter: Any = get_adapter(config)
    adapter.set_macro_context_generator(generate_runtime_macro_context)
    target = config.to_target_dict()
    if target["database"] != base.inputs.target.get("database"):
        raise NotWarm("the profile names another database")
    concerned = base.inputs.files(base.changed(environment, config.cli_vars, target, full_refresh=full_refresh))
    affected = _Affected(base.manifest, wanted, concerned)
    if looks_at_all(base.manifest, affected.relevant | operations(base.manifest)):
        raise NotWarm("it or a hook looks at the whole project (`graph`)")
    small = around(base.manifest, {*wanted, *affected.tests}, {*affected.sources, *affected.schemas})
    if not affected.sources and not affected.schemas:
        return cut_off(small)
    before = _dependencies(small)
    _contents(small, affected.sources)
    manifest = _Loader.again(config, config.load_dependencies(), small, affected.sources, affected.schemas)
    if _dependencies(manifest) != before:
        raise NotWarm("this request changes what the model reads")
    return cut_off(manifest)


class _Affected:
    """What of the project has to be parsed again for these nodes: source files, and elements of YAML files.

    `concerned` is what `Inputs.files` says. A node that is only read counts with its configuration, not with its
    name: in a build its relation is production's.
    """

    def __init__(self, whole: Manifest, wanted: Collection[str], concerned: Collection[str] | None) -> None:
        self._whole, self._concerned = whole, concerned
        self.sources: set[str] = set()
        self.schemas: dict[str, dict[str, list[str]]] = {}
        self.tests: set[str] = set()  # written in those elements: they are parsed again with them
        self.relevant = with_ephemerals(whole, wanted)
        for uid in sorted(self.relevant):
            self._node(uid, read_only=False)
        read = {p for uid in self.relevant for p in whole.nodes[uid].depends_on_nodes} - self.relevant
        for uid in sorted(read):
            self._node(uid, read_only=True)
        self._refuse_disabled()

    def _node(self, uid: str, *, read_only: bool) -> None:
        if source := self._whole.sources.get(uid):
            self._element(source.file_id, "sources", source.source_name, read_only=False)
        node = self._whole.nodes.get(uid)
        if node is None or (read_only and node.resource_type in ("seed", "snapshot")):
            return  # its relation is production's, and nothing else of it is looked at
        file = self._whole.files.get(node.file_id)
        if isinstance(file, SchemaSourceFile):
            self._element(node.file_id, *file.get_key_and_name_for_test(uid), read_only=read_only)
        elif file is not None and self._reads(node.file_id, read_only=read_only):
            self.sources.add(node.file_id)
            self._patch(node, forced=True, read_only=read_only)
        self._patch(node, forced=False, read_only=read_only)

    def _patch(self, node: Any, *, forced: bool, read_only: bool) -> None:
        """A node that is parsed again takes its YAML element with it."""
        path, key = getattr(node, "patch_path", None), _KEYS.get(str(node.resource_type))
        if not path or not key:
            return
        if forced:
            self._tests_in(path, key, node.name)
        else:
            self._element(path, key, node.name, read_only=read_only)

    def _element(self, file_id: str, key: str | None, name: str | None, *, read_only: bool) -> None:
        if not key or not name or not self._reads(file_id, read_only=read_only):
            return
        names = self.schemas.setdefault(file_id, {}).setdefault(key, [])
        if name not in names:
            names.append(name)
        self._tests_in(file_id, key, name)

    def _tests_in(self, file_id: str, key: str, name: str) -> None:
        file = self._whole.files[file_id]
        assert isinstance(file, SchemaSourceFile)
        self.tests |= {uid for uid in file.data_tests.get(key, {}).get(name, ()) if uid in self._whole.nodes}

    def _reads(self, file_id: str, *, read_only: bool) -> bool:
        if self._concerned is None or file_id in self._concerned:
            return True
        return not read_only and file_id + NAMES in self._concerned

    def _refuse_disabled(self) -> None:
        """A disabled node of a name that is read here, or a disabled test of what is, that these inputs might enable."""
        names = {ref.name for uid in self.relevant for ref in getattr(self._whole.nodes[uid], "refs", ())}
        tested = {self._whole.nodes[uid].name for uid in self.relevant}
        for found in self._whole.disabled.values():
            for node in found:
                of = {ref.name for ref in getattr(node, "refs", ())} if node.resource_type == "test" else set[str]()
                if (node.name in names or of & tested) and self._reads(node.file_id, read_only=True):
                    raise NotWarm(f"`{node.name}` may be enabled by it")


def _dependencies(manifest: Manifest) -> dict[str, tuple[list[str], str]]:
    return {uid: (sorted(node.depends_on_nodes), str(node.config.materialized)) for uid, node in manifest.nodes.items()}


def _contents(small: Manifest, sources: Iterable[str]) -> None:
    """Read the files again, which must still be what was parsed."""
    for file_id in sources:
        file: Any = small.files[file_id]
        there = Path(file.path.full_path)
        read = load_source_file(file.path, file.parse_file_type, file.project_name, {}) if there.exists() else None
        if read is None or read.checksum != file.checksum:
            raise NotWarm(f"`{file.path.original_file_path}` was changed since the project was read")
        file.contents = read.contents


class _Partial(PartialParsing):
    """dbt's partial parser, told which files read something that changed (as it is told of environment variables)."""

    concerned: tuple[list[str], dict[str, dict[str, list[str]]]] = ([], {})

    def __init__(self, saved_manifest: Manifest, new_files: Any) -> None:
        saved: Any = saved_manifest.files
        for file_id in self.concerned[1]:
            new_files[file_id].dfy = saved[file_id].dict_from_yaml
        super().__init__(saved_manifest, new_files)

    def build_env_vars_to_files(self) -> Any:
        return self.concerned


class _Loader(ManifestLoader):
    """dbt's loader over a manifest in memory."""

    saved: Manifest

    @classmethod
    def again(
        cls,
        config: Any,
        projects: Any,
        saved: Manifest,
        sources: Iterable[str],
        schemas: dict[str, dict[str, list[str]]],
    ) -> Manifest:
        cls.saved = saved
        _Partial.concerned = (sorted(sources), schemas)
        hook = get_adapter(config).connections.set_query_header
        loader = cls(config, projects, macro_hook=hook, file_diff=FileDiff(deleted=[], changed=[], added=[]))
        manifest = loader.load()
        loader.save_macros_to_adapter(get_adapter(config))
        return manifest

    def read_manifest_for_partial_parse(self) -> Manifest:
        return self.saved

    def write_manifest_for_partial_parse(self) -> None:
        """Nothing is kept."""

    def safe_update_project_parser_files_partially(self, project_parser_files: Any) -> Any:  # noqa: ARG002
        saved = self.saved
        self.partial_parser = _Partial(saved, self.manifest.files)
        saved.build_parent_and_child_maps()
        saved.build_group_map()
        found = self.partial_parser.get_parsing_files()
        self.partially_parsing, self.manifest = True, saved
        return {name: found.get(name, {}) for name in self.all_projects}

    def parse_project(self, project: Any, parser_files: Any, parser_types: Any) -> None:
        """Hooks are cheap, and nobody knows otherwise whether they read what changed."""
        super().parse_project(project, parser_files, parser_types)
        if HookParser in parser_types:
            parser = HookParser(project, self.manifest, self.root_project)
            file = load_source_file(parser.get_path(), ParseFileType.Hook, project.project_name, {})
            ours = [u for u, n in self.manifest.nodes.items() if n.resource_type == "operation"]
            for uid in [u for u in ours if self.manifest.nodes[u].package_name == project.project_name]:
                del self.manifest.nodes[uid]
            if file:
                parser.parse_file(FileBlock(file))


def _differ(before: dict[str, Any], now: dict[str, Any]) -> set[str]:
    return {name for name in {*before, *now} if before.get(name, _differ) != now.get(name, _differ)}
