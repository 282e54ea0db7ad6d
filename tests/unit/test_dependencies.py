"""What is installed is what was tested: bounds in pyproject.toml, versions and hashes in the two lock files."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
DECLARED = [
    Requirement(text)
    for group in (PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values())
    for text in group
    if not text.startswith("dbt-refresh")
]


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each package in a lock file."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        requirement = Requirement(line.split(" --hash")[0].strip())
        (version,) = requirement.specifier
        assert version.operator == "==", line
        found[canonicalize_name(requirement.name)] = (version.version, len(re.findall(r"--hash=sha256:\w{64}", line)))
    return found


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_every_dependency_has_an_upper_bound(requirement: Requirement) -> None:
    assert {s.operator for s in requirement.specifier} & {"<", "=="}


@pytest.mark.parametrize("name", ["requirements.txt", "constraints.txt"])
def test_every_locked_version_has_a_hash(name: str) -> None:
    packages = locked(name)
    assert {"slack-bolt", "dbt-core", "snowflake-connector-python"} <= packages.keys()
    assert [package for package, (_, hashes) in packages.items() if not hashes] == []


def test_an_installation_has_the_versions_that_were_tested() -> None:
    tested, installed = locked("constraints.txt"), locked("requirements.txt")
    assert {name: version for name, (version, _) in installed.items() if tested[name][0] != version} == {}


@pytest.mark.parametrize("requirement", DECLARED, ids=str)
def test_the_lock_follows_the_declared_bounds(requirement: Requirement) -> None:
    version, _ = locked("constraints.txt")[canonicalize_name(requirement.name)]
    assert version in requirement.specifier


def test_the_build_backend_is_pinned() -> None:
    (backend,) = PROJECT["build-system"]["requires"]
    assert [s.operator for s in Requirement(backend).specifier] == ["=="]
