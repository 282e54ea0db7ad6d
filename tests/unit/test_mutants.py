"""The table of mutants fits the code: each break applies, parses, and names tests that exist."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from bench.mutants import ROOT, Mutant, table

MUTANTS = table()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.rule)
def test_each_break_applies_and_is_still_python(mutant: Mutant) -> None:
    before = (ROOT / mutant.file).read_text(encoding="utf-8")
    after = mutant.applied(before)
    assert after != before
    if mutant.file.endswith(".py"):
        assert ast.dump(ast.parse(after)) != ast.dump(ast.parse(before))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.rule)
def test_its_tests_exist(mutant: Mutant) -> None:
    files = [test.split("::")[0] for test in mutant.tests if test.startswith("tests/")]
    assert files
    assert [name for name in files if not (ROOT / name).is_file()] == []


def test_each_rule_is_named_once() -> None:
    assert [rule for rule, times in Counter(m.rule for m in MUTANTS).items() if times > 1] == []
    assert len(MUTANTS) >= 30
