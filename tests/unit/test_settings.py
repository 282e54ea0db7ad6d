"""refresh.toml: what git may be told to fetch."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.settings import DbtSection, Settings, SettingsError

REPOSITORIES = (
    "https://github.com/example/project.git",
    "https://bot:t0ken@github.com/example/project.git",
    "ssh://git@github.com/example/project.git",
    "git@github.com:example/project.git",
    "/srv/project",
    "file:///srv/project",
)
COMMANDS = ("ext::sh -c 'touch /srv/x'", "fd::7", "-u", "--upload-pack=touch /srv/x", "transport-helper::https://x")
BRANCHES = ("main", "release/2026-12", "feature_1", "v1.2")
NO_BRANCHES = ("", "-f", "--all", "main:refs/heads/x", "a b", "a..b", "*", "/a", "a/", ".a", "a^", "a~1", "a@{1}")
TOML = """
[dbt]
project_dir = "."
repository = "{repository}"

[warehouse]
account = "sandbox"
prod_databases = ["ANALYTICS"]
builder = {{ user = "B", role = "B", warehouse = "W" }}
promoter = {{ user = "P", role = "P", warehouse = "W" }}
"""


@pytest.mark.parametrize("repository", REPOSITORIES)
def test_a_repository_is_a_url_or_a_path(repository: str):
    assert DbtSection(project_dir=Path(), repository=repository).repository == repository


@pytest.mark.parametrize("repository", COMMANDS)
def test_a_repository_is_no_option_and_no_command(repository: str):
    with pytest.raises(ValueError, match="URL or path"):
        DbtSection(project_dir=Path(), repository=repository)


@pytest.mark.parametrize("branch", BRANCHES)
def test_a_branch_is_a_name(branch: str):
    assert DbtSection(project_dir=Path(), branch=branch).branch == branch


@pytest.mark.parametrize("branch", NO_BRANCHES)
def test_a_branch_is_no_option_and_no_pattern(branch: str):
    with pytest.raises(ValueError, match="one branch"):
        DbtSection(project_dir=Path(), branch=branch)


def test_the_sentence_does_not_repeat_what_may_hold_a_token(tmp_path: Path):
    file = tmp_path / "refresh.toml"
    file.write_text(TOML.format(repository="ext::https://bot:t0ken@example.com"))

    with pytest.raises(SettingsError) as wrong:
        Settings.load({"REFRESH_CONFIG": str(file)})

    assert "[dbt.repository]" in str(wrong.value) and "git repository" in str(wrong.value)
    assert "t0ken" not in str(wrong.value)
