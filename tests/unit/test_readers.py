"""Who reads a changed column, and who shares a source."""

from __future__ import annotations

from dataclasses import replace

from bot import planning
from bot.index import Index
from bot.model import Exposure, Relation
from tests.unit.projects import index_of, model


def chain(*links: tuple[str, str]) -> Index:
    """Models by edges, "parent", "child"."""
    names = list(dict.fromkeys(name for link in links for name in link))
    return index_of(
        *(
            model(
                unique_id=name,
                name=name,
                materialized="table",
                prod=Relation("ETHEREUM", "PROD", name.upper()),
                parents=tuple(p for p, c in links if c == name) or ("source.onchain.dune",),
                children=tuple(c for p, c in links if p == name),
            )
            for name in names
        )
    )


def test_who_reads_a_changed_column():
    index = chain(
        ("a", "yes"), ("a", "no"), ("a", "star"), ("yes", "far"), ("no", "safe"), ("star", "safe"), ("no", "dead")
    )
    sql = {
        "yes": "select fees from a",
        "no": "select date from a",
        "star": "select * from a",
        "far": "select renamed from yes",
        "safe": "select x from no",
        "dead": "select fees from no",
    }

    found = {r.name: (r.depth, r.uses_columns) for r in planning.readers(index, "a", ("FEES",), sql)}

    assert found == {
        "yes": (1, True),
        "no": (1, False),
        "star": (1, None),
        "far": (2, None),
        "safe": (2, None),
        "dead": (2, False),
    }
    assert {r.uses_columns for r in planning.readers(index, "a", (), sql)} == {None}


def test_exposures_of_the_model_and_of_what_may_use_the_change():
    on = {"own": ("a",), "below": ("yes", "no"), "unclear": ("star",), "unused": ("no",), "other": ("z",)}
    shown = tuple(Exposure(name=n, type="dashboard", owner="", reads=reads) for n, reads in on.items())
    index = replace(chain(("a", "yes"), ("a", "no"), ("a", "star")), exposures=shown)
    sql = {"yes": "select fees from a", "no": "select date from a", "star": "select * from a"}

    found = planning.exposures(index, "a", planning.readers(index, "a", ("FEES",), sql))

    assert [e.name for e in found] == ["own", "below", "unclear"]


def test_siblings_share_a_source_and_are_neither_above_nor_below():
    index = chain(("a", "b"), ("c", "d"))

    assert planning.siblings(index, "b") == ("c",)
    assert planning.siblings(index, "a") == ("c",)
