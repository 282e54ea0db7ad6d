"""What a dbt child does with dbt: parse once, compile, build; runs inside `dbt_child` and `dbt_server` only.

It uses dbt's documented runner and changes a node's configuration in memory where
dbt has no option for it (another warehouse, a hook left out, an incremental run before its table is there).
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dbt.cli.main import dbtRunner

from bot.dbt_hooks import Guard, hooks_of_run
from bot.dbt_runtime import Failure, flags_of_a_build, judge_statements, refuse_flags
from bot.dbt_witness import witness

Reply = dict[str, Any]

_FORCED = (
    "{% macro is_incremental() %}{% do return(execute and model.config.materialized == 'incremental') %}{% endmacro %}"
)
_BETWEEN = "\n/* between two hooks */\n"
_JINJA = re.compile(r"\{\{|\{%")
_COMMENTS = re.compile(r"/\*.*?\*/", re.DOTALL)
_CREATES = re.compile(r"\s*create\s+(?:or\s+replace\s+)?(?:transient\s+)?table\s+(\S+)", re.IGNORECASE)


class Parsed:
    """One dbt project, parsed once; every command starts from the manifest as it was parsed."""

    def __init__(self, setup: dict[str, Any], send: Callable[[Reply], None]) -> None:
        self.setup, self.send, self.guard = setup, send, Guard(setup["production"])
        self.query_ids: list[str] = []
        self.created: list[str] = []
        self.warnings = 0
        refuse_flags()
        flags_of_a_build(full_refresh=setup["full_refresh"])
        judge_statements(self.guard.refused)
        self.manifest: Any = self.read()
        self.pristine = {uid: copy.deepcopy(self.manifest.nodes[uid]) for uid in self._touched()}
        if setup["unique_id"]:
            self.guard.protect(self._node())

    def read(self) -> Any:
        """The manifest, read whole with the refresh's vars: configuration is settled now, never taken from a cache."""
        return self.invoke("parse", []).result

    def parse(self) -> Reply:
        """Nothing more to do: the manifest is read, and written where the set-up asks for it."""
        return {"warnings": self.warnings}

    def compile(self, *, without_vars: bool, incremental: bool) -> Reply:
        """Compile the model, and with the vars its hooks and analyses too; `incremental` pretends that dev is there."""
        node, analyses = self._node(), [] if without_vars else self._analyses()
        with self._macros(_FORCED if incremental else None):
            with hooks_of_run(self.guard, [] if without_vars else self._operations(), node) as run:
                compiled = self._compile([node, *analyses], without_vars=without_vars)
            hooks = [] if without_vars else [*self._compile_hooks(), *run.rendered]
        node = self._node()
        return {
            "sql": compiled[node.unique_id],
            "relation": node.relation_name,
            "place": self.guard.place,
            "hooks": hooks,
            "tests": self._tests(),
            "config": _config(node),
            "analyses": {a.name: compiled[a.unique_id] for a in analyses},
        }

    def build(self, *, skip_hooks: list[int], look: dict[str, Any]) -> Reply:
        """Build the model and its own tests; leaves out the hooks with these numbers. `look` is sent in between."""
        self._restore()
        self._skip(skip_hooks)
        self.query_ids, self.created = [], []
        arguments = [*self._selection([self._node()]), *self._deferral()]
        arguments += ["--indirect-selection", "buildable", "--exclude-resource-type", "unit_test"]
        arguments.append("--cache-selected-only")  # else it lists every schema that any model of the project has
        if self.setup["full_refresh"]:
            arguments.append("--full-refresh")
        with witness(self.setup["unique_id"], look) as left:
            outcome = self.invoke("build", arguments, manifest=self.manifest, may_fail=True)
        if outcome.result is None:
            raise Failure("dbt", str(outcome.exception or "dbt gave no result"))
        return {
            "results": [_result(r) for r in outcome.result.results],
            "query_ids": self.query_ids,
            "created": self.created,
            "left": left,
            "version": str(self.manifest.metadata.dbt_version),
            "invocation_id": outcome.result.args.get("invocation_id") or self.manifest.metadata.invocation_id,
        }

    # -- the manifest ---------------------------------------------------------------------------------------------

    def _node(self) -> Any:
        try:
            return self.manifest.nodes[self.setup["unique_id"]]
        except KeyError:
            raise Failure("unknown_model") from None

    def _analyses(self) -> list[Any]:
        there = {n.name: n for n in self.manifest.nodes.values() if n.resource_type == "analysis"}
        for name in self.setup["analyses"]:
            if name not in there:
                raise Failure("unknown_analysis", name)
        return [there[name] for name in self.setup["analyses"]]

    def _tests(self) -> list[str]:
        nodes = self.manifest.nodes
        return sorted(nodes[uid].name for uid in tests_of(self.manifest, self.setup["unique_id"]))

    def _touched(self) -> set[str]:
        """Nodes that dbt changes when it compiles them: ours, our tests and analyses, and the ephemerals they use."""
        if not self.setup["unique_id"]:
            return set()
        uid, nodes = self._node().unique_id, self.manifest.nodes
        tests = {n.unique_id for n in nodes.values() if n.resource_type == "test" and uid in n.depends_on_nodes}
        ours = {uid} | tests | {a.unique_id for a in self._analyses()}
        above = upstream(self.manifest, ours)
        return ours | {u for u in above if u in nodes and nodes[u].config.materialized == "ephemeral"}

    def _restore(self) -> None:
        for uid, node in self.pristine.items():
            self.manifest.nodes[uid] = copy.deepcopy(node)
        if warehouse := self.setup["warehouse"]:
            self._node().config["snowflake_warehouse"] = warehouse

    def _skip(self, numbers: list[int]) -> None:
        config, hooks = self._node().config, self._hooks()
        dropped = [hooks[number] for number in numbers]
        config.pre_hook = [h for h in config.pre_hook if not any(h is d for d in dropped)]
        config.post_hook = [h for h in config.post_hook if not any(h is d for d in dropped)]
        for hook in dropped:
            self.manifest.nodes.pop(getattr(hook, "unique_id", ""), None)

    def _hooks(self) -> list[Any]:
        """The model's hooks, then the project's on-run-start and on-run-end, as they run with every build."""
        config = self._node().config
        return [*config.pre_hook, *config.post_hook, *self._operations()]

    def _operations(self) -> list[Any]:
        return [n for n in self.manifest.nodes.values() if n.resource_type == "operation"]

    @contextlib.contextmanager
    def _macros(self, is_incremental: str | None):
        """Replace `is_incremental` in memory, wherever the project or dbt defines it."""
        found = [m for m in self.manifest.macros.values() if is_incremental and m.name == "is_incremental"]
        written = [macro.macro_sql for macro in found]
        for macro in found:
            macro.macro_sql = is_incremental
        try:
            yield
        finally:
            for macro, sql in zip(found, written, strict=True):
                macro.macro_sql = sql

    # -- dbt ------------------------------------------------------------------------------------------------------

    def _compile(self, nodes: list[Any], *, without_vars: bool, instead: str | None = None) -> dict[str, str]:
        """Compiled SQL by unique id; with `instead`, that text in the model's place, unable to run queries."""
        self._restore()
        arguments = [*self._selection(nodes), *self._deferral(), "--indirect-selection", "empty", "--no-populate-cache"]
        if instead is not None:
            self._node().raw_code = instead
            arguments.append("--no-introspect")
        given = {} if without_vars else None
        outcome = self.invoke("compile", arguments, manifest=self.manifest, variables=given)
        compiled = {r.node.unique_id: r.node.compiled_code for r in outcome.result.results if r.status == "success"}
        for node in nodes:
            if compiled.get(node.unique_id) is None:
                raise Failure("dbt", f"dbt compiled nothing for {node.unique_id}")
        return compiled

    def _compile_hooks(self) -> list[str]:
        """The model's hooks as they would be sent, by compiling them in its place, without letting them run queries.

        One that cannot be rendered like this comes back as written.
        """
        config = self._node().config
        written = [hook.sql for hook in [*config.pre_hook, *config.post_hook]]
        plain = [number for number, text in enumerate(written) if not _JINJA.search(text)]
        rendered = self._rendered([text for number, text in enumerate(written) if number not in plain])
        return [text if number in plain else next(rendered) for number, text in enumerate(written)]

    def _rendered(self, texts: list[str]) -> Iterator[str]:
        """All in one go, since each takes dbt a moment; one by one where that fails."""
        if not texts:
            return
        try:
            found = self._compile([self._node()], without_vars=False, instead=_BETWEEN.join(texts))
            yield from (text.strip() for text in found[self.setup["unique_id"]].split(_BETWEEN))
        except Failure:
            if len(texts) == 1:
                yield texts[0]
            else:
                for text in texts:
                    yield from self._rendered([text])

    def _selection(self, nodes: list[Any]) -> list[str]:
        """These nodes; what lies in a folder of their name would be selected with them."""
        chosen = {node.unique_id for node in nodes}
        folders = {tuple(node.fqn): len(node.fqn) for node in nodes}
        others = [
            other
            for other in self.manifest.nodes.values()
            if other.unique_id not in chosen
            and other.resource_type != "test"
            and any(tuple(other.fqn[:depth]) == folder for folder, depth in folders.items())
        ]
        arguments = ["--select", *(_method(node) for node in nodes)]
        return [*arguments, "--exclude", *map(_method, others)] if others else arguments

    def _deferral(self) -> list[str]:
        return ["--defer", "--favor-state", "--state", self.setup["state_dir"]]

    def invoke(
        self,
        command: str,
        arguments: list[str],
        *,
        manifest: Any = None,
        variables: dict[str, Any] | None = None,
        may_fail: bool = False,
    ) -> Any:
        """Run one dbt command; its outcome. Raises Failure, and KeyboardInterrupt when it was interrupted."""
        setup = self.setup
        common = ["--project-dir", setup["project_dir"], "--profiles-dir", setup["profiles_dir"]]
        common += ["--profile", setup["profile"], "--target", setup["target"]]
        common += ["--target-path", setup["target_path"], "--log-path", setup["log_path"]]
        common += ["--vars", json.dumps(setup["vars"] if variables is None else variables)]
        common += ["--no-partial-parse", "--no-use-colors", "--log-level", "none", "--log-level-file", "none"]
        common += ["--no-send-anonymous-usage-stats", "--write-json" if setup["write"] else "--no-write-json"]
        outcome: Any = dbtRunner(manifest, [self._hear]).invoke([command, *common, *arguments])
        if isinstance(outcome.exception, KeyboardInterrupt):
            raise KeyboardInterrupt
        if not outcome.success and not may_fail:
            raise Failure("dbt", _why(outcome))
        return outcome

    def _hear(self, event: Any) -> None:
        data, name = event.data, event.info.name
        if name == "DeprecationsSummary":  # of each kind dbt says the first, and here how many there were
            self.warnings += sum(kind.occurrences - 1 for kind in data.summaries) if data.show_all_hint else 0
        else:
            self.warnings += event.info.level == "warn"
        if name == "SQLQueryStatus" and data.query_id:
            self.query_ids.append(data.query_id)
        elif name == "SQLQuery" and (made := _CREATES.match(_COMMENTS.sub("", data.sql))):
            self.created.append(made[1])
        elif name == "LogHookStartLine":
            self.send({"event": name})
        elif name in ("NodeStart", "NodeFinished"):
            self.send({"event": name, "id": data.node_info.unique_id, "type": data.node_info.resource_type})


def _method(node: Any) -> str:
    return "fqn:" + ".".join(node.fqn)


def upstream(manifest: Any, uids: Iterable[str]) -> set[str]:
    """Everything that these nodes read, however indirectly."""
    seen: set[str] = set()
    waiting = list(uids)
    while waiting:
        node = manifest.nodes.get(waiting.pop())
        new = set(getattr(node, "depends_on_nodes", ())) - seen
        seen |= new
        waiting += new
    return seen


def tests_of(manifest: Any, uid: str) -> set[str]:
    """dbt's `buildable`: tests of the node that read nothing which is not upstream of it."""
    above = {uid} | upstream(manifest, [uid])
    tests = (n for n in manifest.nodes.values() if n.resource_type == "test")
    return {n.unique_id for n in tests if uid in n.depends_on_nodes and set(n.depends_on_nodes) <= above}


def _why(outcome: Any) -> str:
    if outcome.exception is not None:
        return str(outcome.exception)
    results = getattr(outcome.result, "results", ())
    return "\n".join(r.message for r in results if r.message) or "dbt gave no reason"


def _config(node: Any) -> dict[str, Any]:
    names = ("materialized", "unique_key", "merge_update_columns", "merge_exclude_columns")
    return {name: node.config.get(name) for name in (*names, "transient", "snowflake_warehouse")}


def _result(result: Any) -> Reply:
    node, response = result.node, result.adapter_response or {}
    return {
        "id": node.unique_id,
        "type": str(node.resource_type),
        "name": node.name,
        "status": str(result.status),
        "message": result.message or "",
        "failures": result.failures,
        "fail_calc": str(node.config.get("fail_calc") or ""),
        "limit": node.config.get("limit"),
        "seconds": result.execution_time,
        "relation": getattr(node, "relation_name", None),
        "sql": getattr(node, "compiled_code", None) or "",
        "rows": response.get("rows_affected"),
    }
