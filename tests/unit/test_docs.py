"""The docs are true: every command, setting, check and state stands in them, and what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from bot.__main__ import main
from bot.commands import GRAMMAR
from bot.model import State
from bot.report import CHECKS
from bot.settings import Policy, Secrets

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
CHECKS_MD = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_command_of_the_command_line_is_documented() -> None:
    assert isinstance(main, click.Group)
    for name in main.commands:
        assert f"dbt-refresh {name}" in OPERATIONS + README, name


def test_every_documented_command_exists() -> None:
    assert isinstance(main, click.Group)
    named = set(re.findall(r"dbt-refresh ([a-z]+)\b", OPERATIONS))
    assert named <= set(main.commands)


@pytest.mark.parametrize("section", [n for n in Policy.model_fields if n not in ("people", "models")])
def test_every_setting_is_documented(section: str) -> None:
    text = SETTINGS.split(f"## `[{section}]`", 1)[1].split("\n## ", 1)[0]
    fields = Policy.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
    missing = [name for name in fields if f"`{name}`" not in text]
    assert not missing


def test_every_variable_of_the_environment_is_documented() -> None:
    missing = [name for name in Secrets.model_fields if f"`{name.upper()}`" not in README]
    assert not missing


@pytest.mark.parametrize("check", [c for c in CHECKS if c != "left behind"])
def test_every_check_is_documented(check: str) -> None:
    assert f"| {check}" in CHECKS_MD


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_documented(state: State) -> None:
    assert f"`{state}`" in OPERATIONS


def test_every_word_of_the_slash_command_is_in_the_readme() -> None:
    for form in GRAMMAR:
        assert form.word in README, form


def test_links_between_the_docs_lead_somewhere() -> None:
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for link in re.findall(r"\]\(((?!http)[^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


def test_every_test_that_holds_a_guarantee_is_there() -> None:
    text = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    named = re.findall(r"\[`(test_\w+)`\]\(([^)]+)\)", text)
    assert len(named) > 20
    missing = [name for name, path in named if f"def {name}(" not in (ROOT / "docs" / path).read_text(encoding="utf-8")]
    assert not missing
