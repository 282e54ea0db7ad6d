"""From dbt's manifests to the index: pure, dictionaries in, `Index` out.

Two manifests of the same project are read: one parsed with the dev target (what a build would do and where), one of
production (where things are). Neither names anything by a formula: every relation is dbt's own `relation_name`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from bot import lineage
from bot.index import Entry, Index, Version
from bot.model import Exposure, Relation

Node = dict[str, Any]
Manifest = dict[str, Any]

_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_TARGET = re.compile(r"\btarget\s*[.\[]")
_FULL_REFRESH_VAR = re.compile(r"full_refresh\s*[=:]\s*[\"']?\s*(?:\{\{\s*)?var\(\s*['\"](\w+)['\"]")
_COLUMN = re.compile(r"\w+\Z")
# These only make names, and every name is checked on the compiled SQL; dbt's own macros are known.
_NAME_MACROS = frozenset({"ref", "source", "generate_database_name", "generate_schema_name", "generate_alias_name"})
_DBT_PACKAGES = frozenset({"dbt", "dbt_snowflake"})
_BUILDABLE = ("model", "seed", "snapshot")
_UNIQUENESS_TESTS = {
    "unique_combination_of_columns": "combination_of_columns",
    "expect_compound_columns_to_be_unique": "column_list",
}


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names of the vars the bot passes (`[dbt] date_var`, `columns_var`)."""

    date_var: str
    columns_var: str


def build_index(
    dev: Manifest, prod: Manifest, names: Names, *, version: Version, made_at: datetime, from_state: bool
) -> Index:
    """Join both manifests. `from_state`: prod's is the deployed one, so its checksums say what code runs there."""
    reader = _Reader(dev, prod, names, from_state)
    sources = {u: r for u, n in prod["sources"].items() if (r := relation_of(n))}
    entries = _with_edges_by_name(list(reader.entries()), reader, sources)
    return Index(
        code=version.commit,
        dirty=version.dirty,
        fingerprint=version.fingerprint,
        made_at=made_at,
        project=str(dev["metadata"].get("project_name") or ""),
        entries=tuple(sorted(entries, key=lambda e: (e.name, e.unique_id))),
        exposures=tuple(sorted(map(_exposure, dev.get("exposures", {}).values()), key=lambda e: e.name)),
        sources=sources,
        analyses={n["name"]: n["raw_code"] for n in dev["nodes"].values() if n["resource_type"] == "analysis"},
    )


def relation_of(node: Node | None) -> Relation | None:
    """Where dbt says a node is: `relation_name`, folded by Snowflake's rule; None for what has no relation."""
    text = (node or {}).get("relation_name")
    return Relation.parse(text) if text else None


def _with_edges_by_name(entries: list[Entry], reader: _Reader, sources: dict[str, Relation]) -> list[Entry]:
    models = {e.prod: e.unique_id for e in entries if e.prod}
    read: dict[str, tuple[str, ...]] = {}
    children: dict[str, list[str]] = {}
    for entry in entries:
        if not entry.enabled or entry.language != "sql":
            continue
        known = (*entry.parents, entry.unique_id)  # a compiled model names its parents, and itself, in full
        found = {uid for code in reader.sql(entry.unique_id) for uid in lineage.by_name(code, known, models, sources)}
        if found:
            read[entry.unique_id] = tuple(sorted(found))
            for parent in found:
                children.setdefault(parent, []).append(entry.unique_id)
    return [
        replace(
            e,
            by_name=read.get(e.unique_id, ()),
            children=(*e.children, *sorted(set(children.get(e.unique_id, ())) - set(e.children))),
        )
        for e in entries
    ]


class _Reader:
    def __init__(self, dev: Manifest, prod: Manifest, names: Names, from_state: bool) -> None:
        self.dev, self.prod, self.from_state = dev, prod, from_state
        self._date = _var_pattern(names.date_var)
        self._columns = _var_pattern(names.columns_var)

    def entries(self) -> Iterator[Entry]:
        for node in self.dev["nodes"].values():
            if node["resource_type"] in _BUILDABLE:
                yield self._entry(node, enabled=True)
        for versions in self.dev.get("disabled", {}).values():
            if versions[0]["resource_type"] in _BUILDABLE:
                yield self._entry(versions[0], enabled=False)

    def _entry(self, node: Node, *, enabled: bool) -> Entry:
        uid, config = node["unique_id"], node["config"]
        deployed = self.prod["nodes"].get(uid)
        text = "\n".join(self._texts(node))
        return Entry(
            unique_id=uid,
            name=node["name"],
            package=node["package_name"],
            materialized=str(config.get("materialized") or ""),
            language=node.get("language") or "sql",
            enabled=enabled,
            path=node["original_file_path"],
            prod=relation_of(deployed) if enabled else None,
            dev=relation_of(node) if enabled else None,
            unique_key=_names(config.get("unique_key")),
            full_refresh=config.get("full_refresh"),
            full_refresh_var=_full_refresh_var(node),
            transient=config.get("transient"),
            reads_date=bool(self._date.search(text)),
            reads_columns=bool(self._columns.search(text)),
            exclude_columns=_names(config.get("merge_exclude_columns")),
            warehouse=str(config.get("snowflake_warehouse") or ""),
            hooks=tuple(hook["sql"] for when in ("pre-hook", "post-hook") for hook in config.get(when) or ()),
            meta=dict((config.get("meta") or {}).get("refresh") or {}),
            grain_claims=tuple(self._grain_claims(node)),
            date_claims=tuple(self._date_claims(node)),
            parents=tuple(u for u in node.get("depends_on", {}).get("nodes", ())),
            children=self._children.get(uid, ()),
            tests=tuple(t["name"] for t in self._tests.get(uid, ()) if self._runs_with(uid, t)),
            owner=self._owner(node),
            tags=tuple(node.get("tags") or ()),
            columns=tuple(node.get("columns") or ()),
            mentions_target=self._mentions_target(node),
            checksum=_checksum(node),
            prod_checksum=_checksum(deployed) if deployed and self.from_state else "",
        )

    def sql(self, uid: str) -> Iterator[str]:
        """What production runs for a node: compiled where its manifest has that, else the code and every macro it uses."""
        node = self.prod["nodes"].get(uid) or {}
        if compiled := node.get("compiled_code"):
            yield compiled
        elif node:
            yield node.get("raw_code") or ""
            yield from (macro["macro_sql"] for macro in self._macros(self.dev["nodes"][uid]).values())

    @cached_property
    def _children(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for node in self.dev["nodes"].values():
            if node["resource_type"] == "model":
                for parent in node["depends_on"]["nodes"]:
                    found.setdefault(parent, []).append(node["unique_id"])
        return {uid: tuple(sorted(children)) for uid, children in found.items()}

    @cached_property
    def _tests(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.dev["nodes"].values():
            if node["resource_type"] == "test":
                for parent in dict.fromkeys(node["depends_on"]["nodes"]):
                    found.setdefault(parent, []).append(node)
        return found

    def _runs_with(self, uid: str, test: Node) -> bool:
        """dbt's `buildable`: a test runs with the model when all else that it reads is upstream of the model."""
        others = set(test["depends_on"]["nodes"]) - {uid}
        return not others or others <= self._ancestors(uid)

    def _ancestors(self, uid: str) -> set[str]:
        seen: set[str] = set()
        queue = [uid]
        while queue:
            for parent in self.dev["nodes"].get(queue.pop(), {}).get("depends_on", {}).get("nodes", ()):
                if parent not in seen:
                    seen.add(parent)
                    queue.append(parent)
        return seen

    def _macros(self, node: Node) -> dict[str, Node]:
        """Every macro of the project and its packages that the node uses, however deep; dbt's own left out."""
        found: dict[str, Node] = {}
        queue = list(node.get("depends_on", {}).get("macros", ()))
        while queue:
            macro = self.dev["macros"].get(uid := queue.pop())
            if macro and uid not in found and macro["package_name"] not in _DBT_PACKAGES:
                found[uid] = macro
                queue += macro["depends_on"]["macros"]
        return found

    def _texts(self, node: Node) -> Iterator[str]:
        yield node.get("raw_code") or ""
        yield from map(str, _flat(node.get("unrendered_config")))
        yield from (macro["macro_sql"] for macro in self._macros(node).values())

    def _mentions_target(self, node: Node) -> bool:
        macros = (m["macro_sql"] for m in self._macros(node).values() if m["name"] not in _NAME_MACROS)
        texts = (node.get("raw_code") or "", *macros)
        return any(_TARGET.search(block) for text in texts for block in _JINJA.findall(text))

    def _grain_claims(self, node: Node) -> Iterator[tuple[str, tuple[str, ...]]]:
        key = _names(node["config"].get("unique_key"))
        if key and all(_COLUMN.match(column) for column in key):
            yield "unique_key", key
        for constraint in node.get("constraints") or ():
            if constraint["type"] == "primary_key" and constraint.get("columns"):
                yield "primary key", tuple(constraint["columns"])
        for column in (node.get("columns") or {}).values():
            if any(c["type"] == "primary_key" for c in column.get("constraints") or ()):
                yield "primary key", (column["name"],)
        for test in self._own_tests(node):
            if columns := _unique_columns(test):
                yield "uniqueness test", columns

    def _date_claims(self, node: Node) -> Iterator[tuple[str, str]]:
        for test in self._own_tests(node):
            metadata = test.get("test_metadata") or {}
            kwargs = metadata.get("kwargs") or {}
            if metadata.get("name") == "recency" and _is_column(kwargs.get("field")):
                yield "recency test", kwargs["field"]
            if metadata.get("name") == "expect_row_values_to_have_recent_data" and test.get("column_name"):
                yield "recency test", test["column_name"]
        if event_time := node["config"].get("event_time"):
            yield "event_time", event_time
        for key in _names(node["config"].get("cluster_by")):
            if inner := re.search(r"\w+(?=\)*$)", key.strip()):
                yield "cluster_by", inner[0]

    def _own_tests(self, node: Node) -> Iterable[Node]:
        """Tests declared on the node itself; one with a `where` says nothing about the whole table."""
        return (
            test
            for test in self._tests.get(node["unique_id"], ())
            if test.get("attached_node") == node["unique_id"] and not test["config"].get("where")
        )

    def _owner(self, node: Node) -> str:
        owner = (node["config"].get("meta") or {}).get("owner")
        if isinstance(owner, str) and owner:
            return owner
        for group in self.dev.get("groups", {}).values():
            if group["name"] == node.get("group"):
                return str(group["owner"].get("name") or group["owner"].get("email") or "")
        return ""


def _exposure(node: Node) -> Exposure:
    owner = node.get("owner") or {}
    return Exposure(
        name=node["name"],
        type=str(node.get("type") or ""),
        owner=str(owner.get("name") or owner.get("email") or ""),
        reads=tuple(node["depends_on"]["nodes"]),
    )


def _var_pattern(name: str) -> re.Pattern[str]:
    return re.compile(rf"\bvar\(\s*['\"]{re.escape(name)}['\"]")


def _names(value: object) -> tuple[str, ...]:
    if not value:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)


def _is_column(value: object) -> bool:
    return isinstance(value, str) and bool(_COLUMN.match(value))


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _flat(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner)
    else:
        yield value


def _full_refresh_var(node: Node) -> str:
    """In a model's own config block the manifest keeps the value only, so the var is read from the code."""
    written = (node.get("unrendered_config") or {}).get("full_refresh")
    for text in (f"full_refresh: {written}", node.get("raw_code") or ""):
        if found := _FULL_REFRESH_VAR.search(text):
            return found[1]
    return ""


def _unique_columns(test: Node) -> tuple[str, ...]:
    metadata = test.get("test_metadata") or {}
    name, kwargs = metadata.get("name"), metadata.get("kwargs") or {}
    if name == "unique" and _is_column(test.get("column_name")):
        return (test["column_name"],)
    columns = kwargs.get(_UNIQUENESS_TESTS.get(str(name), "")) or ()
    return tuple(columns) if columns and all(map(_is_column, columns)) else ()


def _checksum(node: Node) -> str:
    return str((node.get("checksum") or {}).get("checksum") or "")
