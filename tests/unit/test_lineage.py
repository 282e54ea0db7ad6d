"""Edges that dbt does not know of are found, marked, and followed like the others."""

from __future__ import annotations

from datetime import UTC, datetime

from bot import events as e
from bot.blocks import posts_for, render_live
from bot.index import Entry, Index
from bot.lineage import by_name
from bot.machine import Topic
from bot.messages import Live
from bot.model import Relation, State
from bot.readers import readers
from tests.unit.samples import CONTEXT, NOW, plan, reader, refresh

FACT = Relation("QUARRY", "PROD", "FACT_FEES")
MODELS = {FACT: "model.q.fact_fees", Relation("QUARRY", "PROD", "Odd Name"): "model.q.odd"}
SOURCES = {"source.q.prod.fact_fees": FACT, "source.q.raw.events": Relation("RAW", "X", "EVENTS")}


def found(code: str, *parents: str) -> tuple[str, ...]:
    return by_name(code, parents, MODELS, SOURCES)


def test_a_literal_name_in_any_case_and_quoted_is_an_edge():
    assert found("select * from quarry.Prod.fact_fees as f") == ("model.q.fact_fees",)
    assert found('select * from quarry . "PROD"."Odd Name"') == ("model.q.odd",)


def test_what_is_not_read_is_no_edge():
    assert found("-- quarry.prod.fact_fees\nselect 'quarry.prod.fact_fees' /* quarry.prod.fact_fees */") == ()
    assert found("select {{ x('quarry.prod.fact_fees') }} {# quarry.prod.fact_fees #}") == ()
    assert found("select other.quarry.prod.fact_fees, prod.fact_fees") == ()


def test_a_source_that_is_a_models_table_is_an_edge_and_a_parent_is_not_one_twice():
    assert found("select 1", "source.q.prod.fact_fees") == ("model.q.fact_fees",)
    assert found("select 1", "source.q.raw.events") == ()
    assert found("select * from quarry.prod.fact_fees", "model.q.fact_fees") == ()


def test_readers_by_name_are_followed_and_marked():
    def entry(name: str, **more: object) -> Entry:
        given: dict[str, object] = {"unique_id": name, "name": name, "package": "q", "materialized": "table", **more}
        return Entry(**given)  # type: ignore[arg-type]

    entries = (
        entry("fact", children=("by_ref", "literal")),
        entry("by_ref", parents=("fact",)),
        entry("literal", by_name=("fact",), children=("below",)),
        entry("below", parents=("literal",)),
    )
    index = Index(
        code="",
        dirty=False,
        made_at=datetime.now(UTC),
        project="q",
        entries=entries,
        exposures=(),
        sources={},
        analyses={},
    )

    marked = {r.name: (r.depth, r.by_name) for r in readers(index, "fact", (), {})}

    assert marked == {"by_ref": (1, False), "literal": (1, True), "below": (2, False)}


def test_a_thousand_descendants_are_one_tidy_post_and_a_file_with_them_all():
    below = tuple(
        reader(f"model_{n:04d}_of_a_long_name", None, depth=n // 400 + 1, by_name=n % 4 == 3) for n in range(1266)
    )
    done = refresh(State.DONE, plan=plan(readers=below))

    post = render_live(Live.PROMOTED, done, CONTEXT)
    _, file = posts_for(Topic.PROMOTED, done, e.Started(at=NOW), CONTEXT)

    (row,) = [block for block in post.blocks if block["type"] == "actions"]
    assert {element["action_id"].partition(":")[0] for element in row["elements"]} >= {"undo", "downstream"}
    texts = [block["text"]["text"] for block in post.blocks if block["type"] == "section"]
    follow_up = next(text for text in texts if "Next, downstream" in text)
    assert "1,266 that need a refresh of their own" in follow_up
    assert len(follow_up) < 900
    assert "at the end of the file" in follow_up
    (attached,) = file.files
    _, *listed, blank, command = attached.content.decode().splitlines()
    assert blank == "" and command.startswith("dbt build --select ez_ethereum_metrics+ model_0003_of_a_long_name+ ")
    assert [line.split("\t")[1] for line in listed] == [r.name for r in below]
    assert sum("by name, not by ref" in line for line in listed) == 316
