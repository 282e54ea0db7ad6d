"""Spot checks on a warehouse: what the source says, by another table or by the one that the model reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.model import Origin, Request, Verdict
from tests.contract.benches import BACKFILL, RULES, Bench, fix
from tests.contract.comparisons import found

pytestmark = pytest.mark.xdist_group("bench")  # they share one small Snowflake

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
SPOT = "SELECT DAY AS DATE, V AS VOLUME FROM SHOP.PROD.{} WHERE DAY IN ('2026-04-08'); -- 100% of it"


@pytest.mark.parametrize(
    ("sql", "value", "verdict", "same"),
    [
        (SPOT.format("SOURCE"), 5.25, PASS, True),
        (SPOT.format("OTHER"), 5.25, PASS, False),
        (SPOT.format("OTHER"), 5.26, FAIL, False),
        (SPOT.format("OTHER").replace("V AS", "(V + 1e-10)::FLOAT AS"), 5.25, PASS, False),  # floats are noisy
        (SPOT.format("OTHER").replace("V AS", "V::NUMBER(38,8) AS"), 5.25, PASS, False),
        (SPOT.format("OTHER").replace("04-08", "04-09"), 5.25, UNKNOWN, False),
    ],
)
def test_spot_checks(bench: Bench, sql: str, value: float, verdict: Verdict, same: bool) -> None:
    rules = replace(RULES, spot_check=("spot",))
    report = bench.compare(BACKFILL, fix(value), rules=rules, spots={"spot": sql.replace("; --", " --")})
    spot = found(report, "spot check:spot")
    assert (spot.verdict, spot.numbers["same_table"]) == (verdict, same)
    assert spot.waivable is spot.blocks is (verdict is not PASS)


@pytest.mark.parametrize(
    ("change", "differ", "not_found"),
    [
        ("UPDATE {c} SET VOLUME = VOLUME + 1 WHERE POOL = 1999", 1, 0),
        ("DELETE FROM {c} WHERE POOL = 1999", 0, 1),
        ("UPDATE {c} SET VOLUME = VOLUME + 1 WHERE POOL >= 1500", 500, 0),
    ],
)
def test_a_spot_check_counts_every_key_of_the_source(bench: Bench, change: str, differ: int, not_found: int) -> None:
    """The wrong key is the last of 1,000, and one page holds 200."""
    many = "SELECT '2026-04-08'::DATE AS DATE, 1000 + n AS POOL, n::NUMBER(38,0) AS V FROM ("
    many += "SELECT ROW_NUMBER() OVER (ORDER BY SEQ4()) - 1 AS n FROM TABLE(GENERATOR(ROWCOUNT => 1000))) pools"
    spot = f"SELECT DATE, POOL, V AS VOLUME FROM ({many}) source"
    rules = replace(RULES, grain=Origin(columns=("date", "pool"), source="unique_key"), spot_check=("spot",))
    same = found(bench.compare(BACKFILL, base=spot, rules=rules, spots={"spot": spot}), "spot check:spot")
    assert (same.verdict, same.numbers["rows"], same.numbers["unseen"]) == (PASS, 1000, [])
    off = found(bench.compare(BACKFILL, change, base=spot, rules=rules, spots={"spot": spot}), "spot check:spot")
    assert (off.verdict, off.numbers["rows"]) == (FAIL, 1000)
    assert (off.numbers["differ"], off.numbers["not_found"]) == (differ, not_found)
    assert str(off.examples[0]["key"]).startswith("2026-04-08, 1999" if differ < 500 else "2026-04-08, 15")


@pytest.mark.parametrize(("kind", "last"), [("FLOAT", "'inf'"), ("NUMBER(38,2)", "7")])
def test_nan_and_infinity_differ_from_every_number_and_not_from_themselves(bench: Bench, kind: str, last: str) -> None:
    said = {"04-01": ("5", "'NaN'"), "04-02": ("5", "'inf'"), "04-03": (last, "5")}
    if kind == "FLOAT":
        said |= {"04-04": ("'NaN'", "'NaN'"), "04-05": ("'-inf'", "'-inf'"), "04-06": ("'inf'", "'-inf'")}
    spot = " UNION ALL ".join(f"SELECT '2026-{d}'::DATE AS DATE, {v[0]}::{kind} AS PRICE" for d, v in said.items())
    held = [fix(f"{v[1]}::FLOAT", f"2026-{d}", "PRICE") for d, v in said.items()]
    rules = replace(RULES, spot_check=("spot",))
    spot_found = found(bench.compare(Request(model="m"), *held, rules=rules, spots={"spot": spot}), "spot check:spot")
    assert (spot_found.verdict, spot_found.numbers["differ"]) == (FAIL, 4 if kind == "FLOAT" else 3)


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("", "not compiled"),
        ("SELECT DATE, VOLUME FROM SHOP.PROD.M", "reads the model itself"),
        ("SELECT DATE, VOLUME FROM DEV.BOT.SOMETHING", "reads dev"),
        ("SELECT V AS VOLUME FROM SHOP.PROD.OTHER", "no key"),
        ("SELECT DAY AS DATE FROM SHOP.PROD.OTHER", "no metric"),
        ("SELECT DAY AS DATE, V AS VOLUME FROM SHOP.PROD.NOT_THERE", "Snowflake refused it (2003)"),
    ],
)
def test_spot_checks_that_prove_nothing_are_unknown(bench: Bench, sql: str, reason: str) -> None:
    rules = replace(RULES, spot_check=("spot",))
    spot = found(bench.compare(BACKFILL, rules=rules, spots={"spot": sql} if sql else {}), "spot check:spot")
    assert (spot.verdict, spot.numbers["reason"], spot.waivable) == (UNKNOWN, reason, True)


def test_without_a_spot_check_somebody_has_to_look_unless_the_policy_says_otherwise(bench: Bench) -> None:
    assert found(bench.compare(BACKFILL), "spot check").blocks
    settings = bench.world.settings
    optional = settings.model_copy(update={"policy": settings.policy.model_copy(update={"spot_check": "optional"})})
    assert not found(bench.compare(BACKFILL, settings=optional), "spot check").blocks
