"""Pin every dependency with its hashes: `make lock` writes constraints.txt and requirements.txt anew.

constraints.txt has all that the tests run with, requirements.txt what an installation needs. A version that is pinned
already stays while pyproject.toml allows it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
TESTS, INSTALLATION = ROOT / "constraints.txt", ROOT / "requirements.txt"
_EXTRA = re.compile(r"\[[^]]*\](?===)")


def compiled(pinned: str, *options: str) -> str:
    """The lock file for some extras of the project; versions in `pinned` are kept."""
    with TemporaryDirectory() as folder:
        lock = Path(folder, "lock.txt")
        lock.write_text(pinned, encoding="utf-8")
        command = ["-m", "uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11", "--quiet"]
        command += ["--generate-hashes", "--no-strip-extras", "--no-annotate", "--no-header", "-o", str(lock), *options]
        subprocess.run([sys.executable, *command], cwd=ROOT, check=True)
        return lock.read_text(encoding="utf-8")


def with_plain(lock: str) -> str:
    """Pin what has an extra without it too: pip before 23.3 takes the two for different packages."""
    entries = re.findall(r"^\S.*(?:\n[ ]+.*)*\n", lock, re.MULTILINE)
    return "".join(entry if not _EXTRA.search(entry) else entry + _EXTRA.sub("", entry, count=1) for entry in entries)


def main() -> None:
    tests = with_plain(compiled(TESTS.read_text(encoding="utf-8"), "--extra", "test"))
    TESTS.write_text(tests, encoding="utf-8")
    INSTALLATION.write_text(with_plain(compiled(tests, "--extra", "postgres")), encoding="utf-8")


if __name__ == "__main__":
    main()
