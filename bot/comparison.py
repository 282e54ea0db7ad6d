"""Candidate against baseline: which statements are sent, in what order, and the report they add up to.

Everything is computed in the warehouse; what comes back are counts, and a bounded number of rows to look at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from bot import checks, outliers, report, scope, spot
from bot.model import ColumnChange, Finding, Headline, Mode, Outlier, OutlierGroup, Refresh, Report, Series, Side
from bot.outliers import Row
from bot.scope import ScopedColumn
from bot.session import Session
from bot.settings import Settings
from bot.wording import findings as wording

Progress = Callable[[str, float | None], None]
Sides = dict[str, Row]

_MOST_ROWS = 1000  # outliers that leave the warehouse, for the table and the file
_LONGEST_TEXT = 200
_FAR = 100.0  # times what is usual
_QUANTILE = 0.999
_STEPS = ("columns", "rows", "grain", "parity", "sanity", "spot check", "outliers", "picture")


def compare(
    session: Session,
    refresh: Refresh,
    settings: Settings,
    progress: Progress,
    safety: Sequence[Finding] = (),
) -> Report:
    """Every check of the plan's rules on the frozen pair; `safety` findings join the report as they are.

    Needs `plan`, `baseline`, `build` and `candidate`. Raises SqlError or Unreachable, and whatever `progress` raises.
    """
    found = _Comparison(session, refresh, settings, progress).run(tuple(safety))
    return report.withheld(found) if settings.slack.post_rows == "counts" else found


class _Comparison:
    """One run: each check asks its statements and adds its finding, with the query ids behind it."""

    def __init__(self, session: Session, refresh: Refresh, settings: Settings, progress: Progress) -> None:
        if not (refresh.plan and refresh.build and refresh.baseline and refresh.candidate):
            raise ValueError(f"{refresh.ref} has nothing frozen to compare")
        self._session = session
        self._settings = settings
        self._progress = progress
        self._request = refresh.request
        self._plan = refresh.plan
        self._build = refresh.build
        self._rules = refresh.plan.rules
        self._findings: list[Finding] = []
        self._first = self._attributed = len(session.query_ids)
        self._started = time.monotonic()
        self._step("columns")
        self._before = session.columns(refresh.baseline.relation)
        self._after = session.columns(refresh.candidate.relation)
        self._scope = scope.build(refresh, self._before, self._after)

    def run(self, safety: tuple[Finding, ...]) -> Report:
        self._add(checks.schema(self._request.mode, self._request.columns, self._before, self._after))
        sides = self._rows_and_dates()
        self._grain(sides)
        counts = self._parity(sides)
        self._sanity(sides)
        self._spot_checks()
        self._add(checks.dbt_tests(self._build))
        found, groups = self._outliers(counts)
        headline, series = self._picture(found)
        base, cand = _side(sides["baseline"]), _side(sides["candidate"])
        window = checks.count(sides["candidate"], "window_rows")
        return report.assemble(
            findings=(*self._findings, *safety),
            baseline=base,
            candidate=cand,
            window_rows=window,
            history_rows=cand.rows - window,
            changes=self._changes(counts),
            columns_compared=len(self._scope.columns),
            outliers=found,
            groups=groups,
            headline=headline,
            series=series,
            nothing_changes=self._nothing_changes(counts, base, cand),
            seconds=round(time.monotonic() - self._started, 1),
            statements=len(self._session.query_ids) - self._first,
        )

    # Each check

    def _rows_and_dates(self) -> Sides:
        self._step("rows")
        return self._sides("checks/sides")

    def _grain(self, sides: Sides) -> None:
        self._step("grain")
        keys: Sides = {}
        examples: list[dict[str, object]] = []
        if self._scope.keys:
            keys = self._sides("checks/grain")
            problems = [
                row for row in keys.values() if any(checks.count(row, n) for n in ("null_rows", "duplicate_keys"))
            ]
            if problems:
                examples = [
                    self._keyed(row, self._scope.keys, rows=row["n"]) for row in self._ask("checks/grain_examples")
                ]
            self._scope = replace(self._scope, unique=not problems)
        self._add(checks.grain(self._scope, self._rules, keys, sides, examples))

    def _parity(self, sides: Sides) -> dict[str, int]:
        self._step("parity")
        if self._scope.unique:
            row = self._ask("checks/pairs")[0]
            counts = {name: int(value or 0) for name, value in row.items()}
        else:
            counts = checks.multiset_counts(self._scope, self._ask("checks/multiset", zones=self._scope.zones))
        judge = checks.parity_backfill if self._request.mode is Mode.BACKFILL else checks.parity_full
        found = judge(self._scope, self._rules, sides, counts)
        if found.blocks and self._scope.unique:
            found = replace(found, examples=self._broken_pairs(counts))
        self._add(found)
        return counts

    def _broken_pairs(self, counts: dict[str, int]) -> tuple[dict[str, object], ...]:
        columns = [c for c in self._scope.values if counts[f"h{c.index}"] or (counts[f"w{c.index}"] and not c.allowed)]
        names = {str(c.index): c.name for c in columns}
        return tuple(
            self._keyed(
                row,
                self._scope.keys,
                what="differs" if row["what"] in names else row["what"],
                column=names.get(row["what"], ""),
                before=_short(row["before_text"]),
                after=_short(row["after_text"]),
            )
            for row in self._ask("checks/pair_examples", columns=columns)
        )

    def _sanity(self, sides: Sides) -> None:
        self._step("sanity")
        limited = [c for c in self._scope.values if c.numeric and checks.limits_of(self._rules, c.name)]
        unknown = [name for name in self._rules.sanity if self._scope.column(name) not in limited]
        ends = {(c, end): checks.limits_of(self._rules, c.name).get(end) for c in limited for end in ("min", "max")}
        if limited:
            binds = {f"{end}_{c.index}": limit for (c, end), limit in ends.items()}
            self._add(
                checks.limits(limited, self._rules, self._sides("checks/limits", binds, limited=limited), unknown)
            )
        elif unknown:
            self._add(checks.limits((), self._rules, {"baseline": {}, "candidate": {}}, unknown))
        others = [c for c in self._scope.metrics if c not in limited]
        if others:
            rows = checks.count(sides["baseline"], "row_count")
            quantile = min(
                _QUANTILE, 1 - 2 / max(rows, 4)
            )  # in a small table one bad value must not be its own measure
            binds = {"usual": quantile, "times": _FAR}
            self._add(checks.usual(others, self._sides("checks/usual", binds, metrics=others), quantile, _FAR))

    def _spot_checks(self) -> None:
        self._step("spot check")
        optional = self._settings.policy.spot_check == "optional"
        if not self._rules.spot_check:
            self._add(checks.spot_missing("none configured", optional=optional))
        for name in self._rules.spot_check:
            self._add(spot.check(self._session, self._scope, self._plan, self._build, name))

    def _outliers(self, counts: dict[str, int]) -> tuple[tuple[Outlier, ...], tuple[OutlierGroup, ...]]:
        self._step("outliers")
        if not self._scope.pair_keys:
            self._add(outliers.unpaired())
            return (), ()
        moved = [m for m in self._scope.metrics if not self._scope.unique or counts[f"w{m.index}"]]
        days: list[Row] = []
        found: tuple[Outlier, ...] = ()
        if moved:
            binds = {name: getattr(self._rules, name) for name in ("report_over", "explain_over", "min_abs")}
            days = self._ask("checks/outlier_days", binds, metrics=moved)
            if days:
                rows = self._ask("checks/outlier_rows", binds | {"most": _MOST_ROWS}, metrics=moved)
                found = outliers.outliers(self._scope, rows)
        groups = outliers.groups(self._scope, days, found, self._rules)
        self._add(outliers.judged(self._scope, days, groups, self._rules))
        return found, groups

    def _picture(self, found: tuple[Outlier, ...]) -> tuple[Headline | None, Series | None]:
        self._step("picture")
        span = outliers.focus(self._scope.named, found)
        metrics = self._scope.metrics
        if span is None or self._scope.date is None or not metrics:
            return None, None
        rows = self._ask("checks/around", {"first": span[0], "last": span[1]}, metrics=metrics)
        seen = outliers.around(metrics, rows)
        headline = outliers.headline(metrics, self._scope.named, found, seen)
        return headline, outliers.series(headline.metric, seen) if headline else None

    def _changes(self, counts: dict[str, int]) -> tuple[ColumnChange, ...]:
        """Columns that changed anywhere, most rows first; clocks that were meant to move are left out."""
        moved = [
            ColumnChange(
                column=c.name,
                history=counts.get(f"h{c.index}", 0),
                window=counts.get(f"w{c.index}", 0),
                allowed=c.allowed,
            )
            for c in self._scope.judged
        ]
        return tuple(
            sorted((c for c in moved if c.history or c.window), key=lambda c: (-c.history - c.window, c.column))
        )

    def _nothing_changes(self, counts: dict[str, int], base: Side, cand: Side) -> bool:
        """Equal apart from clocks, or nothing moved on the dates that were named as wrong."""
        if [c.name for c in self._before] != [c.name for c in self._after]:
            return False
        parts = ("history_differ", "history_missing", "history_extra", "window_missing", "window_new", "window_changed")
        equal = base.rows == cand.rows and not any(counts.get(part, 0) for part in parts)
        return equal or (counts.get("named_rows", 0) > 0 and counts.get("named_changed", 0) == 0)

    # Asking

    def _step(self, name: str) -> None:
        self._progress(wording.comparing(name), _STEPS.index(name) / len(_STEPS))

    def _ask(self, sql_name: str, binds: Mapping[str, object] | None = None, **context: object) -> list[Row]:
        everything = self._scope.binds | dict(binds or {})
        return list(self._session.rows(sql_name, everything, scope=self._scope, **context))

    def _sides(self, sql_name: str, binds: Mapping[str, object] | None = None, **context: object) -> Sides:
        return {row["side"]: row for row in self._ask(sql_name, binds, **context)}

    def _add(self, found: Finding) -> None:
        """Attribute the statements since the last finding to this one."""
        self._findings.append(replace(found, query_ids=tuple(self._session.query_ids[self._attributed :])))
        self._attributed = len(self._session.query_ids)

    @staticmethod
    def _keyed(row: Row, keys: Sequence[ScopedColumn], **values: object) -> dict[str, object]:
        named: dict[str, object] = {key.name: row[f"k{i}"] for i, key in enumerate(keys)}
        return named | values


def _side(row: Row) -> Side:
    return Side(rows=checks.count(row, "row_count"), first=row["first_day"], last=row["last_day"])


def _short(text: str | None) -> str | None:
    """Documents can be long, and an example is for recognising."""
    return text if text is None or len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
