"""Outliers: their groups, their direction, the headline and the picture's marks."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import outliers, scope
from bot.columns import ScopedColumn
from bot.model import Mode, Outlier, Relation
from bot.wording import tables
from tests.unit.samples import DAY, RULES


def scoped(*names: str) -> scope.Scope:
    made = tuple(
        ScopedColumn(
            index=i,
            name=name,
            type="DATE" if not i else "NUMBER(38,2)",
            key=not i,
            clock=False,
            allowed=True,
            tolerance=None,
            as_text=False,
            as_json=False,
        )
        for i, name in enumerate(("DATE", *names))
    )
    side = Relation("D", "S", "T")
    return scope.Scope(
        mode=Mode.FULL_REFRESH,
        baseline=side,
        candidate=side,
        columns=made,
        keys=made[:1],
        date=made[0],
        since=None,
        named=(),
        metric_names=(),
        unique=True,
    )


def moved(i: int, offset: int, direction: str = "up", n: int = 1, worst: float | None = 0.5) -> dict[str, object]:
    day = DAY + timedelta(days=offset)
    return {"i": i, "direction": direction, "day": day, "reported": n, "to_explain": n, "worst": worst}


def row(i: int, offset: int, before: str | None, after: str | None, share: float | None) -> dict[str, object]:
    day = DAY + timedelta(days=offset)
    return {"k0": day.isoformat(), "day": day, "i": i, "before_text": before, "after_text": after, "share": share}


def test_groups_hold_contiguous_days_of_one_metric_and_direction() -> None:
    days = [moved(1, 0), moved(1, 1), moved(1, 3), moved(1, 2, "down"), moved(2, 0, worst=None)]
    rows = [row(1, 0, "1", "2", 1.0), row(1, 1, "1", "3", 2.0), row(2, 0, None, "5", None)]
    made = outliers.groups(scoped("A", "B"), days, outliers.outliers(scoped("A", "B"), rows), RULES)
    told = [(g.metric, g.direction, g.first and g.first.day, g.last and g.last.day, g.count) for g in made]
    assert told[0] == ("B", "up", 8, 8, 1)  # appeared: first
    assert sorted(told[1:]) == [("A", "down", 10, 10, 1), ("A", "up", 8, 9, 2), ("A", "up", 11, 11, 1)]
    assert next(g for g in made if g.count == 2).worst[0].after == Decimal(3)


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 200), st.sampled_from(["up", "down"])), max_size=150, unique=True
    )
)
def test_at_most_twenty_groups_and_no_value_is_lost(found: list[tuple[int, int, str]]) -> None:
    days = [moved(*at) for at in found]
    made = outliers.groups(scoped(*(f"M{i}" for i in range(30))), days, (), RULES)
    assert len(made) <= outliers.MOST_GROUPS
    assert sum(g.count for g in made) == len(days)
    assert len({g.id for g in made}) == len(made)


def test_a_groups_id_is_the_hash_of_its_contents() -> None:
    where = scoped("A")

    def ident(after: str, share: float) -> str:
        rows = outliers.outliers(where, [row(1, 0, "1", after, share)])
        return outliers.groups(where, [moved(1, 0, worst=share)], rows, RULES)[0].id

    assert ident("2", 1.0) == ident("2", 1.0)
    assert ident("2", 1.0) != ident("3", 2.0)


def test_nothing_counts_as_appeared_or_vanished() -> None:
    found = outliers.outliers(
        scoped("A"),
        [
            row(1, i, b, a, s)
            for i, (b, a, s) in enumerate(
                [("0", "5", None), (None, "5", None), ("5", "0", None), ("5", None, None), ("5", "4", -0.2)]
            )
        ],
    )
    assert sorted(map(outliers.direction, found)) == ["appeared", "appeared", "down", "vanished", "vanished"]
    assert all(outliers.needs_word(o, RULES) for o in found)
    small = Outlier(key=(), day=DAY, metric="A", before=Decimal(100), after=Decimal(104), change=0.04)
    assert not outliers.needs_word(small, RULES)


@pytest.mark.parametrize(
    ("before", "after", "way"),
    [
        ("5", "inf", "up"),
        ("5", "NaN", "up"),
        ("5", "-inf", "down"),
        ("inf", "4", "down"),
        ("NaN", "6", "down"),
        ("-inf", "NaN", "up"),
        ("1e-170", "1e170", "up"),
        ("NaN", "0", "vanished"),
        (None, "inf", "appeared"),
    ],
)
def test_nan_and_infinity_go_the_way_the_warehouse_says(before: str | None, after: str, way: str) -> None:
    """NaN is greater than every number there. None of them has a share, and none vanished but to nothing."""
    found = outliers.outliers(scoped("A"), [row(1, 0, before, after, None)])
    assert outliers.direction(found[0]) == way
    groups = outliers.groups(scoped("A"), [moved(1, 0, way, worst=None)], found, RULES)
    assert groups[0].worst == found
    assert tables.moves(found)[1][0][-1] == (way if way in ("appeared", "vanished") else "not finite")


def around(baseline: list[str], candidate: list[str]) -> outliers.Around:
    days = tuple(DAY + timedelta(days=i - 1) for i in range(len(baseline)))
    sides = [{("A", d): Decimal(v) for d, v in zip(days, side, strict=True)} for side in (baseline, candidate)]
    return outliers.Around(days=days, baseline=sides[0], candidate=sides[1])


def test_the_headline_shows_the_named_day_with_its_neighbours() -> None:
    metrics = scoped("A").metrics
    line = outliers.headline(metrics, (DAY,), (), around(["10", "9999", "12"], ["10", "11", "12"]))
    assert line is not None
    assert (line.before, line.after, line.day_before, line.day_after) == tuple(map(Decimal, (9999, 11, 10, 12)))
    same = outliers.headline(metrics, (DAY,), (), around(["10", "9999", "12"], ["10", "9999", "12"]))
    assert same is not None
    assert same.before == same.after == 9999
    assert outliers.headline(metrics, (), (), around([], [])) is None


def test_the_headline_bears_numbers_of_any_size() -> None:
    for value in ("1e-170", "1e170"):
        seen = around(["1e170", value, "1e-170"], ["1e170", value, "1e-170"])
        assert outliers.headline(scoped("A").metrics, (DAY,), (), seen)
    seen = around(["1e-170", "1e-170", "1e-170"], ["1e-170", "1e170", "1e-170"])
    assert outliers.headline(scoped("A").metrics, (DAY,), (), seen)


def test_a_named_day_that_the_table_does_not_reach_leaves_the_headline_to_the_largest_change() -> None:
    side = {"first_day": DAY - timedelta(days=1), "last_day": DAY + timedelta(days=1)}
    sides, early = {"baseline": side, "candidate": side}, date(1999, 1, 1)
    moved = (Outlier(key=(), day=DAY, metric="A", before=Decimal(9999), after=Decimal(11), change=-1.0),)
    assert outliers.focus((early,), moved, sides) == outliers.focus((DAY,), moved, sides)
    line = outliers.headline(scoped("A").metrics, (early,), moved, around(["10", "9999", "12"], ["10", "11", "12"]))
    assert line is not None
    assert (line.day, line.before, line.after) == (DAY, 9999, 11)


def test_the_picture_marks_what_differs_beyond_float_noise() -> None:
    drawn = outliers.series("A", around(["1", "2", "3"], ["1.0000000000001", "2.5", "3"]))
    assert drawn.changed == (DAY,)
    assert len(drawn.days) == 3
