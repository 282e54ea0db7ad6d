"""Rows of production that have no row in dev with their key: how many, and what is known of their values; pure.

A value that was not paired was not seen. Another key that pairs more rows, or sums by day, show what may have happened to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.checks import Counts, Row, count
from bot.columns import ScopedColumn
from bot.scope import Scope

SHOWN = 10  # values, or sums, that moved
_ENDS = ("before_text", "after_text")


def missing(counts: Counts) -> int:
    """Rows of production that a join did not pair."""
    return count(counts, "history_missing") + count(counts, "window_missing")


def numbers(counts: Counts, production: Row) -> dict[str, object]:
    """What every finding that rests on pairs has to say; empty where each row of production was paired."""
    gone = count(counts, "unpaired")
    return {"unpaired": gone, "production": count(production, "row_count")} if gone else {}


@dataclass(frozen=True, kw_only=True)
class ByKey:
    """The join by another key, which pairs more rows. `first`: the key that was declared, whose columns are not judged."""

    scope: Scope
    first: tuple[str, ...]
    counts: Counts
    rows: tuple[Row, ...]

    @property
    def about(self) -> dict[str, object]:
        """Which key, and how many rows of production stay unpaired by it too."""
        return {"other_key": [k.name for k in self.scope.keys], "other_unpaired": missing(self.counts)}

    @property
    def changed(self) -> dict[str, object]:
        """Values that it shows to have changed, by column."""
        return self.about | {"other_changed": self._counted("w")}

    @property
    def emptied(self) -> dict[str, object]:
        """Values that it shows to have turned NULL, by column."""
        return self.about | {"other_lost": self._counted("z")}

    @property
    def examples(self) -> list[dict[str, object]]:
        """The values that moved most by it."""
        names = {c.index: c.name for c in self.scope.columns}
        found = [row for row in self.rows if row["part"] == "outlier"][:SHOWN]
        return [
            {
                "key": ", ".join(str(row[f"k{i}"]) for i in range(len(self.scope.keys))),
                "metric": names[int(row["i"])],
                "before": row["before_text"],
                "after": row["after_text"],
            }
            for row in found
        ]

    def _counted(self, kind: str) -> list[str]:
        found = {c.name: count(self.counts, f"{kind}{c.index}") for c in self._judged}
        return [f"{name}: {n:,}" for name, n in found.items() if n]

    @property
    def _judged(self) -> Sequence[ScopedColumn]:
        return [c for c in self.scope.judged if c.allowed and c.name not in self.first]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """Both sides in sum and by day, where nothing pairs their rows: what `checks/sums` returned."""

    metrics: Sequence[ScopedColumn]
    columns: Sequence[ScopedColumn]
    rows: tuple[Row, ...]

    @property
    def changed(self) -> dict[str, object]:
        """Numbers whose sum is another one, and on how many days."""
        days = {row["day"] for row in self.rows if row["part"] == "day"}
        return {"sums_moved": [str(e["metric"]) for e in self._totals()], "days_moved": len(days)}

    @property
    def examples(self) -> list[dict[str, object]]:
        """The sums that moved, of all rows and then of days."""
        names = {m.index: m.name for m in self.metrics}
        days = [
            {
                "day": row["day"],
                "metric": names[int(row["i"])],
                "before": row["before_text"],
                "after": row["after_text"],
            }
            for row in self.rows
            if row["part"] == "day"
        ]
        return [*self._totals(), *days[:SHOWN]]

    @property
    def emptied(self) -> dict[str, object]:
        """How many NULLs each column holds before and after, where that is not the same number."""
        return {"nulls": [f"{c.name}: {before} to {after}" for c, before, after in self._in_all("nulls", self.columns)]}

    def _totals(self) -> list[dict[str, object]]:
        found = self._in_all("sums", self.metrics)
        return [{"day": "in all", "metric": m.name, "before": before, "after": after} for m, before, after in found]

    def _in_all(self, part: str, columns: Sequence[ScopedColumn]) -> list[tuple[ScopedColumn, str, str]]:
        row: Mapping[str, Any] = next(row for row in self.rows if row["part"] == part)
        ends = [str(row[end]).split(",") if columns else [] for end in _ENDS]
        return [(c, before, after) for c, before, after in zip(columns, *ends, strict=True) if before != after]


Otherwise = ByKey | Sums
