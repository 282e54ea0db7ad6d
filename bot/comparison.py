"""Candidate against baseline: which statements are sent, in what order, and the report they add up to.

Everything is computed in the warehouse; what comes back are counts, and a bounded number of rows to look at.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot import (
    checks,
    clocks,
    concentration,
    keys,
    left_behind,
    outliers,
    report,
    scope,
    spot,
    turned_null,
    unpaired,
    usual,
)
from bot.asking import Asking, Row, Sides
from bot.columns import ScopedColumn
from bot.days import day as as_day
from bot.inspection import column as as_column
from bot.known_failures import known
from bot.model import (
    Build,
    Column,
    Finding,
    Headline,
    Mode,
    Outlier,
    OutlierGroup,
    Plan,
    Refresh,
    Relation,
    Report,
    Request,
    Rules,
    Series,
)
from bot.session import Session
from bot.settings import Settings
from bot.unpaired import ByKey, Sums
from bot.wording import findings as wording

Progress = Callable[[str, float | None], None]
Counts = dict[str, int]

_MOST_ROWS = 1000  # outliers that leave the warehouse, for the table and the file
_JOINED = 400_000_000  # rows of both sides: beyond, a sample of keys is joined, and the report says so
_STEPS = ("columns", "rows", "grain", "parity", "sanity", "left behind", "spot check")


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What is compared, and by which rules. Without `plan` and `build`: two tables that nobody built just now."""

    baseline: Relation
    candidate: Relation
    request: Request
    rules: Rules
    plan: Plan | None = None
    build: Build | None = None
    where: str = ""
    spot_optional: bool = False


@dataclass(frozen=True, kw_only=True)
class Paired:
    """The rows of both sides as they were paired, and what is known of those that were not."""

    counts: Counts
    rows: list[Row]
    nulls: Finding
    unseen: dict[str, object]  # numbers of rows of production that were not paired; empty: all were
    other: unpaired.Otherwise | None = None


def compare(
    session: Session,
    refresh: Refresh,
    settings: Settings,
    progress: Progress,
    safety: Sequence[Finding] = (),
) -> Report:
    """Every check of the plan's rules on the frozen pair; `safety` findings join the report as they are.

    Needs `plan`, `baseline`, `build` and `candidate`. Raises SqlError, ReadFailed or Unreachable, and whatever `progress` raises.
    """
    if not (refresh.plan and refresh.build and refresh.baseline and refresh.candidate):
        raise ValueError(f"{refresh.ref} has nothing frozen to compare")
    pair = Pair(
        baseline=refresh.baseline.relation,
        candidate=refresh.candidate.relation,
        request=refresh.request,
        rules=refresh.plan.rules,
        plan=refresh.plan,
        build=refresh.build,
        spot_optional=settings.policy.spot_check == "optional",
    )
    found = Comparison(session, pair, progress).run(tuple(safety))
    quiet = settings.slack.post_rows == "counts" or report.protected(found)
    return report.withheld(found) if quiet else found


class Comparison:
    """One run: each check asks its statements and adds its finding, with the query ids behind it.

    `joined`: rows of both sides that are joined at most; beyond that a sample of keys is.
    """

    def __init__(self, session: Session, pair: Pair, progress: Progress, joined: int = _JOINED) -> None:
        self._session, self._asking = session, Asking(session)
        self._pair = pair
        self._progress = progress
        self._joined = joined
        self._request, self._rules = pair.request, pair.rules
        self._findings: list[Finding] = []
        self._first = self._attributed = len(session.query_ids)
        self._started = time.monotonic()
        self._step("columns")
        self.before, self.after = self._columns()
        sql = pair.build.compiled_sql if pair.build else ""
        self._scope = scope.build(
            scope.Filtered(pair.baseline, pair.where) if pair.where else pair.baseline,
            scope.Filtered(pair.candidate, pair.where) if pair.where else pair.candidate,
            (self.before, self.after),
            pair.request,
            pair.rules,
            clocks.written(sql or (pair.plan.compiled_sql if pair.plan else "")),
        )

    def run(self, safety: tuple[Finding, ...] = ()) -> Report:
        """The report. The order matters: clocks before hashes, hashes before keys, keys before the join."""
        self._add(checks.schema(self._request.mode, self._request.columns, self.before, self.after))
        self._step("rows")
        sides = self._key_found(self._glance())
        rows_in = self._keys(sides)
        paired = self._parity(sides, rows_in)
        counts = paired.counts
        found, groups = self._outliers(paired)
        headline, series = self._context(sides, rows_in, paired, found)
        self._judge_alone()
        base, cand = checks.side(sides["baseline"]), checks.side(sides["candidate"])
        return report.assemble(
            findings=(*self._findings, *safety),
            baseline=base,
            candidate=cand,
            changes=checks.changes(self._scope, counts),
            columns_compared=len(self._scope.columns),
            outliers=found,
            groups=groups,
            headline=headline,
            series=series,
            changed_from=self._scope.changed_from if self._same_columns() else None,
            nothing_changes=self._same_columns() and checks.nothing_changes(self._scope, counts, base, cand),
            seconds=round(time.monotonic() - self._started, 1),
            statements=len(self._session.query_ids) - self._first,
        )

    # What is there

    def _columns(self) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
        base, cand = self._pair.baseline, self._pair.candidate
        binds = {"schema_b": base.schema, "name_b": base.name, "schema_c": cand.schema, "name_c": cand.name}
        rows = self._session.rows("checks/columns", binds, baseline=base, candidate=cand)
        before, after = (tuple(as_column(r) for r in rows if r["side"] == s) for s in ("baseline", "candidate"))
        return before, after

    def _glance(self) -> Sides:
        context = {"limited": usual.limited(self._scope)}
        context["clocks"] = self._scope.undecided if self._pair.build else ()  # no build, no time of rebuilt rows
        sides: Sides = self._sides("checks/glance", usual.limit_binds(self._scope), **context)
        if odd := usual.strange(self._scope, sides):
            found = self._sides("checks/strange", floats=odd)
            sides = {side: {**row, **found[side]} for side, row in sides.items()}
        self._scope = scope.with_extremes(
            replace(self._scope, last_day=as_day(sides["baseline"]["last_day"])), sides.values()
        )
        if self._scope.clock_source == "none" and not self._rules.clock:
            build = self._pair.build
            ticking = clocks.ticking(self._scope, sides["candidate"], build.started, build.seconds) if build else ()
            if ticking:
                self._scope = scope.with_clocks(self._scope, ticking, "the data")
        return sides

    # The key and the proof

    def _key_found(self, sides: Sides) -> Sides:
        """Look for a key where none is declared; the glance once more where only that key tells the days."""
        if self._scope.keys or self._rules.grain.columns:
            return sides
        self._step("grain")
        found = keys.discovered(self._asking, self._scope, sides)
        self._scope = scope.with_date_of_key(found)
        return sides if self._scope == found else self._glance()

    def _keys(self, sides: Sides) -> int:
        """Prove what is equal, then look whether the key identifies rows. Rows of both sides left to join."""
        self._step("grain")
        proof = keys.proven(self._asking, self._scope, sides)
        self._scope = proof.scope
        examples = [self._keyed(row, self._scope.keys, rows=row["n"]) for row in proof.examples]
        self._add(checks.grain(self._scope, proof.counts, sides, examples))
        return proof.rows_in

    # Row by row

    def _parity(self, sides: Sides, rows_in: int) -> Paired:
        self._step("parity")
        if self._scope.unique:  # the same rows of both sides are only known by a key; without one nothing is joined
            self._scope = replace(self._scope, sample=max(1, -(-rows_in // self._joined)))
            found = self._by_key(sides, rows_in)
        else:
            found = self._as_multisets(sides, rows_in)
        judge = checks.parity_backfill if self._request.mode is Mode.BACKFILL else checks.parity_full
        broken = [self._broken(row) for row in found.rows if row["part"] == "example"]
        parity = judge(self._scope, sides, found.counts)
        told = parity.numbers | found.unseen | (found.other.about if isinstance(found.other, ByKey) else {})
        self._add(replace(parity, numbers=told, examples=tuple(broken) if parity.blocks else ()), "grain")
        if moved := checks.presumed_clocks(self._scope, found.counts):
            self._add(moved, "parity")
        self._add(self._as_waivable(found.nulls, found), "parity")
        return found

    def _as_waivable(self, finding: Finding, paired: Paired) -> Finding:
        """A backfill that loses keys is never promoted, so that no waiver of what rests on its pairs helps."""
        lost = bool(paired.unseen) and self._scope.unique and self._request.mode is Mode.BACKFILL
        return replace(finding, waivable=finding.waivable and not lost)

    def _by_key(self, sides: Sides, rows_in: int) -> Paired:
        counts, rows = self._pairs(self._scope, sides, rows_in)
        counts |= {"unpaired": unpaired.missing(counts), "named_rows": checks.count(sides["candidate"], "named_rows")}
        unseen = unpaired.numbers(counts, sides["baseline"])
        other = self._otherwise(sides, counts) if unseen else None
        nulls = turned_null.paired(self._scope, counts, unseen | (other.emptied if other else {}))
        return Paired(counts=counts, rows=rows, nulls=nulls, unseen=unseen, other=other)

    def _as_multisets(self, sides: Sides, rows_in: int) -> Paired:
        emptied = turned_null.columns(self._scope)
        multiset = self._ask("checks/multiset", zones=self._scope.zones, emptied=emptied) if rows_in else []
        counts = checks.multiset_counts(self._scope, multiset) | turned_null.stopped(self._scope, multiset)
        counts |= {"named_changed": 0, "named_rows": 0}  # which rows are the same ones is not known
        nulls = turned_null.unpaired(self._scope, multiset)
        unseen = unpaired.numbers(counts, sides["baseline"])
        return Paired(counts=counts, rows=self._moves() if rows_in else [], nulls=nulls, unseen=unseen)

    def _pairs(self, over: scope.Scope, sides: Sides, rows_in: int) -> tuple[Counts, list[Row]]:
        names = checks.counted(over)
        if not rows_in:  # every bucket is equal: nothing to join
            return dict.fromkeys(names, 0), []
        binds = self._moved_binds() | {"most": _MOST_ROWS, "largest": _MOST_ROWS // 2}
        where = concentration.columns(over, sides)
        rows = self._ask("checks/pairs", binds, over, metrics=over.metrics, where=where, counted=names)
        text = next(str(row["text"]) for row in rows if row["part"] == "counts")
        return dict(zip(names, map(int, text.split(",")), strict=True)), [_named(row) for row in rows]

    def _otherwise(self, sides: Sides, counts: Counts) -> unpaired.Otherwise | None:
        """Rows that the key does not pair, compared by another key that pairs more of them, else as sums.

        Nothing where all rows of the candidate are paired, or only a sample is: no value of them can hide there.
        """
        if self._scope.sample > 1 or not (counts["history_extra"] or counts["window_new"]):
            return None
        best: ByKey | None = None
        for about in keys.others(self._asking, self._scope, sides):
            total = sum(checks.count(row, "row_count") for row in sides.values())
            if total > self._joined:
                break
            found, rows = self._pairs(about, sides, total)
            if unpaired.missing(found) < unpaired.missing(best.counts if best else counts):
                first = tuple(k.name for k in self._scope.keys)
                best = ByKey(scope=about, first=first, counts=found, rows=tuple(rows))
            if best and not unpaired.missing(best.counts):
                break
        return best or self._sums()

    def _sums(self) -> Sums:
        metrics, emptied = self._scope.metrics, turned_null.columns(self._scope)
        rows = self._ask("checks/sums", {"most": _MOST_ROWS}, metrics=metrics, emptied=emptied)
        return Sums(metrics=metrics, columns=emptied, rows=tuple(rows))

    def _moves(self) -> list[Row]:
        """Without a usable key the values are paired by day, as sums."""
        metrics = self._scope.metrics
        if not (self._scope.pair_keys and metrics):
            return []
        binds = self._moved_binds()
        days = [{**row, "part": "days"} for row in self._ask("checks/outlier_days", binds, metrics=metrics)]
        if not days:
            return []
        rows = self._ask("checks/outlier_rows", binds | {"most": _MOST_ROWS}, metrics=metrics)
        return [*days, *({**row, "part": "outlier"} for row in rows)]

    def _moved_binds(self) -> dict[str, object]:
        return {name: getattr(self._rules, name) for name in ("report_over", "explain_over", "min_abs")}

    def _broken(self, row: Row) -> dict[str, object]:
        names = {c.index: c.name for c in self._scope.columns}
        return self._keyed(
            row,
            self._scope.keys,
            what=row["text"],
            column=names.get(int(row["i"]), ""),
            before=checks.short(row["before_text"]),
            after=checks.short(row["after_text"]),
        )

    def _outliers(self, paired: Paired) -> tuple[tuple[Outlier, ...], tuple[OutlierGroup, ...]]:
        unseen = paired.unseen | (paired.other.changed if paired.other else {})
        if not self._scope.pair_keys:
            self._add(outliers.unpaired(unseen), "parity")
            return (), ()
        found = outliers.outliers(self._scope, [r for r in paired.rows if r["part"] == "outlier"])
        days = [r for r in paired.rows if r["part"] == "days"]
        groups = outliers.groups(self._scope, days, found, self._rules)
        examples = paired.other.examples if paired.other else ()
        judged = outliers.judged(self._scope, days, groups, self._rules, unseen, examples)
        self._add(self._as_waivable(judged, paired), "parity")
        return found, groups

    # What surrounds it

    def _context(
        self, sides: Sides, rows_in: int, paired: Paired, found: tuple[Outlier, ...]
    ) -> tuple[Headline | None, Series | None]:
        """Sanity, concentration and the picture, in one statement."""
        self._step("sanity")
        counts, held = paired.counts, [row for row in paired.rows if row["part"] == "where"]
        measured = usual.measured(self._scope)
        changed = counts.get("window_changed", 0)
        where, spread = concentration.held(self._scope, held, counts), concentration.span(self._scope, counts)
        span = outliers.focus(self._scope.named, found, sides)
        shown = self._scope.metrics if span and self._scope.date else ()
        rows: list[Row] = []
        if measured or where or spread or shown:
            binds = usual.binds(sides) | spread | dict(zip(("first", "last"), span or (), strict=False))
            for column, values in where:
                binds |= {f"value_{column.index}_{j}": value for j, value in enumerate(values)}
            joined = self._scope.unique and self._scope.suspects is None
            known = self._scope.suspects if rows_in else None  # without differing buckets nothing has to be left out
            sampled = replace(self._scope, suspects=known, sample=usual.sample(self._scope, sides))
            asked = {"metrics": measured, "joined": joined, "where": where, "span": bool(spread), "shown": shown}
            rows = self._ask("checks/context", binds, sampled, **asked)
        self._sanity(sides, measured, rows, paired.unseen)
        if self._scope.unique and changed:
            places = concentration.places(self._scope, held, rows, counts)
            self._add(concentration.where(counts, places), "parity", "sanity:usual")
        if not shown:
            return None, None
        seen = outliers.around(shown, [row for row in rows if row["part"] == "day"])
        headline = outliers.headline(shown, self._scope.named, found, seen)
        return headline, outliers.series(headline.metric, seen) if headline else None

    def _sanity(
        self, sides: Sides, measured: Sequence[ScopedColumn], rows: Sequence[Row], unseen: dict[str, object]
    ) -> None:
        known = usual.references(measured, rows, sides["baseline"])
        odd = usual.suspicious(measured, sides, known)
        far = self._sides("checks/far", usual.far_binds(odd, known), metrics=odd) if odd else {}
        for judged in usual.findings(self._scope, sides, measured, known, far, unseen):
            self._add(judged, "grain", "sanity")

    # What only a build has

    def _judge_alone(self) -> None:
        plan, build = self._pair.plan, self._pair.build
        if plan is None or build is None:
            return
        if self._request.mode is Mode.BACKFILL and self._request.columns:
            self._step("left behind")
            sql = build.compiled_sql or plan.compiled_sql
            model = left_behind.Model(sql=sql, own=plan.dev, frozen=self._pair.baseline)
            self._add(left_behind.check(self._session, self._scope, model, {c.name: c for c in self.after}))
        self._step("spot check")
        if not self._rules.spot_check:
            self._add(checks.spot_missing("none configured", optional=self._pair.spot_optional))
        for name in self._rules.spot_check:
            self._add(spot.check(self._session, self._scope, plan, build, name))
        self._add(checks.dbt_tests(build, known(self._session, build, plan.dev, self._pair.baseline)))

    def _same_columns(self) -> bool:
        before, after = ([(c.name, c.type, c.nullable) for c in side] for side in (self.before, self.after))
        return before == after

    # Asking

    def _step(self, name: str) -> None:
        self._progress(wording.comparing(name), _STEPS.index(name) / len(_STEPS))

    def _ask(
        self,
        sql_name: str,
        binds: Mapping[str, object] | None = None,
        over: scope.Scope | None = None,
        **context: object,
    ) -> list[Row]:
        return self._asking.rows(sql_name, over or self._scope, binds, **context)

    def _sides(self, sql_name: str, binds: Mapping[str, object] | None = None, **context: Any) -> Sides:
        return self._asking.sides(sql_name, self._scope, binds, **context)

    def _add(self, found: Finding, *on: str) -> None:
        """With the statements since the last finding, after those of the findings that it rests `on` as well."""
        before = [query_id for f in self._findings if f.name in on for query_id in f.query_ids]
        ids = dict.fromkeys((*before, *self._session.query_ids[self._attributed :]))
        self._findings.append(replace(found, query_ids=tuple(ids)))
        self._attributed = len(self._session.query_ids)

    @staticmethod
    def _keyed(row: Row, keys: Sequence[ScopedColumn], **values: object) -> dict[str, object]:
        named: dict[str, object] = {key.name: row[f"k{i}"] for i, key in enumerate(keys)}
        return named | values


def _named(row: Row) -> Row:
    """A day of outliers under the names that the checks without a key use too."""
    named = {"reported": row["n"], "to_explain": row["m"], "worst": row["share"]} if row["part"] == "days" else {}
    return {**row, **named}
