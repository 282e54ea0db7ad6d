"""`ref` and `source` in YAML are read as dbt's own parser reads them, which cannot be used in a forked process."""

from __future__ import annotations

from typing import Any

import pytest
from dbt_extractor import ExtractionError, py_extract_from_source

from bot.dbt_references import references

REFERENCES = (
    "ref('a')",
    'ref ( "a" )',
    "ref('p', 'a')",
    "ref('a', v=2)",
    "ref('a', version='2')",
    "ref('p', 'a', v=1.5)",
    "ref('a', v=-1)",
    "source('s', 't')",
)
OTHERS = (
    "",
    "x",
    "this",
    "ref()",
    "ref(a)",
    "ref(1)",
    "ref('a', 'b', 'c')",
    "ref(name='a')",
    "ref('a', x=2)",
    "ref('a', version=1, v=2)",
    "ref('a', package='p')",
    "ref('a').x",
    "ref('a') ~ ref('b')",
    "ref('a') | upper",
    "builtins.ref('a')",
    "ref(*names)",
    "ref('a'",
    "source('s')",
    "source('a', 'b', 'c')",
    "source('s', name='t')",
    "config(a=1)",
)


@pytest.mark.parametrize("expression", REFERENCES)
def test_what_names_a_node_is_read_as_dbt_reads_it(expression: str):
    source = f"{{{{ {expression} }}}}"

    assert references(source) == py_extract_from_source(source)


@pytest.mark.parametrize("expression", OTHERS)
def test_all_else_is_refused_as_dbt_refuses_it(expression: str):
    def refused(read: Any) -> bool:
        try:
            read(f"{{{{ {expression} }}}}")
        except ExtractionError:
            return True
        return False

    assert refused(references) and refused(py_extract_from_source)
