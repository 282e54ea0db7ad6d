"""Imports run one way: values < pure rules < gateways < steps and listeners < command line (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

VALUES = {"errors", "model", "index", "messages", "events", "people"}
GATEWAYS = {
    "store",
    "dbt_project",
    "dbt_build",
    "dbt_process",
    "dbt_warm",
    "dbt_child",
    "dbt_server",
    "session",
    "warehouse",
    "chat",
}
STEPS = {
    "building",
    "checking",
    "clicks",
    "desk",
    "freezing",
    "guards",
    "leases",
    "outbox",
    "pipeline",
    "promotion",
    "record",
    "recovery",
    "service",
    "services",
    "timers",
    "undo",
    "upstream",
    "verification",
    "worker",
}
PURE = {
    "machine",
    "decisions",
    "policy",
    "commands",
    "lookup",
    "planning",
    "report",
    "checks",
    "blocks",
    "wording",
    "names",
}
WORLD = {"slack_bolt", "slack_sdk", "snowflake", "sqlalchemy", "dbt", "apscheduler", "subprocess", "urllib"}


def imports(path: Path) -> set[str]:
    """Modules that a file imports while it runs; those for type checking only do not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def layer(path: Path) -> str:
    return path.relative_to(ROOT / "bot").parts[0].removesuffix(".py")


def bot_modules(path: Path) -> set[str]:
    names = {i.split(".")[1] for i in imports(path) if i.startswith("bot.")}
    return names & {layer(p) for p in files("bot")}


@pytest.mark.parametrize("folder", ["bot", "handlers"])
def test_the_product_never_imports_the_sandbox(folder: str) -> None:
    for path in files(folder):
        if path.name != "__main__.py":
            assert not any(i.split(".")[0] == "sandbox" for i in imports(path)), path


@pytest.mark.parametrize("path", [p for p in files("bot") if layer(p) in VALUES | PURE], ids=lambda p: p.name)
def test_pure_modules_reach_nothing_of_the_world(path: Path) -> None:
    assert not bot_modules(path) & (GATEWAYS | STEPS)
    assert not {i.split(".")[0] for i in imports(path)} & WORLD


@pytest.mark.parametrize("path", [p for p in files("bot") if layer(p) in GATEWAYS], ids=lambda p: p.name)
def test_gateways_do_not_import_steps(path: Path) -> None:
    assert not bot_modules(path) & STEPS


def test_listeners_import_no_gateway() -> None:
    for path in files("handlers"):
        assert not {i.split(".")[1] for i in imports(path) if i.startswith("bot.")} & GATEWAYS, path


def test_no_file_of_ours_is_too_long_to_hold_in_the_head() -> None:
    long = {
        str(p): n
        for f in ("bot", "handlers", "sandbox")
        for p in files(f)
        if (n := len(p.read_text().splitlines())) > 600
    }
    assert not long
