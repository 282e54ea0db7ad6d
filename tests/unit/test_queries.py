"""SQL files: every one has a header, renders only from what it is given, and quotes identifiers."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from bot import queries, reads
from bot.model import Kind, Relation
from tests.refreshes import PROD, table

AWKWARD = Relation("DB", 'Sch"ema', "100% x")
NAMES = sorted(p.relative_to(Path(str(files("sql")))).as_posix()[:-4] for p in Path(str(files("sql"))).rglob("*.sql"))
STATEMENTS = [name for name in NAMES if not name.startswith("setup/")]  # those are for a person to run


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_stands_alone_and_begins_by_saying_what_it_is_for(name: str) -> None:
    lines = files("sql").joinpath(*f"{name}.sql".split("/")).read_text().splitlines()
    assert lines[0].startswith("-- ")
    assert not [line for line in lines if ";" in line and not line.startswith("--")]


def test_the_header_is_not_sent() -> None:
    assert queries.render("inspect/identity").startswith("SELECT CURRENT_USER()")


def test_something_missing_is_an_error_not_an_empty_string() -> None:
    with pytest.raises(UndefinedError):
        queries.render("dev/rename", source=PROD)


def test_identifiers_are_quoted_and_percent_signs_survive_binding() -> None:
    sql = queries.render("inspect/content", relation=AWKWARD, columns=['a"b', "50%"])
    assert queries.plain(sql).endswith('FROM "DB"."Sch""ema"."100% x"')
    assert 'HASH_AGG("a""b", "50%%")' in sql
    assert (sql % {}).count("%%") == 0


@pytest.mark.parametrize(
    ("kind", "copies", "expected"),
    [
        (Kind.TRANSIENT, {}, 'CREATE TRANSIENT TABLE "A"."B"."C"\n  CLONE "ETHEREUM"."PROD_CORE"."EZ_METRICS"'),
        (
            Kind.PERMANENT,
            {"replace": True, "copy_grants": True, "copy_tags": True},
            'CREATE OR REPLACE TABLE "A"."B"."C"\n  CLONE "ETHEREUM"."PROD_CORE"."EZ_METRICS" COPY GRANTS COPY TAGS',
        ),
    ],
)
def test_clones(kind: Kind, copies: dict[str, bool], expected: str) -> None:
    assert queries.clone(PROD, Relation("A", "B", "C"), kind, **copies) == expected


def test_the_approved_list_follows_what_production_carries() -> None:
    from dataclasses import replace

    prod = replace(table(), tags=(), reclustering=True)
    backup, candidate = Relation("ETHEREUM", "BACKUPS", "B"), Relation("DEV", "S", "C")
    first, second, third = queries.promotion(prod, candidate, backup)
    assert first == queries.clone(PROD, backup, Kind.TRANSIENT)
    assert second.endswith('CLONE "DEV"."S"."C" COPY GRANTS')
    assert third == 'ALTER TABLE "ETHEREUM"."PROD_CORE"."EZ_METRICS" RESUME RECLUSTER'
    (undo,) = queries.promotion(replace(prod, tags=("A.B.C = d",), reclustering=False), backup, None)
    assert undo.endswith('CLONE "ETHEREUM"."BACKUPS"."B" COPY GRANTS COPY TAGS')
    assert queries.promotion(replace(prod, tags=None), candidate, None)[0].endswith("COPY TAGS")  # not visible


def test_which_relations_a_text_reads() -> None:
    sql = 'create view v as with x as (select * from "Odd".s.t) select * from x join other on true join s2.u on true'
    assert reads.relations(sql, "DB", "SC") == {
        Relation("Odd", "S", "T"),
        Relation("DB", "SC", "OTHER"),
        Relation("DB", "S2", "U"),
    }
    assert reads.relations("select from where (") is None
