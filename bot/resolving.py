"""From a request to a plan: names from dbt, facts from the warehouse, and every refusal on the way (design section 2.2).

Used by a refresh, which then builds, and by `plan <model>`, which changes nothing.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace

from bot import clocks, planning, policy
from bot.compiled import Compiled
from bot.dbt_build import DbtChild
from bot.errors import LookupFailed, RefreshError, Refusal
from bot.index import Entry, Index, Version
from bot.model import Mode, Plan, Relation, Request, Rules, Table
from bot.patience import Alive, ahead
from bot.services import Services
from bot.session import Session
from bot.wording import failures as say
from bot.wording import plan as planned
from bot.wording import refusals


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is asked for: one request on one model, in the dev relation of one person."""

    request: Request
    unique_id: str
    dev: Relation
    env_user: str  # fills {user} of [dbt.env]

    @classmethod
    def of(cls, entry: Entry, request: Request, user: str) -> Subject:
        """Raises Refusal for a model that is built nowhere."""
        dev = planning.dev_relation(entry, user)
        if dev is None:
            raise Refusal(refusals.nowhere(entry.name))
        return cls(request=request, unique_id=entry.unique_id, dev=dev, env_user=user)


@dataclass(frozen=True, kw_only=True)
class Resolved:
    entry: Entry
    plan: Plan
    compiled: Compiled


def entry_of(services: Services, unique_id: str) -> tuple[Entry, Index]:
    """The model as the newest index has it. Raises RefreshError when there is no index or no such model any more."""
    index = services.store.index()
    if index is None:
        raise RefreshError(say.no_index())
    entry = index.by_id.get(unique_id)
    if entry is None:
        raise RefreshError(say.gone_from_project(unique_id))
    return entry, index


def child_of(
    services: Services,
    subject: Subject,
    workdir_name: str,
    tag: str,
    cancelled: Callable[[], bool] = lambda: False,
    tell: Callable[[str], object] = lambda _text: None,
) -> DbtChild:
    """The dbt child of this request, with exactly its vars; not started yet. `cancelled` is asked while it works."""
    entry, index = entry_of(services, subject.unique_id)
    request, settings = subject.request, services.settings
    now = services.project.now
    return DbtChild(
        now.settings,
        unique_id=entry.unique_id,
        name=entry.name,
        vars=planning.variables(entry, request, settings),
        env_user=subject.env_user,
        state_dir=services.project.state_dir,
        workdir=services.workdir(workdir_name),
        warehouse=request.warehouse,
        full_refresh=request.mode is Mode.FULL_REFRESH,
        analyses=planning.spot_checks(entry, settings),
        production=planning.production_places(index),
        tag=tag,
        cancelled=cancelled,
        warm=now.warm,
        version=now.version,
        tell=tell,
    )


Look = Callable[[], Table | None]


def look_at_production(services: Services, subject: Subject, alive: Alive | None = None) -> Look:
    """Begin to look at the table as the promoter, who sees most, while the builder logs in and dbt reads the model.

    `alive` is called while a statement runs. What is returned waits for the table, and raises RefreshError.
    """
    entry, _ = entry_of(services, subject.unique_id)

    def look() -> Table | None:
        if entry.prod is None:
            return None
        with services.warehouse.promoter(f"dbt-refresh:{services.store.installation}:plan", alive=alive) as promoter:
            return promoter.table(entry.prod)

    return ahead(look)


def resolve(services: Services, subject: Subject, child: DbtChild, session: Session, production: Look) -> Resolved:
    """Plan one request. Raises Refusal with the way out, and RefreshError when dbt or Snowflake cannot answer."""
    entry, index, prod, rules = _looked(services, subject, session, production)
    request, settings = subject.request, services.settings
    backfill = request.mode is Mode.BACKFILL
    compiled = child.compile(incremental=backfill)
    bare = child.compile(without_vars=True, incremental=True).sql if backfill else None
    planning.refuse_compiled(entry, request, compiled, index, settings, bare_sql=bare)
    return Resolved(entry=entry, compiled=compiled, plan=_plan(services, subject, entry, index, prod, rules, compiled))


def outline(services: Services, subject: Subject, session: Session, production: Look) -> Plan:
    """What index and warehouse tell of a request while dbt is not ready to say what it would run. Raises as `resolve`."""
    entry, index, prod, rules = _looked(services, subject, session, production)
    plan = _plan(services, subject, entry, index, prod, rules, _as_indexed(entry, index, subject.dev))
    return replace(plan, notes=(planned.not_compiled(), *plan.notes))


def _looked(
    services: Services, subject: Subject, session: Session, production: Look
) -> tuple[Entry, Index, Table, Rules]:
    entry, index = entry_of(services, subject.unique_id)
    planning.refuse(entry, subject.request, index, services.settings, services.clock().date())
    prod = _checked_table(services, subject, entry, session, production)
    return entry, index, prod, planning.rules(entry, services.settings, prod.columns)


def _as_indexed(entry: Entry, index: Index, dev: Relation) -> Compiled:
    above = (e.prod if (e := index.by_id.get(uid)) else index.sources.get(uid) for uid in entry.parents)
    return Compiled(
        sql="",
        relation=dev,
        reads=tuple(sorted({relation for relation in above if relation})),
        tests=entry.tests,
        materialized=entry.materialized,
        transient=entry.transient,
        warehouse=entry.warehouse,
        version=Version(index.code, index.dirty, index.fingerprint),
    )


def _checked_table(services: Services, subject: Subject, entry: Entry, session: Session, production: Look) -> Table:
    schema = session.schema(subject.dev)
    dev_owner = session.owner(subject.dev) if schema else ""
    prod = production()
    planning.refuse_table(
        entry,
        subject.request,
        prod,
        services.settings,
        dev=subject.dev,
        dev_owner=dev_owner,
        dev_schema_owner=schema.owner if schema else "",
        dev_schema_transient=schema.transient if schema else False,
        builder_roles=session.available_roles(),
    )
    assert prod is not None
    return prod


def _plan(
    services: Services, subject: Subject, entry: Entry, index: Index, prod: Table, rules: Rules, compiled: Compiled
) -> Plan:
    request, settings = subject.request, services.settings
    changed = request.columns or rules.metrics
    below = planning.readers(index, entry.unique_id, (), {})
    sql = services.project.sql(r.unique_id for r in below)
    foreign = planning.foreign_hooks(compiled, index)
    found = planning.readers(index, entry.unique_id, changed, sql)
    earlier = services.store.durations(entry.unique_id, request.mode)
    return Plan(
        unique_id=entry.unique_id,
        name=entry.name,
        prod=prod,
        dev=compiled.relation,
        materialized=compiled.materialized,
        warehouse=compiled.warehouse or settings.warehouse.builder.warehouse,
        warehouse_override=bool(request.warehouse),
        vars=planning.variables(entry, request, settings),
        parents=tuple(str(r) for r in compiled.reads),
        rules=rules,
        code=compiled.version.commit,
        code_in_prod=planning.code_in_prod(entry) if compiled.version.fingerprint == index.fingerprint else None,
        dirty=compiled.version.dirty,
        reads_date=entry.reads_date,
        hooks=tuple(h for h in compiled.hooks if h not in foreign),
        skipped_hooks=foreign,
        tests=compiled.tests,
        readers=found,
        exposures=planning.exposures(index, entry.unique_id, found),
        siblings=len(planning.siblings(index, entry.unique_id)),
        compiled_sql=compiled.sql,
        notes=(*_notes(entry, services.store.problem()), *_unapprovable(services, entry.name, rules)),
        mentions_target=entry.mentions_target,
        kept_clocks=planning.kept_clocks(entry, request, _clocks(prod, rules, compiled)),
        typical_seconds=statistics.median(earlier) if earlier else None,
    )


def _clocks(prod: Table, rules: Rules, compiled: Compiled) -> tuple[str, ...]:
    """Those that are set, else those that the model's SQL fills with the current time."""
    written = clocks.written(compiled.sql)
    return rules.clock or tuple(c.name for c in prod.columns if c.name.upper() in written)


def _unapprovable(services: Services, name: str, rules: Rules) -> tuple[str, ...]:
    """Said before anything is built, where the model's own rule leaves too few people who may approve."""
    if not (rules.approvers or rules.quorum):
        return ()
    needed = policy.quorum_of(name, rules, services.settings)
    try:
        left = policy.expanded(policy.approvers_of(name, rules, services.settings), services.chat.members)
    except LookupFailed:
        return ()  # asked again at each click
    return (planned.too_few(name, len(left), needed),) if len(left) < needed else ()


def _notes(entry: Entry, problem: str) -> tuple[str, ...]:
    """What a person should know of before approving, and that no check can settle."""
    return (
        *((planned.mentions_target(entry.name),) if entry.mentions_target else ()),
        *((planned.older_code(),) if problem else ()),
    )
