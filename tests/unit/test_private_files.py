"""Files of the bot are for its own user only."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from bot import dbt_user, private_files
from bot.errors import RefreshError
from bot.store import Store


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> object:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_umask")
def test_the_database_and_what_sqlite_writes_beside_it_are_private(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/data/refresh.db")
    store.migrate()
    with store.writing():
        found = {path.name: mode(path) for path in (tmp_path / "data").iterdir()}
    store.close()
    assert set(found) == {"refresh.db", "refresh.db-wal", "refresh.db-shm"}
    assert set(found.values()) == {0o600}
    assert mode(tmp_path / "data") == 0o700


@pytest.mark.usefixtures("open_umask")
def test_files_of_an_earlier_version_are_brought_to_it(tmp_path: Path) -> None:
    (tmp_path / "refresh.db").touch(0o644)
    (tmp_path / "refresh.db-wal").touch(0o644)
    private_files.database(tmp_path / "refresh.db")
    assert mode(tmp_path / "refresh.db") == mode(tmp_path / "refresh.db-wal") == 0o600
    tmp_path.chmod(0o755)
    private_files.directory(tmp_path)
    assert mode(tmp_path) == 0o700


@pytest.mark.usefixtures("open_umask")
def test_whatever_is_written_later_is_private_by_default(tmp_path: Path) -> None:
    private_files.by_default()
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "dbt-child.log").write_text("x")
    assert (mode(tmp_path / "logs"), mode(tmp_path / "logs" / "dbt-child.log")) == (0o700, 0o600)


def content(home: Path, run_as: str) -> dict[str, str]:
    state, code = home / "project" / "state", home / "project" / "code"
    return {"run_as": run_as, "data_dir": str(home), "state_dir": str(state), "project_dir": str(code)}


@pytest.mark.usefixtures("open_umask")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_dbt_under_a_user_of_its_own_reads_the_project_and_nothing_else_of_the_bots() -> None:
    private_files.by_default()
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        for name in ("project/state/manifest.json", "project/code/models/a.sql", "refreshes/R1/log", "promoter.p8"):
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text("x")
        workdir, given = home / "refreshes" / "R1", content(home, "nobody")
        reads = "cat ../../project/state/manifest.json ../../project/code/models/a.sql; echo x > log; cat ../../promoter.p8; id -un"
        done = subprocess.run(
            ["/bin/sh", "-c", reads], cwd=workdir, capture_output=True, text=True, **dbt_user.popen(given, workdir)
        )
        assert done.stdout.replace("\n", "") == "xxnobody"
        assert "promoter.p8: Permission denied" in done.stderr
        assert "log" not in done.stderr


def test_a_user_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    assert dbt_user.popen(content(tmp_path, ""), tmp_path) == {}
    with pytest.raises(RefreshError, match="There is no user `nobody-at-all` on this machine"):
        dbt_user.popen(content(tmp_path, "nobody-at-all"), tmp_path)
