"""The project's code from a real git repository: one directory a commit, packages from the lock file."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from bot.dbt_code import Code
from bot.dbt_project import Project
from bot.errors import RefreshError, Unfetched, Unreadable
from bot.settings import Settings
from tests.contract.dbt_demo import PROJECT, deployed, git, unreachable

pytestmark = pytest.mark.xdist_group("dbt")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the demo project in a folder of it."""
    place = tmp_path / "repository"
    shutil.copytree(PROJECT, place / "dbt")
    git(place, "init", "--quiet", "--initial-branch", "main")
    commit(place, "first")
    return place


def commit(place: Path, message: str) -> str:
    git(place, "add", "-A")
    git(place, "commit", "--quiet", "-m", message)
    return git(place, "rev-parse", "HEAD")


def settings_of(repository: Path | str, directory: Path, **more: object) -> Settings:
    directory.mkdir()
    given = {
        "repository": str(repository),
        "project_dir": Path("dbt"),
        "profiles_dir": None,
        "state": deployed(),
        **more,
    }
    return unreachable(directory, **given)


def test_each_commit_has_a_directory_of_its_own_that_stays(repository: Path, tmp_path: Path):
    code = Code(settings_of(repository, tmp_path / "bot"), tmp_path / "work")
    first = code.fetch()
    before = code.at(first).dbt.project_dir

    (repository / "dbt/models/facts/dex_share.sql").write_text("select 1 as one")
    second = commit(repository, "second")
    after = code.at(code.fetch()).dbt.project_dir

    assert code.fetch() == second != first
    assert before != after == code.at(second).dbt.project_dir
    assert (before / "models/facts/dex_share.sql").read_text() != "select 1 as one"
    assert (after / "models/facts/dex_share.sql").read_text() == "select 1 as one"


def test_the_index_is_of_the_newest_commit_and_says_so(repository: Path, tmp_path: Path):
    project = Project(settings_of(repository, tmp_path / "bot"), tmp_path / "work")
    assert project.moved_on()

    index = project.index()

    assert not project.moved_on()
    assert project.index(known=lambda: index) is index, "somebody has read it meanwhile"
    assert (index.code, index.dirty) == (git(repository, "rev-parse", "--short", "HEAD"), False)
    assert project.now[0].dbt.project_dir.is_relative_to(tmp_path / "work")
    (repository / "dbt/README.md").write_text("changed")
    commit(repository, "second")
    assert project.moved_on()


def test_code_that_is_built_from_stays(repository: Path, tmp_path: Path):
    """Also where it was indexed long ago, and where nothing newer can be read."""
    project = Project(settings_of(repository, tmp_path / "bot"), tmp_path / "work")
    first = project.index()
    (begun,) = {project.now[0].dbt.project_dir}
    age(begun)
    broken = repository / "dbt/models/broken.yml"
    broken.write_text("models: [")
    commit(repository, "broken")
    with pytest.raises(Unreadable):
        project.index()
    assert begun.exists() and project.now[0].dbt.project_dir == begun, "the code before it is built"

    broken.unlink()
    commit(repository, "repaired")
    assert project.index().code != first.code
    assert begun.exists(), "a build may have begun a moment ago"

    age(begun)
    (repository / "dbt/README.md").write_text("changed")
    commit(repository, "later")
    project.index()
    assert not begun.exists(), "none can be using it any more"


def age(code: Path) -> None:
    os.utime(code.parent, (0, 0))


def test_what_cannot_be_fetched_or_installed_is_told(repository: Path, tmp_path: Path):
    with pytest.raises(RefreshError) as missing:
        Code(settings_of(repository, tmp_path / "1", branch="nowhere"), tmp_path / "work").fetch()
    assert "branch `nowhere`" in missing.value.user_text
    (repository / "dbt/packages.yml").write_text("packages: [{local: ../other}]")
    code = Code(settings_of(repository, tmp_path / "2"), tmp_path / "work2")
    commit(repository, "packages")

    with pytest.raises(RefreshError, match="package-lock"):
        code.at(code.fetch())


def test_packages_are_installed_as_the_lock_file_says(repository: Path, tmp_path: Path):
    (repository / "dbt/extra/macros").mkdir(parents=True)
    (repository / "dbt/extra/dbt_project.yml").write_text("name: extra\nversion: '1.0'\nconfig-version: 2\n")
    (repository / "dbt/packages.yml").write_text("packages:\n  - local: extra\n")
    subprocess.run(
        [
            sys.executable,
            "-c",
            "from dbt.cli.main import cli; cli()",
            "deps",
            "--quiet",
            "--log-path",
            str(tmp_path / "log"),
        ],
        cwd=repository / "dbt",
        check=True,
        env={**os.environ, "DO_NOT_TRACK": "1"},
    )
    shutil.rmtree(repository / "dbt/dbt_packages")
    commit(repository, "packages and lock")
    code = Code(settings_of(repository, tmp_path / "bot"), tmp_path / "work")

    there = code.at(code.fetch()).dbt.project_dir

    assert (there / "dbt_packages/extra/dbt_project.yml").exists()
    (repository / "dbt/more").mkdir()
    (repository / "dbt/more/dbt_project.yml").write_text("name: more\nversion: '1.0'\nconfig-version: 2\n")
    (repository / "dbt/packages.yml").write_text("packages:\n  - local: extra\n  - local: more\n")
    commit(repository, "lock forgotten")
    with pytest.raises(RefreshError, match="does not fit"):
        code.at(code.fetch())


class _Locked(BaseHTTPRequestHandler):
    """A git server that lets nobody in, and says to whom."""

    heard: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.heard.append(self.headers.get("Authorization", ""))
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing is written."""


def test_a_token_in_the_url_is_used_and_never_told(tmp_path: Path):
    with ThreadingHTTPServer(("127.0.0.1", 0), _Locked) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_port}/project.git"
        url = f"http://bot:ghp_t0ken@{place}"
        code = Code(settings_of(url, tmp_path / "bot"), tmp_path / "work")
        with pytest.raises(Unfetched) as refused:
            code.fetch()
        server.shutdown()

    told = refused.value.user_text + refused.value.detail
    assert place in told, "what git said, and of which repository"
    assert "t0ken" not in told and "bot:" not in told
    assert f"Basic {base64.b64encode(b'bot:ghp_t0ken').decode()}" in _Locked.heard
    kept = [file for file in (tmp_path / "work").rglob("*") if file.is_file() and b"t0ken" in file.read_bytes()]
    assert kept == []


@pytest.mark.parametrize("which", ["--upload-pack=touch made", "ext::touch made"])
def test_what_settings_refuse_is_no_option_or_command_for_git_either(which: str, tmp_path: Path):
    repository = which.replace("made", str(tmp_path / "made"))
    code = Code(settings_of(repository, tmp_path / "bot"), tmp_path / "work")

    with pytest.raises(Unfetched):
        code.fetch()

    assert not (tmp_path / "made").exists()
