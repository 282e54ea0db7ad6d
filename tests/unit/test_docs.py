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
COMPARE = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHECKS_MD = (ROOT / "docs" / "checks.md").read_text(encoding="utf-8")
WORDS = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_every_command_of_the_command_line_is_documented() -> None:
    assert isinstance(main, click.Group)
    for name in main.commands:
        assert f"dbt-refresh {name}" in OPERATIONS + README, name


def test_every_documented_command_exists() -> None:
    assert isinstance(main, click.Group)
    texts = [README, CONTRIBUTING, *(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))]
    named = {name for text in texts for name in re.findall(r"`dbt-refresh ([a-z]+)\b", text)}
    assert len(named) > 5
    assert named <= set(main.commands)


def test_every_option_of_the_command_line_is_documented() -> None:
    assert isinstance(main, click.Group)
    everywhere = OPERATIONS + COMPARE
    options = [o for command in main.commands.values() for p in command.params for o in p.opts if o.startswith("--")]
    assert [option for option in options if f"{option}" not in everywhere] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {name for text in (README, CONTRIBUTING) for name in re.findall(r"\bmake ([a-z-]+)\b", text)}
    assert {"demo", "test"} <= named <= targets


@pytest.mark.parametrize("section", [n for n in Policy.model_fields if n not in ("people", "models")])
def test_every_setting_is_documented(section: str) -> None:
    text = SETTINGS.split(f"## `[{section}]`", 1)[1].split("\n## ", 1)[0]
    fields = Policy.model_fields[section].annotation.model_fields  # type: ignore[union-attr]
    missing = [name for name in fields if f"`{name}`" not in text]
    assert not missing


def test_every_variable_of_the_environment_is_documented() -> None:
    missing = [name for name in Secrets.model_fields if f"`{name.upper()}`" not in README]
    assert not missing


@pytest.mark.parametrize("check", CHECKS)
def test_every_check_is_documented(check: str) -> None:
    assert f"| {check}" in CHECKS_MD
    assert check in WORDS
    assert check.casefold() in README.split("# Set-up")[0].casefold()


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_documented(state: State) -> None:
    assert f"`{state}`" in OPERATIONS


def test_every_word_of_the_slash_command_is_in_the_readme() -> None:
    using = README.split("# Using it", 1)[1]
    for form in GRAMMAR:
        if form.word not in ("", "form"):  # the command with a model, and alone
            assert re.search(rf"`(/dbt-refresh )?(<model> )?{form.word}\b", using), form


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
