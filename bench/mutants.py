"""Break one safety rule at a time in a copy of the project and see that a test fails: `make mutants`.

Each entry of `mutants.toml` names the rule, the one place that holds it, what stands there instead, and the tests
that should see it. `ARGS=--json` prints one object: `mutants`, `killed`, and `survived` as a list.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
TABLE = Path(__file__).with_suffix(".toml")
_SECONDS = 300.0  # for the tests of one mutant; a change that makes them hang is seen too
_PASSED, _FAILED = 0, 1  # exit codes of pytest


class Unusable(Exception):
    """An entry of the table does not fit the code or its tests any more."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """`find` stands exactly once in `file`; `tests` are arguments for pytest."""

    rule: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]

    def applied(self, text: str) -> str:
        """The file's text with the rule broken. Raises Unusable."""
        if text.count(self.find) != 1:
            raise Unusable(f"{self.rule}: {self.find!r} stands {text.count(self.find)} times in {self.file}, not once")
        return text.replace(self.find, self.replace)


def table() -> list[Mutant]:
    entries = tomllib.loads(TABLE.read_text(encoding="utf-8"))["mutant"]
    return [Mutant(**{**entry, "tests": tuple(entry["tests"])}) for entry in entries]


@contextmanager
def copies(count: int) -> Iterator[list[Path]]:
    """So many copies of what git tracks, without its history."""
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    with TemporaryDirectory() as folder:
        roots = [Path(folder, str(n)) for n in range(count)]
        for root in roots:
            for name in filter(None, tracked.split("\0")):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name)
        yield roots


def run(root: Path, tests: Sequence[str]) -> tuple[int, str]:
    """Exit code and last lines of pytest in a copy; tests that hang count as failed."""
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-n", "0", *tests]
    try:
        done = subprocess.run(
            command, cwd=root, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return _FAILED, "the tests did not end"
    return done.returncode, (done.stdout + done.stderr)[-2_000:]


def killed(root: Path, mutant: Mutant) -> bool:
    """Whether a test fails with the rule broken. Raises Unusable when pytest cannot tell."""
    file = root / mutant.file
    original = file.read_text(encoding="utf-8")
    file.write_text(mutant.applied(original), encoding="utf-8")
    try:
        code, said = run(root, mutant.tests)
    finally:
        file.write_text(original, encoding="utf-8")
    if code not in (_PASSED, _FAILED):
        raise Unusable(f"{mutant.rule}: pytest ended with {code}\n{said}")
    return code == _FAILED


def require_green(root: Path, mutants: Sequence[Mutant]) -> None:
    """Raises Unusable when the tests fail without any change."""
    code, said = run(root, list(dict.fromkeys(test for mutant in mutants for test in mutant.tests)))
    if code != _PASSED:
        raise Unusable(f"the tests fail without any change\n{said}")


def survivors(mutants: Sequence[Mutant], at_once: int) -> list[str]:
    """The rules whose break no test saw, in the order of the table."""
    free: SimpleQueue[Path] = SimpleQueue()

    def survives(mutant: Mutant) -> bool:
        root = free.get()
        try:
            seen = killed(root, mutant)
        finally:
            free.put(root)
        print(f"{'killed  ' if seen else 'SURVIVED'}  {mutant.rule}", file=sys.stderr, flush=True)  # noqa: T201
        return not seen

    with copies(at_once) as roots, ThreadPoolExecutor(at_once) as pool:
        for root in roots:
            free.put(root)
        require_green(roots[0], mutants)
        return [m.rule for m, alive in zip(mutants, pool.map(survives, mutants), strict=True) if alive]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object at the end")
    parser.add_argument("--only", default="", help="mutants whose rule or file has this text")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    mutants = [m for m in table() if given.only in m.rule or given.only in m.file]
    try:
        alive = survivors(mutants, given.at_once)
    except Unusable as error:
        sys.exit(str(error))
    counts = {"mutants": len(mutants), "killed": len(mutants) - len(alive), "survived": alive}
    print(json.dumps(counts) if given.json else f"{counts['killed']} of {len(mutants)} killed")  # noqa: T201
    sys.exit(1 if alive else 0)


if __name__ == "__main__":
    main()
