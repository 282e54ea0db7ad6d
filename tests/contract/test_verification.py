"""What the look after the replacement proves, and what it does not: not visible is never passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from bot import checks
from bot.model import Content, Finding, Relation, State, Verdict
from bot.verification import silent, verify
from bot.wording.verification import verified as told
from tests.contract.warehouses import World, world
from tests.refreshes import in_state, view

ORDERS = Relation("SHOP", "PROD", "ORDERS")
WHOLE, SECRET, OLD, OUTSIDE = (
    Relation("SHOP", "PROD", "WHOLE"),
    Relation("SHOP", "PROD", "SECRET"),
    Relation("SHOP", "PROD", "OLD"),
    Relation("ELSEWHERE", "PUBLIC", "ORDERS_VIEW"),
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, object]]:
    with world(tmp_path_factory.mktemp("keys")) as made:
        made.nightly(
            "CREATE TRANSIENT TABLE SHOP.PROD.ORDERS (DAY DATE, AMOUNT NUMBER(38,2))",
            "CREATE VIEW SHOP.PROD.WHOLE AS SELECT DAY, AMOUNT FROM SHOP.PROD.ORDERS",
            "CREATE VIEW SHOP.PROD.SECRET AS SELECT DAY, AMOUNT FROM SHOP.PROD.ORDERS",
        )
        made.admin(
            "CREATE DATABASE ELSEWHERE",
            "CREATE VIEW ELSEWHERE.PUBLIC.ORDERS_VIEW AS SELECT DAY, AMOUNT FROM SHOP.PROD.ORDERS",
            "GRANT USAGE ON DATABASE ELSEWHERE TO ROLE TRANSFORMER",
            "GRANT USAGE ON SCHEMA ELSEWHERE.PUBLIC TO ROLE TRANSFORMER",
            "GRANT SELECT ON VIEW ELSEWHERE.PUBLIC.ORDERS_VIEW TO ROLE TRANSFORMER",
        )
        made.sandbox.show_as(str(SECRET), "SECURE")
        yield made, made.sandbox.save()


@pytest.fixture
def shop(running: tuple[World, object]) -> Iterator[World]:
    made, saved = running
    yield made
    made.sandbox.restore(saved)


@dataclass
class Promoted:
    """Production before and after something became of it: `between` is done where the statement would be."""

    views: Finding
    grants: Finding
    told: str


def promoted(shop: World, between: tuple[str, ...] = (), *, listed: bool = True) -> Promoted:
    refresh = replace(in_state(State.VERIFYING), prod=ORDERS)
    assert refresh.promotion and refresh.candidate and refresh.plan
    plan = replace(refresh.plan, readers=(view(OUTSIDE),))
    refresh = replace(refresh, plan=plan)
    with shop.warehouse.promoter("t") as session:
        if not listed:
            shop.sandbox.inject("SHOW VIEWS", "fail", code="003001", message="not for you")
        before = session.table(ORDERS)
        assert before is not None
        mute = silent(session, refresh, before)
        promotion = replace(refresh.promotion, before=before, silent=mute)
        shop.nightly(*between)
        findings = verify(session, refresh, promotion, refresh.candidate.content)
    named = {f.name.removeprefix("verification:"): f for f in findings}
    said = told(replace(promotion, findings=(named["views"],)))
    return Promoted(views=named["views"], grants=named["grants"], told=said)


def test_what_was_said_to_change_is_expected_and_what_cannot_be_seen_any_more_is_unknown(shop: World) -> None:
    tag: dict[str, object] = {
        "TAG_DATABASE": "A",
        "TAG_SCHEMA": "B",
        "TAG_NAME": "T",
        "TAG_VALUE": "x",
        "LEVEL": "TABLE",
    }
    refresh = replace(in_state(State.VERIFYING), prod=ORDERS)
    assert refresh.promotion and refresh.candidate and refresh.report
    said = checks.finding("safety", Verdict.WARN, {"added": ["A.B.T = x"]}, name="safety:tags")
    told_before = replace(refresh, report=replace(refresh.report, findings=(said,)))
    with shop.warehouse.promoter("t") as session:
        before = session.table(ORDERS)
        assert before is not None
        promotion = replace(refresh.promotion, before=before)
        shop.sandbox.record_show("TAG_REFERENCES", tag | {"entity": str(ORDERS)})
        shop.nightly("ALTER TABLE SHOP.PROD.ORDERS ADD PRIMARY KEY (DAY)")
        for given, verdict in ((told_before, Verdict.PASS), (refresh, Verdict.FAIL)):
            shop.sandbox.inject("SHOW GRANTS ON TABLE", "fail", code="003001", message="not any more")
            findings = verify(session, given, promotion, refresh.candidate.content)
            found = {f.name.removeprefix("verification:"): f.verdict for f in findings}
            assert (found["tags"], found["keys"], found["grants"]) == (verdict, Verdict.FAIL, Verdict.UNKNOWN)


@pytest.mark.parametrize(
    ("rows", "changed", "verdict"), [(0, 0, Verdict.PASS), (0, 1, Verdict.FAIL), (1, 0, Verdict.FAIL)]
)
def test_production_is_the_candidate_only_with_equal_rows_and_an_equal_hash(
    shop: World, rows: int, changed: int, verdict: Verdict
) -> None:
    refresh = replace(in_state(State.VERIFYING), prod=ORDERS)
    assert refresh.promotion and refresh.candidate
    expected = refresh.candidate.content
    found = Content(rows=expected.rows + rows, hash=expected.hash + changed)
    with shop.warehouse.promoter("t") as session:
        findings = verify(session, refresh, refresh.promotion, found)
    (content,) = [f for f in findings if f.name == "verification:content"]
    assert content.verdict is verdict


def test_views_that_could_not_be_listed_are_unknown(shop: World) -> None:
    found = promoted(shop, listed=False)
    assert (found.views.verdict, found.grants.verdict) == (Verdict.UNKNOWN, Verdict.PASS)
    assert found.told == "1 view on it still answers; views not visible to the promoter"  # the one that dbt knows


def test_every_view_that_is_known_is_read_hidden_ones_and_those_of_other_databases_too(shop: World) -> None:
    found = promoted(shop)
    assert (found.views.verdict, found.views.numbers["read"]) == (Verdict.PASS, 3)
    assert found.told == "3 views on it still answer"
    broken = promoted(shop, ("ALTER TABLE SHOP.PROD.ORDERS RENAME COLUMN AMOUNT TO VALUE",))
    assert broken.views.verdict is Verdict.FAIL
    assert broken.views.numbers["broken"] == list(map(str, (OUTSIDE, SECRET, WHOLE)))


def test_a_view_that_did_not_answer_before_is_no_damage_of_ours_and_not_passed_either(shop: World) -> None:
    shop.nightly(
        "CREATE TABLE SHOP.PROD.GONE (DAY DATE)",
        "CREATE VIEW SHOP.PROD.OLD AS SELECT o.DAY FROM SHOP.PROD.ORDERS o JOIN SHOP.PROD.GONE g ON o.DAY = g.DAY",
        "DROP TABLE SHOP.PROD.GONE",
    )
    shop.admin("REVOKE SELECT ON VIEW ELSEWHERE.PUBLIC.ORDERS_VIEW FROM ROLE TRANSFORMER")
    found = promoted(shop)
    assert (found.views.verdict, found.views.numbers["read"]) == (Verdict.UNKNOWN, 2)
    assert found.views.numbers["silent"] == [str(OUTSIDE), str(OLD)]
    assert found.told == (
        f"2 views on it still answer; not readable before either, so not checked: `{OUTSIDE}` and `{OLD}`"
    )
    mended = promoted(shop, ("CREATE TABLE SHOP.PROD.GONE (DAY DATE)",))
    assert mended.views.numbers["silent"] == [str(OUTSIDE)]


def test_a_view_that_its_owner_dropped_meanwhile_is_nobodys_damage(shop: World) -> None:
    found = promoted(shop, ("DROP VIEW SHOP.PROD.WHOLE",))
    assert (found.views.verdict, found.views.numbers["read"], found.views.numbers["broken"]) == (Verdict.PASS, 2, [])
