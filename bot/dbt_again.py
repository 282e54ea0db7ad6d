"""One model of a parsed project with other vars, environment and target, without parsing the project again.

The files that matter for this model and that read a changed input are parsed again by dbt's own partial parser, told
that they changed; everything else stays as it was parsed. Where that could differ from parsing everything,
`NotWarm` says why, and the child parses in full. Runs inside the dbt children only.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.adapters.factory import get_adapter, register_adapter
from dbt.context.providers import generate_runtime_macro_context
from dbt.contracts.graph.manifest import Manifest
from dbt.mp_context import get_mp_context
from dbt.parser.hooks import HookParser
from dbt.parser.manifest import ManifestLoader
from dbt.parser.partial import PartialParsing
from dbt.parser.read_files import FileDiff, load_source_file
from dbt.parser.search import FileBlock
from dbt.contracts.files import ParseFileType, SchemaSourceFile

from bot.dbt_inputs import Input, Inputs

_GRAPH = re.compile(r"\bgraph\b")
_DBT_PACKAGES = frozenset({"dbt", "dbt_snowflake"})
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

    def changed(self, environment: dict[str, str], given: dict[str, Any], target: dict[str, Any]) -> set[Input]:
        """Every input whose value is another one now."""
        return {
            *(("var", name) for name in _differ(self.vars, given)),
            *(("env", name) for name in _differ(self.environment, environment)),
            *(("target", name) for name in _differ(self.inputs.target, target)),
        }


def around(whole: Manifest, wanted: Collection[str]) -> Manifest:
    """The part of the project that dbt needs for these nodes: they, all that is upstream, hooks, macros and docs."""
    nodes = whole.nodes
    kept = {*wanted, *(uid for uid, n in nodes.items() if n.resource_type == "operation")}
    waiting = list(kept)
    while waiting:
        node = nodes.get(waiting.pop())
        new = set(node.depends_on_nodes if node else ()) - kept
        kept |= new
        waiting += new
    small = Manifest(
        nodes={uid: nodes[uid] for uid in kept if uid in nodes},
        sources={uid: whole.sources[uid] for uid in kept if uid in whole.sources},
        macros=whole.macros,
        docs=whole.docs,
        functions=whole.functions,
        groups=whole.groups,
        selectors=whole.selectors,
        metadata=whole.metadata,
        state_check=whole.state_check,
        disabled=whole.disabled,
        env_vars=whole.env_vars,
    )
    there = {n.file_id for n in [*small.nodes.values(), *small.sources.values()]}
    there |= {n.patch_path for n in small.nodes.values() if getattr(n, "patch_path", None)}
    there |= {n.file_id for found in whole.disabled.values() for n in found}
    there |= {f for f, file in whole.files.items() if file.parse_file_type in (ParseFileType.Macro, ParseFileType.GenericTest)}
    small.files = {f: whole.files[f] for f in there if f in whole.files}
    return small


def again(base: Base, small: Manifest, config: Any, wanted: Collection[str], environment: dict[str, str]) -> Manifest:
    """`small` as dbt would have parsed it with this configuration; raises NotWarm where that is not certain.

    Registers the adapter as parsing does.
    """
    register_adapter(config, get_mp_context())
    adapter = get_adapter(config)
    adapter.set_macro_context_generator(generate_runtime_macro_context)
    target = config.to_target_dict()
    if target["database"] != base.inputs.target.get("database"):
        raise NotWarm("the profile names another database")
    changed = base.changed(environment, config.cli_vars, target)
    concerned = base.inputs.files(changed)
    relevant = _relevant(small, wanted)
    sources, schemas = _files(small, relevant, concerned)
    if not sources and not schemas:
        return small
    _refuse_graph(small, relevant)
    before = _dependencies(small)
    projects = config.load_dependencies()
    _contents(small, sources)
    manifest = _Loader.again(config, projects, small, sources, schemas)
    if _dependencies(manifest) != before:
        raise NotWarm("the vars change what the model reads")
    return manifest


def _relevant(small: Manifest, wanted: Collection[str]) -> set[str]:
    """Nodes whose parsed form shows in what runs: the wanted ones, ephemerals inside them, and whatever these read."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        uid = waiting.pop()
        node = small.nodes.get(uid)
        if uid in found or node is None:
            continue
        found.add(uid)
        for parent in node.depends_on_nodes:
            above = small.nodes.get(parent)
            if above is not None and above.config.materialized == "ephemeral":
                waiting.append(parent)
            else:
                found.add(parent)
    return found


def _files(
    small: Manifest, relevant: Iterable[str], concerned: Collection[str] | None
) -> tuple[set[str], dict[str, dict[str, list[str]]]]:
    """Of the relevant nodes: source files to parse again, and elements of YAML files (file, key, names)."""
    sources: set[str] = set()
    schemas: dict[str, dict[str, list[str]]] = {}

    def element(file_id: str, key: str | None, name: str | None) -> None:
        if key and name and (concerned is None or file_id in concerned):
            names = schemas.setdefault(file_id, {}).setdefault(key, [])
            if name not in names:
                names.append(name)

    for uid in sorted(relevant):
        if source := small.sources.get(uid):
            element(source.file_id, "sources", source.source_name)
            continue
        node = small.nodes[uid]
        file = small.files.get(node.file_id)
        if isinstance(file, SchemaSourceFile):
            element(node.file_id, *file.get_key_and_name_for_test(uid))
        elif node.resource_type == "seed":
            continue  # its rows are never read here, and its relation is production's
        elif file is not None and (concerned is None or node.file_id in concerned):
            sources.add(node.file_id)
        if patch := getattr(node, "patch_path", None):
            element(patch, _KEYS.get(str(node.resource_type)), node.name)
    for found in small.disabled.values():
        names = {ref.name for uid in relevant if uid in small.nodes for ref in getattr(small.nodes[uid], "refs", ())}
        for node in found:
            if node.name in names and (concerned is None or node.file_id in concerned):
                raise NotWarm(f"`{node.name}` is disabled by what the vars or the environment say")
    return sources, schemas


def _refuse_graph(small: Manifest, relevant: Iterable[str]) -> None:
    """`graph` holds every node of the project: a model that looks at it needs them all parsed again."""
    for uid in relevant:
        node = small.nodes.get(uid)
        if node is None:
            continue
        macros = _macros(small, node)
        if any(_GRAPH.search(text) for text in (node.raw_code or "", *macros)):
            raise NotWarm("the model looks at the whole project (`graph`)")


def _macros(small: Manifest, node: Any) -> list[str]:
    seen: dict[str, str] = {}
    waiting = list(node.depends_on.macros)
    while waiting:
        macro = small.macros.get(uid := waiting.pop())
        if macro is not None and uid not in seen and macro.package_name not in _DBT_PACKAGES:
            seen[uid] = macro.macro_sql
            waiting += macro.depends_on.macros
    return list(seen.values())


def _dependencies(manifest: Manifest) -> dict[str, tuple[list[str], str]]:
    return {
        uid: (sorted(node.depends_on_nodes), str(node.config.materialized)) for uid, node in manifest.nodes.items()
    }


def _contents(small: Manifest, sources: Iterable[str]) -> None:
    """Read the files again, which must still be what was parsed."""
    for file_id in sources:
        file = small.files[file_id]
        assert file.path is not None
        there = Path(file.path.full_path)
        read = load_source_file(file.path, file.parse_file_type, file.project_name, {}) if there.exists() else None
        if read is None or read.checksum != file.checksum:
            raise NotWarm(f"`{file.path.original_file_path}` was changed since the project was read")
        file.contents = read.contents


class _Partial(PartialParsing):
    """dbt's partial parser, told which files read something that changed (as it is told of environment variables)."""

    concerned: tuple[list[str], dict[str, dict[str, list[str]]]] = ([], {})

    def __init__(self, saved_manifest: Manifest, new_files: Any) -> None:
        for file_id in self.concerned[1]:
            new_files[file_id].dfy = saved_manifest.files[file_id].dict_from_yaml
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

    def safe_update_project_parser_files_partially(self, project_parser_files: dict[str, Any]) -> dict[str, Any]:
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
