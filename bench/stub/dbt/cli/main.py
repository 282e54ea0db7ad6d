"""The part of dbt's runner that `bot.dbt_commands` uses, over the manifest that `CHAOS_MANIFEST` names."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import snowflake.connector
import yaml

from dbt.task.runnable import GraphRunnableTask

cli = SimpleNamespace(params=[], commands={})


class Config(dict[str, Any]):
    """A node's configuration: items by key, and dbt's attributes."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


class dbtRunner:
    def __init__(self, manifest: Any, callbacks: list[Callable[[Any], None]]) -> None:
        self._manifest, self._tell = manifest, callbacks[0]

    def invoke(self, arguments: list[str]) -> Any:
        result = getattr(self, f"_{arguments[0]}")(arguments)
        return SimpleNamespace(success=True, exception=None, result=result)

    def _parse(self, arguments: list[str]) -> Any:
        text = Path(os.environ["CHAOS_MANIFEST"]).read_text()
        if "--write-json" in arguments:
            target = Path(_option(arguments, "--target-path"))
            target.mkdir(parents=True, exist_ok=True)
            (target / "manifest.json").write_text(text)
        nodes = {uid: _node(node) for uid, node in json.loads(text)["nodes"].items()}
        return SimpleNamespace(
            nodes=nodes, macros={}, metadata=SimpleNamespace(dbt_version="stub", invocation_id=str(uuid.uuid4()))
        )

    def _compile(self, arguments: list[str]) -> Any:
        node = self._selected(arguments)
        node.compiled_code = node.raw_code
        return SimpleNamespace(results=[SimpleNamespace(node=node, status="success", message="")])

    def _build(self, arguments: list[str]) -> Any:
        node, started = self._selected(arguments), time.monotonic()
        node.compiled_code = node.raw_code
        self._event("NodeStart", node)
        with snowflake.connector.connect(**_login(arguments)) as connection, connection.cursor() as cursor:
            for sql in (
                f"create schema if not exists {node.relation_name.rsplit('.', 1)[0]}",
                f"create or replace transient table {node.relation_name} as ({node.raw_code})",
            ):
                cursor.execute(sql)
                self._tell(_event("SQLQuery", sql=sql))
                self._tell(_event("SQLQueryStatus", query_id=cursor.sfqid))
            self._event("NodeFinished", node)
            done = {"node": node, "status": "success", "message": "", "failures": None, "adapter_response": {}}
            result = SimpleNamespace(execution_time=time.monotonic() - started, **done)
            GraphRunnableTask(connection)._handle_result(result)  # type: ignore
        return SimpleNamespace(results=[result], args={"invocation_id": str(uuid.uuid4())})

    def _selected(self, arguments: list[str]) -> Any:
        name = _option(arguments, "--select").rsplit(".", 1)[-1]
        return next(node for node in self._manifest.nodes.values() if node.name == name)

    def _event(self, name: str, node: Any) -> None:
        info = SimpleNamespace(unique_id=node.unique_id, resource_type=node.resource_type)
        self._tell(_event(name, node_info=info))


def _event(name: str, **data: Any) -> Any:
    return SimpleNamespace(info=SimpleNamespace(name=name, level="info"), data=SimpleNamespace(**data))


def _node(given: dict[str, Any]) -> Any:
    node = SimpleNamespace(**given)
    node.config = Config({"pre_hook": [], "post_hook": [], **given["config"]})
    node.depends_on_nodes = given["depends_on"]["nodes"]
    return node


def _option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1]


def _login(arguments: list[str]) -> dict[str, Any]:
    profiles = yaml.safe_load((Path(_option(arguments, "--profiles-dir")) / "profiles.yml").read_text())
    output = profiles[_option(arguments, "--profile")]["outputs"][_option(arguments, "--target")]
    kept = ("account", "user", "role", "warehouse", "host", "port", "protocol")
    login = {key: output[key] for key in kept if key in output}
    return login | {"authenticator": "SNOWFLAKE_JWT", "session_parameters": {"QUERY_TAG": output.get("query_tag", "")}}
