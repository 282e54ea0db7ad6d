"""No dbt child works on for a parent that cannot use its result: neither a killed one nor a frozen one."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STUB = ROOT / "bench" / "stub"
PARENT = """
import json, os, signal, sys
from pathlib import Path
from bot.dbt_process import Process
setup = json.loads(sys.argv[2])
process = Process("x", Path(sys.argv[1]), dict(os.environ), setup)
process._send({"do": "parse"})
print(process.pid, flush=True)
os.kill(os.getpid(), getattr(signal, sys.argv[3]))
"""

STUCK = """
import ctypes, sys
from bot import dbt_child
dbt_child.STUCK = 1.0
parse = lambda setup, send: ctypes.PyDLL(None).sleep(600)  # while it holds the lock that every thread needs
dbt_child.converse(sys.stdin, sys.stdout, parse)
"""

pytestmark = pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="needs to wait for a process that is not our child"
)


@pytest.mark.parametrize("how", ["SIGKILL", "SIGSTOP"])
def test_a_busy_child_leaves_when_its_parent_is_killed_or_frozen(how: str, tmp_path: Path) -> None:
    never = tmp_path / "manifest"  # reading it takes for ever: nobody writes into this pipe
    os.mkfifo(never)
    setup = {"silence": 1.0, "statement_timeout": 1, "unique_id": "", "vars": {}, "write": False, "full_refresh": False}
    setup |= {"analyses": [], "production": [], "warehouse": "", "state_dir": ""}
    setup |= dict.fromkeys(("project_dir", "profiles_dir", "profile", "target", "target_path", "log_path"), "x")
    path = f"{STUB}:{ROOT}"
    environ = {**os.environ, "PYTHONPATH": path, "CHAOS_MANIFEST": str(never)}
    command = [sys.executable, "-c", PARENT, str(tmp_path), json.dumps(setup), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as parent:
        try:
            assert parent.stdout is not None
            _wait_for_the_end_of(int(parent.stdout.readline()))
        finally:
            parent.send_signal(signal.SIGKILL)


def test_a_child_whose_threads_all_wait_for_ever_ends_itself() -> None:
    """None of them would see that the parent is gone."""
    command = [sys.executable, "-c", STUCK]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
        try:
            assert child.stdin is not None
            assert child.stderr is not None
            child.stdin.write(json.dumps({"silence": 60.0, "statement_timeout": 1}) + "\n")
            child.stdin.flush()
            assert child.wait(timeout=60) == 1
            assert "Timeout" in child.stderr.read()
        finally:
            child.kill()


def _wait_for_the_end_of(pid: int) -> None:
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 60)[0], "the child is still there"
    finally:
        os.close(handle)
