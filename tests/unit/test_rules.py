"""Which settings a comparison gets, from `meta`, patterns and claims."""

from __future__ import annotations

from typing import Any

import pytest

from bot import planning
from bot.errors import Refusal
from bot.model import Column, Origin
from bot.settings import (
    ModelSection,
)
from tests.unit.projects import model, settings

COLUMNS = (
    Column(name="DATE", type="DATE"),
    Column(name="CHAIN", type="VARCHAR(100)"),
    Column(name="FEES", type="NUMBER(38,2)"),
    Column(name="MODIFIED_ON", type="TIMESTAMP_NTZ(9)"),
)


def test_meta_comes_before_patterns_and_patterns_before_claims():
    entry = model(
        meta={"sanity": {"fees": {"min": 0, "max": "1.0e12"}}, "outliers": {"top": 5}},
        grain_claims=(("unique_key", ("missing",)), ("uniqueness test", ("date", "chain"))),
    )
    section = ModelSection(
        match="e*", grain=("Date",), clock=("modified_on",), outliers={"top": 9, "explain_over": 0.2}
    )

    plain = planning.rules(entry, settings(), COLUMNS)
    matched = planning.rules(entry, settings(models=(section,)), COLUMNS)

    assert plain.grain == Origin(columns=("DATE", "CHAIN"), source="uniqueness test")
    assert plain.date_column == Origin(columns=("DATE",), source="uniqueness test")
    assert plain.sanity == {"FEES": {"min": 0.0, "max": 1e12}}, "YAML reads 1.0e12 as text"
    assert (plain.top, plain.explain_over) == (5, 0.05)
    assert matched.grain == Origin(columns=("DATE",), source="refresh.toml")
    assert matched.clock == ("MODIFIED_ON",)
    assert (matched.top, matched.explain_over) == (5, 0.2)


def test_who_approves_is_taken_from_the_yaml_apart_from_the_operators_own():
    """`policy` puts both together: what an operator writes for a model is never a model's own."""
    section = ModelSection(match="e*", approvers=("S0FIN",), quorum=3)
    silent = planning.rules(model(), settings(models=(section,)), COLUMNS)
    assert (silent.approvers, silent.quorum) == ((), None)
    own = planning.rules(model(meta={"approvers": "U0BOB", "quorum": "2"}), settings(models=(section,)), COLUMNS)
    assert (own.approvers, own.quorum) == (("U0BOB",), 2)


@pytest.mark.parametrize("quorum", ["two", 0, -1, 1.5, "1e400", "nan"])
def test_a_quorum_that_is_no_number_of_people_is_refused(quorum):
    with pytest.raises(Refusal):
        planning.rules(model(meta={"quorum": quorum}), settings(), COLUMNS)


def test_spot_checks_are_known_before_the_table_is():
    by_pattern = settings(models=(ModelSection(match="e*", spot_check=("a", "b")),))

    assert planning.spot_checks(model(meta={"spot_check": "one"}), by_pattern) == ("one",)
    assert planning.spot_checks(model(), by_pattern) == ("a", "b")


def test_without_a_claim_the_grain_is_not_guessed_here():
    rules = planning.rules(
        model(date_claims=(("cluster_by", "chain"), ("recency test", "modified_on"))), settings(), COLUMNS
    )

    assert rules.grain == Origin(columns=(), source="none")
    assert rules.date_column == Origin(columns=("MODIFIED_ON",), source="recency test")


@pytest.mark.parametrize(
    ("meta", "words"),
    [
        ({"grain": ["day"]}, "`grain` in the refresh settings of `ez` names `day`"),
        ({"sanity": {"fee": {"max": 1}}}, "names `fee`"),
        ({"sanity": {"fees": {"max": "a lot"}}}, "`sanity.fees.max` in the refresh settings of `ez` must be a number"),
        ({"sanity": ["fees"]}, "has the wrong shape"),
        ({"metrics": {"fees": 1}}, "has the wrong shape"),
    ],
)
def test_settings_that_mean_nothing_are_told(meta: dict[str, Any], words: str):
    with pytest.raises(Refusal, match=words):
        planning.rules(model(meta=meta), settings(), COLUMNS)
