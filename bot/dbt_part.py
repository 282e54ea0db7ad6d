"""The part of a parsed project that dbt needs for a few nodes, so that no command takes time for the rest; in dbt children only.

dbt resolves and defers what a node reads itself; everything further up only matters to decide which tests run.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Any

from dbt.contracts.files import ParseFileType
from dbt.contracts.graph.manifest import Manifest

from bot.dbt_commands import upstream

_GRAPH = re.compile(r"\bgraph\b")
_DISPATCHED = re.compile(r"^(?:snowflake|default)__")
_DBT_PACKAGES = frozenset({"dbt", "dbt_snowflake"})


def around(whole: Manifest, wanted: Collection[str], files: Collection[str]) -> Manifest:
    """The part of the project that dbt needs for these nodes: they, what they read, hooks, macros and docs.

    Nodes of `files` are parsed again, so that their parents must be there too.
    """
    nodes = whole.nodes
    kept = readable(whole, wanted) | _towards_tests(whole, wanted)
    parsed = (
        node for uid in kept if (node := nodes.get(uid)) and {node.file_id, getattr(node, "patch_path", "")} & {*files}
    )
    kept |= {parent for node in parsed for parent in node.depends_on_nodes}
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
    there |= {
        f for f, file in whole.files.items() if file.parse_file_type in (ParseFileType.Macro, ParseFileType.GenericTest)
    }
    small.files = {f: whole.files[f] for f in there if f in whole.files}
    return small


def with_ephemerals(whole: Manifest, wanted: Iterable[str]) -> set[str]:
    """These nodes and the ephemerals that dbt writes into them."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        uid = waiting.pop()
        if uid in found:
            continue
        found.add(uid)
        above = (whole.nodes.get(p) for p in whole.nodes[uid].depends_on_nodes)
        waiting += [n.unique_id for n in above if n is not None and n.config.materialized == "ephemeral"]
    return found


def readable(manifest: Manifest, wanted: Iterable[str]) -> set[str]:
    """What these nodes and the project's hooks read themselves, which is all that deferring looks up."""
    readers = with_ephemerals(manifest, {*wanted, *operations(manifest)})
    return readers | {p for uid in readers for p in manifest.nodes[uid].depends_on_nodes}


def _towards_tests(whole: Manifest, wanted: Iterable[str]) -> set[str]:
    """What lies between a test's other parents and the model: dbt runs a test whose parents are all upstream of it."""
    tests = {uid for uid in wanted if whole.nodes[uid].resource_type == "test"}
    above = upstream(whole, {*wanted} - tests)
    below: dict[str, list[str]] = {}
    for uid in above & whole.nodes.keys():
        for parent in whole.nodes[uid].depends_on_nodes:
            below.setdefault(parent, []).append(uid)
    found: set[str] = set()
    waiting = [parent for uid in tests for parent in whole.nodes[uid].depends_on_nodes if parent in above]
    while waiting:
        if (uid := waiting.pop()) not in found:
            found.add(uid)
            waiting += below.get(uid, ())
    return found


def cut_off(small: Manifest) -> Manifest:
    """Where the part ends, nodes no longer name what they read: nobody builds them."""
    there = {*small.nodes, *small.sources, *small.functions}
    for node in small.nodes.values():
        depends_on: Any = node.depends_on
        if not there.issuperset(node.depends_on_nodes):
            depends_on.nodes = [parent for parent in node.depends_on_nodes if parent in there]
    return small


def operations(manifest: Manifest) -> set[str]:
    """on-run-start and on-run-end: they run with every build."""
    return {uid for uid, node in manifest.nodes.items() if node.resource_type == "operation"}


def looks_at_all(whole: Manifest, uids: Iterable[str]) -> bool:
    """Whether one of these nodes, or a macro that is run for it, reads `graph`, which holds every node of the project."""
    implicit = _called_by_dbt(whole)
    nodes = [whole.nodes[uid] for uid in uids]
    macros = _macros(whole, [*implicit, *(macro for node in nodes for macro in node.depends_on.macros)])
    return any(_GRAPH.search(text) for text in (*macros, *(node.raw_code or "" for node in nodes)))


def _called_by_dbt(whole: Manifest) -> list[str]:
    """Macros that no node names: materializations of the project's own, and what stands in for one of dbt's."""
    known = {macro.name for macro in whole.macros.values() if macro.package_name in _DBT_PACKAGES} | {"ref", "source"}
    return [
        uid
        for uid, macro in whole.macros.items()
        if macro.package_name not in _DBT_PACKAGES
        and (macro.name.startswith("materialization_") or known & {macro.name, _DISPATCHED.sub("", macro.name)})
    ]


def _macros(whole: Manifest, uids: Iterable[str]) -> list[str]:
    """The code of these macros and of all that they call; dbt's own is known."""
    seen: dict[str, str] = {}
    waiting = list(uids)
    while waiting:
        macro = whole.macros.get(uid := waiting.pop())
        if macro is not None and uid not in seen and macro.package_name not in _DBT_PACKAGES:
            seen[uid] = macro.macro_sql
            waiting += macro.depends_on.macros
    return list(seen.values())
